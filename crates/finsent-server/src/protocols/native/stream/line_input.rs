//! What a line of the request says.

use serde_json::value::RawValue;

use super::super::item::{check_id, parse_item};
use super::line_fields::LineFields;
use crate::error::HttpError;
use crate::request::{Fields, TextInput, kind, parse_text, without_position};

/// A line of the request.
pub(crate) struct LineInput {
    pub(super) fields: LineFields,
    /// The text, or what is wrong with the line.
    pub(crate) text: Result<TextInput, String>,
}

impl LineInput {
    /// Parses a line whose other fields than the text go out again, or else only its id.
    pub(crate) fn parse(line: &[u8], passes_fields_on: bool) -> Self {
        let json: &RawValue = match serde_json::from_slice(line) {
            Ok(json) => json,
            Err(error) => {
                let (reason, column) = (without_position(&error), error.column());
                return Self::failed(format!("the line is not valid JSON: {reason} at column {column}"));
            }
        };
        if passes_fields_on && kind(json) == "an object" { Self::with_fields(json) } else { Self::with_id(json) }
    }

    fn failed(reason: String) -> Self {
        Self { fields: LineFields::None, text: Err(reason) }
    }

    fn with_fields(json: &RawValue) -> Self {
        let fields = match Fields::of(json, None) {
            Ok(fields) => fields,
            Err(error) => return Self::failed(error.to_string()),
        };
        let text = match fields.get("text") {
            Some(text) => parse_text(text, None).map_err(|error| error.to_string()),
            None => Err("the field `text` is missing".into()),
        };
        match LineFields::all(&fields) {
            Ok(fields) => Self { fields, text },
            Err(reason) => Self { fields: id_of(json), text: Err(reason) },
        }
    }

    fn with_id(json: &RawValue) -> Self {
        match parse_item(json, None) {
            Ok((id, text)) => Self { fields: id.map_or(LineFields::None, as_fields), text: Ok(text) },
            Err(error @ HttpError::UnknownField { .. }) => {
                let reason = format!("{error}; to get other fields back, add ?passthrough=true to the path");
                Self { fields: id_of(json), text: Err(reason) }
            }
            Err(error) => Self { fields: id_of(json), text: Err(error.to_string()) },
        }
    }
}

fn as_fields(id: &RawValue) -> LineFields {
    LineFields::Id(id.to_owned())
}

/// The id of a line that is otherwise invalid, so that its error can be matched.
fn id_of(json: &RawValue) -> LineFields {
    let id = Fields::of(json, None).ok().and_then(|fields| check_id(fields.get("id")?, None).ok());
    id.map_or(LineFields::None, as_fields)
}
