//! The messages of OTLP: those fields of `opentelemetry/proto/trace/v1/trace.proto` and its kin that are sent and read here.

use prost::Message;

use super::context::SpanId;
use super::spans::{Part, RequestSpans};

/// What exports are answered with if they fail: `google.rpc.Status`.
#[derive(Clone, PartialEq, Message)]
pub(super) struct FailureStatus {
    #[prost(string, tag = "2")]
    pub(super) message: String,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct ExportTraceServiceRequest {
    #[prost(message, repeated, tag = "1")]
    resource_spans: Vec<ResourceSpans>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct ExportTraceServiceResponse {
    #[prost(message, optional, tag = "1")]
    pub(super) partial_success: Option<PartialSuccess>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct PartialSuccess {
    #[prost(int64, tag = "1")]
    pub(super) rejected_spans: i64,
    #[prost(string, tag = "2")]
    pub(super) error_message: String,
}

#[derive(Clone, PartialEq, Message)]
struct ResourceSpans {
    #[prost(message, optional, tag = "1")]
    resource: Option<Resource>,
    #[prost(message, repeated, tag = "2")]
    scope_spans: Vec<ScopeSpans>,
}

/// The service, as the attributes of all of its spans.
#[derive(Clone, PartialEq, Message)]
pub(super) struct Resource {
    #[prost(message, repeated, tag = "1")]
    pub(super) attributes: Vec<KeyValue>,
}

#[derive(Clone, PartialEq, Message)]
struct ScopeSpans {
    #[prost(message, optional, tag = "1")]
    scope: Option<Scope>,
    #[prost(message, repeated, tag = "2")]
    spans: Vec<Span>,
}

#[derive(Clone, PartialEq, Message)]
struct Scope {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(string, tag = "2")]
    version: String,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct KeyValue {
    #[prost(string, tag = "1")]
    key: String,
    #[prost(message, optional, tag = "2")]
    value: Option<AnyValue>,
}

#[derive(Clone, PartialEq, Message)]
struct AnyValue {
    #[prost(oneof = "Value", tags = "1, 3")]
    value: Option<Value>,
}

#[derive(Clone, PartialEq, prost::Oneof)]
enum Value {
    #[prost(string, tag = "1")]
    String(String),
    #[prost(int64, tag = "3")]
    Int(i64),
}

#[derive(Clone, PartialEq, Message)]
struct Span {
    #[prost(bytes = "vec", tag = "1")]
    trace_id: Vec<u8>,
    #[prost(bytes = "vec", tag = "2")]
    span_id: Vec<u8>,
    #[prost(string, tag = "3")]
    trace_state: String,
    #[prost(bytes = "vec", tag = "4")]
    parent_span_id: Vec<u8>,
    #[prost(string, tag = "5")]
    name: String,
    #[prost(enumeration = "Kind", tag = "6")]
    kind: i32,
    #[prost(fixed64, tag = "7")]
    start_time_unix_nano: u64,
    #[prost(fixed64, tag = "8")]
    end_time_unix_nano: u64,
    #[prost(message, repeated, tag = "9")]
    attributes: Vec<KeyValue>,
    #[prost(message, optional, tag = "15")]
    status: Option<Status>,
    #[prost(fixed32, tag = "16")]
    flags: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, prost::Enumeration)]
enum Kind {
    Unspecified = 0,
    Internal = 1,
    Server = 2,
}

#[derive(Clone, PartialEq, Message)]
struct Status {
    #[prost(enumeration = "Code", tag = "3")]
    code: i32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, prost::Enumeration)]
enum Code {
    Unset = 0,
    Ok = 1,
    Error = 2,
}

/// The flag that says that the next one is known.
const HAS_IS_REMOTE: u32 = 0x100;
/// The flag of a span whose parent is in another process.
const IS_REMOTE: u32 = 0x200;
/// The flag of W3C, which a sampled trace has whatever its parent says.
const SAMPLED: u32 = 1;

/// The message with the spans of these requests.
pub(super) fn export_request(resource: &Resource, requests: Vec<RequestSpans>) -> ExportTraceServiceRequest {
    let scope = Scope { name: "finsent".to_owned(), version: env!("CARGO_PKG_VERSION").to_owned() };
    let spans = requests.into_iter().flat_map(spans).collect();
    let scope_spans = vec![ScopeSpans { scope: Some(scope), spans }];
    ExportTraceServiceRequest { resource_spans: vec![ResourceSpans { resource: Some(resource.clone()), scope_spans }] }
}

fn spans(mut request: RequestSpans) -> Vec<Span> {
    let parts = std::mem::take(&mut request.parts);
    let mut spans = Vec::with_capacity(1 + parts.len());
    spans.extend(parts.into_iter().map(|part| of_part(&request, part)));
    spans.push(of_request(request));
    spans
}

fn of_part(request: &RequestSpans, part: Part) -> Span {
    Span {
        trace_id: request.trace_id.bytes(),
        span_id: SpanId::random().bytes(),
        trace_state: request.trace_state.clone(),
        parent_span_id: request.id.bytes(),
        name: part.name.to_owned(),
        kind: Kind::Internal.into(),
        start_time_unix_nano: request.unix(part.start),
        end_time_unix_nano: request.unix(part.end),
        attributes: part.attributes.into_iter().map(|(key, value)| KeyValue::number(key, value)).collect(),
        status: None,
        flags: u32::from(request.flags) | SAMPLED | HAS_IS_REMOTE,
    }
}

fn of_request(request: RequestSpans) -> Span {
    let is_remote = if request.parent.is_some() { IS_REMOTE } else { 0 };
    let method = request.method.unwrap_or("HTTP");
    Span {
        trace_id: request.trace_id.bytes(),
        span_id: request.id.bytes(),
        parent_span_id: request.parent.map(SpanId::bytes).unwrap_or_default(),
        name: request.route.map_or_else(|| method.to_owned(), |route| format!("{method} {route}")),
        kind: Kind::Server.into(),
        start_time_unix_nano: request.start_unix(),
        end_time_unix_nano: request.unix(request.end),
        status: error_type(&request).map(|_| Status { code: Code::Error.into() }),
        flags: u32::from(request.flags) | SAMPLED | HAS_IS_REMOTE | is_remote,
        attributes: attributes(&request),
        trace_state: request.trace_state,
    }
}

/// Why a request counts as failed. What is the client's fault does not, as OpenTelemetry has it for servers.
fn error_type(request: &RequestSpans) -> Option<String> {
    match request.status {
        None => Some("client_disconnected".to_owned()),
        Some(_) if request.is_cut => Some("client_disconnected".to_owned()),
        Some(status) => (status >= 500).then(|| status.to_string()),
    }
}

/// Under the names of OpenTelemetry's conventions for HTTP servers, and those of finsent.
fn attributes(request: &RequestSpans) -> Vec<KeyValue> {
    let text = |key, value: &str| (!value.is_empty()).then(|| KeyValue::text(key, value));
    let count = |key, value| (value > 0).then(|| KeyValue::number(key, value));
    let counts = request.counts;
    [
        text("http.request.method", request.method.unwrap_or("_OTHER")),
        text("http.route", request.route.unwrap_or_default()),
        text("url.path", &request.path),
        text("url.scheme", "http"),
        request.status.map(|status| KeyValue::number("http.response.status_code", status.into())),
        text("error.type", &error_type(request).unwrap_or_default()),
        text("finsent.request_id", &request.request_id),
        text("finsent.model", &request.model),
        count("finsent.texts", counts.texts),
        count("finsent.tokens", counts.tokens),
        count("finsent.failed_texts", counts.failed),
        count("finsent.cached_texts", counts.cached),
    ]
    .into_iter()
    .flatten()
    .collect()
}

impl KeyValue {
    pub(super) fn text(key: &str, value: &str) -> Self {
        Self { key: key.to_owned(), value: Some(AnyValue { value: Some(Value::String(value.to_owned())) }) }
    }

    fn number(key: &str, value: usize) -> Self {
        Self { key: key.to_owned(), value: Some(AnyValue { value: Some(Value::Int(value as i64)) }) }
    }
}
