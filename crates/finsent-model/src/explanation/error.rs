//! Why a text has no explanation.

use thiserror::Error;

use super::method::ExplainMethod;
use crate::tokenizer::TokenizerError;

/// Why a text has no explanation.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ExplainError {
    /// The model does not have the label.
    #[error("no label `{label}` to explain; the labels are {}", known.join(", "))]
    UnknownLabel {
        /// The label that was asked for.
        label: String,
        /// The labels of the model.
        known: Vec<String>,
    },
    /// The text has too many words for the passes that are allowed.
    #[error(
        "the text has {words} words, for which {method} takes at least {needed} passes, and {passes} {} allowed",
        if *passes == 1 { "is" } else { "are" }
    )]
    TooFewPasses {
        /// The method that was asked for.
        method: ExplainMethod,
        /// The words that the model reads of the text.
        words: usize,
        /// The least number of passes.
        needed: usize,
        /// The passes that are allowed.
        passes: usize,
    },
    /// An explanation is about one prediction, and there is one for each sentence.
    #[error("an explanation needs one prediction for the text, and there is one for each of its sentences")]
    Sentences,
    /// The model's tokenizer adds no tokens of its own, so a text without words is nothing to read.
    #[error("the model cannot read a text without words, so its predictions have no explanation")]
    NoEmptyText,
    /// The tokens of the text could not be found in it.
    #[error(transparent)]
    Tokenizer(#[from] TokenizerError),
}
