//! A text of a request, or why it cannot be scored.

use finsent_model::{ExplainError, ExplainMethod, Text, TextError, TokenizerError};
use serde_json::value::RawValue;
use thiserror::Error;

use super::json::{kind, text_elements, without_position};
use crate::error::HttpError;
use crate::scheduler::Failure;

/// Why one text of a request has no prediction.
#[derive(Debug, Error)]
pub(crate) enum ItemError {
    /// A JSON string that is not valid Unicode, such as half of a surrogate pair.
    #[error("not a valid string: {0}")]
    NotAString(String),
    #[error(transparent)]
    Text(#[from] TextError),
    #[error(transparent)]
    Tokenizer(#[from] TokenizerError),
    /// The client does not allow truncation.
    #[error("the text is longer than the model's window of {window} tokens")]
    TooLong {
        /// Tokens that the model reads at once.
        window: usize,
    },
    /// The prediction cannot be explained.
    #[error("{}{}", .0, remedy(.0))]
    Explain(#[from] ExplainError),
    /// The texts before it have used up what explanations may take.
    #[error(
        "the explanations of a request may take {limit} passes in all (--explain-budget); send fewer texts at a time"
    )]
    ExplainBudget {
        /// Token sequences that a request may take.
        limit: usize,
    },
    #[error(transparent)]
    Compute(#[from] Failure),
}

/// What to do about a text that is too long to be explained.
fn remedy(error: &ExplainError) -> &'static str {
    match error {
        ExplainError::TooFewPasses { method: ExplainMethod::Shapley, .. } => {
            "; shorten the text, or send `method` `occlusion` or `granularity` `document`"
        }
        ExplainError::TooFewPasses { .. } => "; shorten the text, or send `granularity` `document`",
        _ => "",
    }
}

/// A text of a request, or its error.
pub(crate) type TextInput = Result<Text, ItemError>;

impl ItemError {
    /// The error as that of the whole request: for the only text of a request, and for protocols without errors per text.
    pub(crate) fn into_request_error(self, index: Option<usize>) -> HttpError {
        match self {
            Self::NotAString(_)
            | Self::Text(_)
            | Self::Tokenizer(_)
            | Self::TooLong { .. }
            | Self::Explain(_)
            | Self::ExplainBudget { .. } => HttpError::Invalid { index, reason: self.to_string() },
            Self::Compute(failure) => failure.into(),
        }
    }
}

/// Reads a JSON string as a text. An invalid text fails the item; a value that is not a string fails the request.
///
/// # Errors
/// [`HttpError::Invalid`] for what is not a string.
pub(crate) fn parse_text(json: &RawValue, index: Option<usize>) -> Result<TextInput, HttpError> {
    if kind(json) != "a string" {
        return Err(HttpError::Invalid { index, reason: format!("expected a string, found {}", kind(json)) });
    }
    let string = serde_json::from_str::<String>(json.get());
    let not_a_string = |error: serde_json::Error| ItemError::NotAString(without_position(&error));
    Ok(string.map_err(not_a_string).and_then(|string| Ok(Text::parse(string)?)))
}

/// Reads a field that holds a text, or a list of texts.
///
/// # Errors
/// [`HttpError`] for anything else, and for a list of none or of more than `limit`.
pub(crate) fn parse_texts(json: &RawValue, field: &str, limit: usize) -> Result<Vec<TextInput>, HttpError> {
    match kind(json) {
        "a string" => Ok(vec![parse_text(json, None)?]),
        "an array" => {
            let items = text_elements(json, limit)?;
            items.into_iter().enumerate().map(|(index, item)| parse_text(item, Some(index))).collect()
        }
        other => Err(HttpError::invalid(format!("`{field}`: expected a string or an array of strings, found {other}"))),
    }
}
