//! What a line of the request says.

use serde_json::value::RawValue;
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::Schema;
use utoipa::{PartialSchema, ToSchema};

use super::super::super::schema;
use super::super::item::{check_id, parse_item};
use crate::request::{Fields, TextInput, without_position};

/// A line of the request.
pub(crate) struct LineInput {
    pub(crate) id: Option<Box<RawValue>>,
    /// The text, or what is wrong with the line.
    pub(crate) text: Result<TextInput, String>,
}

impl LineInput {
    pub(crate) fn parse(line: &[u8]) -> Self {
        let json: &RawValue = match serde_json::from_slice(line) {
            Ok(json) => json,
            Err(error) => {
                let (reason, column) = (without_position(&error), error.column());
                return Self {
                    id: None,
                    text: Err(format!("the line is not valid JSON: {reason} at column {column}")),
                };
            }
        };
        match parse_item(json, None) {
            Ok((id, text)) => Self { id: id.map(ToOwned::to_owned), text: Ok(text) },
            Err(error) => Self { id: id_of(json).map(ToOwned::to_owned), text: Err(error.to_string()) },
        }
    }
}

/// The id of a line that is otherwise invalid, so that its error can be matched.
fn id_of(json: &RawValue) -> Option<&RawValue> {
    check_id(Fields::of(json, None).ok()?.get("id")?, None).ok()
}

/// The schema of a line.
pub(in super::super) struct SentimentLine;

impl ToSchema for SentimentLine {}

impl PartialSchema for SentimentLine {
    fn schema() -> RefOr<Schema> {
        schema::text_with_id().into()
    }
}
