//! What `finsent classify` is asked to explain.

use finsent_model::ExplainOptions;

/// What predictions are explained, and how.
#[derive(Debug, Clone)]
pub(crate) struct Explained {
    pub(crate) options: ExplainOptions,
    /// Whether the explanations are all that is asked for, not a column of a table.
    pub(crate) is_all: bool,
}
