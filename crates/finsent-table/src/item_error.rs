//! Why one item has no prediction.

use std::sync::Arc;

use finsent_model::{ClassifyError, TextError};
use thiserror::Error;

/// Why one item has no prediction. Its message is the item's `error` in the output.
#[derive(Debug, Clone, Error)]
#[non_exhaustive]
pub enum ItemError {
    /// The text cannot be classified.
    #[error(transparent)]
    Text(#[from] TextError),
    /// The model has no prediction for the text.
    #[error(transparent)]
    Classify(Arc<ClassifyError>),
    /// The text is not UTF-8.
    #[error(transparent)]
    NotUtf8(#[from] NotUtf8),
    /// A line is too long to be read.
    #[error("the line is longer than {limit} bytes")]
    LineTooLong {
        /// The limit, in bytes.
        limit: u64,
    },
    /// A line of a JSON Lines file is not an object; the parser's message.
    #[error("not a JSON object: {0}")]
    Json(String),
    /// An object has the same field twice.
    #[error("the field `{0}` occurs twice")]
    FieldTwice(Arc<str>),
    /// An object does not have the field of the text.
    #[error("no field `{0}`")]
    NoField(Arc<str>),
    /// The text is null.
    #[error("the field `{0}` is null")]
    Null(Arc<str>),
    /// The text is another value than a string, or a string with half of a surrogate pair.
    #[error("the field `{0}` is not a valid string")]
    NotAString(Arc<str>),
    /// A record has more or fewer fields than the header.
    #[error("{found} {}; the header has {expected}", if *found == 1 { "field" } else { "fields" })]
    Ragged {
        /// Fields of the header.
        expected: usize,
        /// Fields of the record.
        found: usize,
    },
    /// A field has the name of a column that the output adds.
    #[error("the field `{0}` clashes with an output column; rename it")]
    NameTaken(Arc<str>),
    /// The columns of the output are settled, and the field has none.
    #[error("the first row has no `{0}`, so the output has no column for it")]
    NoColumn(Arc<str>),
    /// The type of a column is settled, and the field has another.
    #[error("the field `{field}` is not {expected}, which it is in the first rows")]
    OtherType {
        /// Name of the field.
        field: Arc<str>,
        /// The type of the column, with its article.
        expected: &'static str,
    },
}

impl From<ClassifyError> for ItemError {
    fn from(error: ClassifyError) -> Self {
        Self::Classify(Arc::new(error))
    }
}

/// Bytes that are not UTF-8.
#[derive(Debug, Clone, Error, PartialEq, Eq)]
#[error("not UTF-8: byte 0x{byte:02x} at position {position}")]
pub struct NotUtf8 {
    byte: u8,
    /// From 1, in bytes, within the line or field.
    position: usize,
}

/// `bytes` as a string.
pub(crate) fn utf8(bytes: &[u8]) -> Result<&str, NotUtf8> {
    str::from_utf8(bytes)
        .map_err(|error| NotUtf8 { byte: bytes[error.valid_up_to()], position: error.valid_up_to() + 1 })
}
