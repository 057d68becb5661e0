//! A line of the response.

use actix_web::web::Bytes;
use finsent_model::Classification;
use serde::Serialize;
use serde_json::value::RawValue;
use utoipa::ToSchema;

use super::super::super::schema;
use super::super::item::ClassifiedText;

/// The predictions for a line, or its error
#[derive(Debug, Serialize, ToSchema)]
#[serde(untagged)]
pub(in super::super) enum ResponseLine<'a> {
    Classified(ClassifiedText<'a>),
    Failed(FailedLine<'a>),
}

/// A line without a prediction
#[derive(Debug, Serialize, ToSchema)]
pub(in super::super) struct FailedLine<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(schema_with = schema::id, required = false)]
    id: Option<&'a RawValue>,
    error: String,
    /// The number of the line in the request's body, counted from 1
    line: u64,
}

pub(super) fn classified_line(id: Option<&RawValue>, classification: Classification) -> Bytes {
    write(&ResponseLine::Classified(ClassifiedText { id, classification }))
}

pub(super) fn failed_line(id: Option<&RawValue>, error: String, line: u64) -> Bytes {
    write(&ResponseLine::Failed(FailedLine { id, error, line }))
}

fn write(line: &ResponseLine<'_>) -> Bytes {
    let mut json = serde_json::to_vec(line).expect("a line is valid JSON");
    json.push(b'\n');
    json.into()
}
