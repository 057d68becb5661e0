//! A text with its id, in a request and in a response.

use finsent_model::{Classification, Explanation};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::error::HttpError;
use crate::request::{Fields, TextInput, WholeNumber, kind, parse_text, without_position};

#[derive(Deserialize)]
struct TextWithId<'a> {
    #[serde(borrow)]
    id: &'a RawValue,
    #[serde(borrow)]
    text: &'a RawValue,
}

/// A text, or an object with `id` and `text`.
///
/// # Errors
/// [`HttpError`] for another value, with the index of the text.
pub(super) fn parse_item(item: &RawValue, index: Option<usize>) -> Result<(Option<&RawValue>, TextInput), HttpError> {
    if kind(item) != "an object" {
        return Ok((None, parse_text(item, index)?));
    }
    let TextWithId { id, text } = Fields::of(item, index)?.read_strict()?;
    let id = check_id(id, index)?;
    Ok((Some(id), parse_text(text, index)?))
}

/// An id comes back as it was written, so it is checked and not converted.
///
/// # Errors
/// [`HttpError::Invalid`] unless it is a string or an integer.
pub(super) fn check_id(id: &RawValue, index: Option<usize>) -> Result<&RawValue, HttpError> {
    let reason = match kind(id) {
        "a string" => serde_json::from_str::<String>(id.get()).err().map(|error| without_position(&error)),
        "a number" => serde_json::from_str::<WholeNumber>(id.get()).err().map(|error| without_position(&error)),
        other => Some(format!("expected a string or an integer, found {other}")),
    };
    match reason {
        None => Ok(id),
        Some(reason) => Err(HttpError::Invalid { index, reason: format!("`id`: {reason}") }),
    }
}

/// The prediction for a text, or several, with its id
#[derive(Debug, Serialize)]
pub(crate) struct ClassifiedText<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) id: Option<&'a RawValue>,
    #[serde(flatten)]
    pub(super) classification: Classification,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) explanation: Option<Explanation>,
}
