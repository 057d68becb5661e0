//! How the weight of a word is computed.

use std::fmt;
use std::str::FromStr;

/// How the weight of a word is computed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum ExplainMethod {
    /// The probability of the text minus that of the text without the word. It takes one pass per word, and one more.
    Occlusion,
    /// The Shapley value: what the word adds on average, over all orders in which words can be added to the empty text. The
    /// weights add up to the probability of the text minus that of the empty text. It is exact if all sets of words fit the
    /// number of passes, which is so to 9 words by default; beyond that it is estimated from orders drawn at random.
    #[default]
    Shapley,
}

impl ExplainMethod {
    /// All methods.
    pub const ALL: [Self; 2] = [Self::Occlusion, Self::Shapley];

    /// Its name on the command line and in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::Occlusion => "occlusion",
            Self::Shapley => "shapley",
        }
    }
}

impl fmt::Display for ExplainMethod {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for ExplainMethod {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        let method = Self::ALL.into_iter().find(|method| method.name() == name);
        method.ok_or_else(|| "expected `occlusion` or `shapley`".into())
    }
}
