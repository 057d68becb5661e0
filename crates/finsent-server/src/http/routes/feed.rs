//! finsent's own route for streams: POST /v1/sentiment with a line a text.

use std::collections::BTreeMap;

use actix_web::web::{Bytes, Payload, Query};
use actix_web::{HttpRequest, HttpResponse};
use finsent_model::{Classification, suggest};
use serde::Serialize;
use serde_json::value::{RawValue, to_raw_value};
use utoipa::ToSchema;

use super::super::admit::Admitted;
use super::super::body::ContentCoding;
use super::super::error::HttpError;
use super::super::feed::{Terms, answers};
use super::super::fields::{Fields, without_place};
use super::super::infer::Input;
use super::schema;
use super::sentiment::{Options, WithAnswer, id_of, item_of};
use crate::scheduler::Lane;

/// A line of the answer: what was asked of the text, or why there is none.
#[derive(Debug, Serialize, ToSchema)]
#[serde(untagged)]
pub(in super::super) enum AnswerLine<'a> {
    Classification(WithAnswer<'a>),
    Failed(FailedLine<'a>),
}

#[derive(Debug, Serialize, ToSchema)]
pub(in super::super) struct FailedLine<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(schema_with = schema::id, required = false)]
    id: Option<&'a RawValue>,
    error: String,
    /// The number of the line in the request's body, from 1
    line: u64,
}

const PARAMETERS: [&str; 4] = ["model", "granularity", "deadline_ms", "priority"];

/// A stream leaves the interactive lane to those who wait for one answer, unless it says otherwise.
pub(super) async fn feed(admitted: Admitted, request: HttpRequest, body: Payload) -> Result<HttpResponse, HttpError> {
    let Options { model, granularity, deadline, lane } = options(request.query_string())?;
    let packing = ContentCoding::of(request.headers())?;
    if !admitted.loaded().scheduler.is_alive() {
        return Err(HttpError::Stopped);
    }
    let terms =
        Terms { model: admitted.model(model.as_deref())?, granularity, lane: lane.unwrap_or(Lane::Bulk), deadline };
    let answers = answers(admitted, terms, packing, body);
    Ok(HttpResponse::Ok().content_type("application/x-ndjson").streaming(answers))
}

/// The fields of the JSON form, as parameters.
fn options(query: &str) -> Result<Options, HttpError> {
    let malformed = |error| HttpError::Malformed(format!("the query cannot be read: {error}"));
    let pairs = Query::<Vec<(String, String)>>::from_query(query).map_err(malformed)?.into_inner();
    let mut fields = BTreeMap::new();
    for (name, value) in pairs {
        if !PARAMETERS.contains(&name.as_str()) {
            let suggest = suggest(&name, PARAMETERS.into_iter()).map(String::from);
            return Err(HttpError::UnknownParameter { name, suggest });
        }
        let value = match value.parse::<f64>() {
            Ok(number) if name == "deadline_ms" => to_raw_value(&number),
            _ => to_raw_value(&value),
        };
        let value = value.expect("a number and a string are JSON");
        if fields.insert(name.clone(), value).is_some() {
            return Err(HttpError::invalid(format!("the parameter `{name}` is there twice")));
        }
    }
    let json = serde_json::to_vec(&fields).expect("a map of JSON by name is JSON");
    Options::of(&Fields::of_body(&json)?)
}

/// What a line gives.
pub(in super::super) struct Given {
    pub(in super::super) id: Option<Box<RawValue>>,
    /// Its text, or what is wrong with the line.
    pub(in super::super) input: Result<Input, String>,
}

impl Given {
    pub(in super::super) fn read(line: &[u8]) -> Self {
        let json: &RawValue = match serde_json::from_slice(line) {
            Ok(json) => json,
            Err(error) => {
                let reason =
                    format!("the line is not valid JSON: {} at column {}", without_place(&error), error.column());
                return Self { id: None, input: Err(reason) };
            }
        };
        match item_of(json, None) {
            Ok((id, input)) => Self { id: id.map(ToOwned::to_owned), input: Ok(input) },
            Err(error) => {
                let id = Fields::of(json, None).and_then(|fields| id_of(&fields, None)).ok();
                Self { id: id.map(ToOwned::to_owned), input: Err(error.to_string()) }
            }
        }
    }
}

/// The answer to a line that has one.
pub(in super::super) fn answer_line(id: Option<&RawValue>, answer: Classification) -> Bytes {
    written(&AnswerLine::Classification(WithAnswer { id, answer }))
}

/// The answer to a line that has none.
pub(in super::super) fn error_line(id: Option<&RawValue>, error: String, line: u64) -> Bytes {
    written(&AnswerLine::Failed(FailedLine { id, error, line }))
}

fn written(line: &AnswerLine<'_>) -> Bytes {
    let mut json = serde_json::to_vec(line).expect("names, numbers and JSON are JSON");
    json.push(b'\n');
    json.into()
}
