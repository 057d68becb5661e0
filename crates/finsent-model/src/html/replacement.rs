//! What an entity or a tag is replaced by.

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Replacement {
    Letters(String),
    /// Line ends, unless some are there already.
    Break(&'static str),
    Nothing,
}
