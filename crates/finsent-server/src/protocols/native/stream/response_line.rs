//! A line of the response.

use actix_web::web::Bytes;
use finsent_model::Classification;
use serde::Serialize;
use serde_json::value::RawValue;

use super::super::item::ClassifiedText;
use super::line_fields::LineFields;

/// The predictions for a line, or its error
#[derive(Debug, Serialize)]
#[serde(untagged)]
enum ResponseLine<'a> {
    Classified(ClassifiedText<'a>),
    Failed(FailedLine<'a>),
}

/// A line without a prediction
#[derive(Debug, Serialize)]
struct FailedLine<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<&'a RawValue>,
    error: String,
    /// The number of the line in the request's body, counted from 1
    line: u64,
}

pub(super) fn classified_line(fields: &LineFields, classification: Classification) -> Bytes {
    write(fields, &ResponseLine::Classified(ClassifiedText { id: fields.id(), classification, explanation: None }))
}

pub(super) fn failed_line(fields: &LineFields, error: String, line: u64) -> Bytes {
    write(fields, &ResponseLine::Failed(FailedLine { id: fields.id(), error, line }))
}

fn write(fields: &LineFields, line: &ResponseLine<'_>) -> Bytes {
    let json = serde_json::to_vec(line).expect("a line is valid JSON");
    let mut json = fields.before(json);
    json.push(b'\n');
    json.into()
}
