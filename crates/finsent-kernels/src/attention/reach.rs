//! Which tokens a token attends to.

use std::ops::Range;

/// Which tokens of its text a token attends to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// All of them.
    All,
    /// Itself, and so many before and after it.
    Window(usize),
}

impl Reach {
    /// The tokens that the token at `position` attends to, of a text of so many tokens.
    pub fn tokens(self, position: usize, tokens: usize) -> Range<usize> {
        match self {
            Self::All => 0..tokens,
            Self::Window(side) => {
                position.saturating_sub(side)..tokens.min(position.saturating_add(side).saturating_add(1))
            }
        }
    }
}
