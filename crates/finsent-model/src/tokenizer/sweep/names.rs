//! The names of added tokens, which are found in a text before it is split into words.

use tokenizers::normalizers::BertNormalizer;
use tokenizers::{NormalizedString, Normalizer, Result};

use super::letters::{Kind, Letters};
use crate::tokenizer::model::Library;

/// The most added tokens whose names are looked for one by one.
const MAX_NAMES: usize = 64;

/// A name as it is, and as it is normalized. Which of them counts depends on the token; here it is found as either.
#[derive(Debug)]
pub(super) struct Names {
    names: Vec<(String, String)>,
}

impl Names {
    /// Marks the letters that names begin with. `None` if there are too many names, or one has blanks or nothing but
    /// characters that are removed.
    pub(super) fn of(tokenizer: &Library, normalizer: &BertNormalizer, letters: &mut Letters) -> Result<Option<Self>> {
        let mut names = Vec::new();
        for token in tokenizer.get_added_tokens_decoder().into_values() {
            let mut normalized = NormalizedString::from(&*token.content);
            normalizer.normalize(&mut normalized)?;
            let normalized = normalized.get().to_owned();
            let has_blanks = |name: &str| name.contains(char::is_whitespace);
            let firsts = token.content.chars().next().zip(normalized.chars().next());
            let Some((first, first_normalized)) = firsts else { return Ok(None) };
            if names.len() == MAX_NAMES || has_blanks(&token.content) || has_blanks(&normalized) {
                return Ok(None);
            }
            letters.mark(first, first_normalized);
            names.push((token.content, normalized));
        }
        Ok(Some(Self { names }))
    }

    /// Whether `text` begins with a name, or may do so after normalization.
    pub(super) fn may_begin(&self, text: &str, letters: &Letters) -> bool {
        self.names.iter().any(|(name, normalized)| text.starts_with(name) || may_become(text, normalized, letters))
    }
}

/// Whether `text` may begin with `name` when it is normalized.
fn may_become(text: &str, name: &str, letters: &Letters) -> bool {
    let mut text = text.chars().map(|letter| letters.get(letter)).filter(|letter| letter.kind != Kind::Removed);
    name.chars().all(|expected| {
        let found = text.next();
        found.is_some_and(|letter| letter.kind == Kind::Foreign || letter.normalized == expected)
    })
}
