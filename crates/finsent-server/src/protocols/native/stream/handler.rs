//! The route: query parameters in, a streaming response out.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::rc::Rc;

use actix_web::web::{Bytes, Payload, Query};
use actix_web::{HttpRequest, HttpResponse};
use futures_util::{Stream, StreamExt, stream};
use serde::Deserialize;
use serde_json::value::{RawValue, to_raw_value};
use tokio::sync::mpsc::channel;

use super::super::options::{Aggregate, Granularity, Priority, check_labels, deadline, granularity};
use super::pending_line::StreamOptions;
use super::reader::{BYTES_PER_STREAM, LINES_AHEAD, Reader};
use super::writer::Writer;
use crate::error::HttpError;
use crate::excerpt::excerpt;
use crate::memory_budget::Holder;
use crate::request::{Admitted, ContentCoding, Fields, MemoryPermit};
use crate::scheduler::{Flow, Lane};

/// The query parameters.
#[derive(Deserialize)]
struct Parameters {
    model: Option<String>,
    granularity: Option<Granularity>,
    aggregate: Option<Aggregate>,
    unescape_html: Option<bool>,
    deadline_ms: Option<f64>,
    priority: Option<Priority>,
    passthrough: Option<bool>,
}

/// Answers a stream. Its priority is bulk by default, so that it does not delay clients that wait for one answer.
pub(crate) async fn classify_stream(
    admitted: Admitted,
    request: HttpRequest,
    body: Payload,
) -> Result<HttpResponse, HttpError> {
    let parameters = parse_query(request.query_string())?;
    let time_limit = deadline(parameters.deadline_ms)?;
    let coding = ContentCoding::of(request.headers())?;
    if !admitted.loaded().scheduler.is_alive() {
        return Err(HttpError::Stopped);
    }
    let model = admitted.model(parameters.model.as_deref())?;
    let granularity = granularity(parameters.granularity, parameters.aggregate)?;
    check_labels(granularity, &model)?;
    let options = StreamOptions {
        model,
        granularity,
        unescape_html: parameters.unescape_html.unwrap_or_default(),
        lane: parameters.priority.map_or(Lane::Bulk, Into::into),
        flow: Flow::default(),
        time_limit,
        passes_fields_on: parameters.passthrough.unwrap_or_default(),
    };
    let mut memory = MemoryPermit::new(admitted.service(), Holder::Stream);
    memory.grow(BYTES_PER_STREAM)?;
    let responses = responses(admitted, options, coding, (body, memory));
    Ok(HttpResponse::Ok().content_type("application/x-ndjson").streaming(responses))
}

/// The query, read as the fields of the JSON form are.
fn parse_query(query: &str) -> Result<Parameters, HttpError> {
    let malformed = |error| HttpError::Malformed(format!("cannot read the query: {error}"));
    let pairs = Query::<Vec<(String, String)>>::from_query(query).map_err(malformed)?.into_inner();
    let mut fields: BTreeMap<String, Box<RawValue>> = BTreeMap::new();
    for (name, value) in pairs {
        let value = json_value(&name, &value).expect("numbers, booleans and strings are valid JSON");
        if fields.insert(name.clone(), value).is_some() {
            return Err(HttpError::invalid(format!("the parameter `{}` is given twice", excerpt(&name))));
        }
    }
    let json = serde_json::to_vec(&fields).expect("a map of JSON values is valid JSON");
    Fields::of_body(&json)?.read_strict().map_err(|error| match error {
        HttpError::UnknownField { field, suggestion, .. } => HttpError::UnknownParameter { name: field, suggestion },
        other => other,
    })
}

/// The value of a parameter, as the JSON form has it.
fn json_value(name: &str, value: &str) -> serde_json::Result<Box<RawValue>> {
    match (name, value.parse::<f64>(), value.parse::<bool>()) {
        // JSON has no NaN and no infinities, and would write them as null.
        ("deadline_ms", Ok(number), _) if number.is_finite() => to_raw_value(&number),
        ("passthrough" | "unescape_html", _, Ok(flag)) => to_raw_value(&flag),
        _ => to_raw_value(value),
    }
}

/// The lines of the response. Reading yields none of them: it is polled together with the writer.
fn responses(
    admitted: Admitted,
    options: StreamOptions,
    coding: ContentCoding,
    (body, memory): (Payload, MemoryPermit),
) -> impl Stream<Item = Result<Bytes, Infallible>> {
    let (sender, receiver) = channel(LINES_AHEAD);
    let (admitted, options) = (Rc::new(admitted), Rc::new(options));
    let writer = Writer::new(&admitted, &options, receiver);
    let reader = Reader::new(admitted, options, coding, body, memory, sender);
    let written = stream::unfold(writer, |mut writer| async { Some((writer.next().await?, writer)) });
    let reading = stream::once(reader.run()).filter_map(async |()| None);
    stream::select(reading, written).map(Ok)
}
