//! The spans of one request, until they are exported.

use std::time::{Instant, SystemTime, UNIX_EPOCH};

use actix_web::http::Method;
use actix_web::http::header::HeaderMap;

use super::context::{RANDOM, SpanId, TraceContext, TraceId, trace_state};
use crate::excerpt::excerpt_of;

/// Bytes of a path that a span has.
const MAX_PATH: usize = 256;

/// What a span says of the head of its request.
pub(crate) struct RequestHead<'a> {
    pub(crate) method: &'a Method,
    /// `None` if the path is unknown.
    pub(crate) route: Option<&'static str>,
    pub(crate) path: &'a str,
    pub(crate) headers: &'a HeaderMap,
    pub(crate) request_id: &'a str,
}

/// The span of a request, and those of its parts.
#[derive(Debug)]
pub(super) struct RequestSpans {
    pub(super) trace_id: TraceId,
    pub(super) id: SpanId,
    /// The client's span.
    pub(super) parent: Option<SpanId>,
    pub(super) trace_state: String,
    /// Those of the trace.
    pub(super) flags: u8,
    start: Instant,
    /// Nanoseconds since 1970 at the start.
    start_unix: u64,
    pub(super) end: Instant,
    /// `None` for methods that HTTP does not define.
    pub(super) method: Option<&'static str>,
    pub(super) route: Option<&'static str>,
    pub(super) path: String,
    pub(super) request_id: String,
    /// `None` if there was no answer because the client left.
    pub(super) status: Option<u16>,
    /// Whether the client left before the end of the answer.
    pub(super) is_cut: bool,
    pub(super) model: String,
    pub(super) counts: Counts,
    pub(super) parts: Vec<Part>,
}

/// The texts of a request.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Counts {
    pub(crate) texts: usize,
    /// Those without a prediction.
    pub(crate) failed: usize,
    pub(crate) tokens: usize,
    pub(crate) cached: usize,
}

/// A part of a request's time.
#[derive(Debug)]
pub(super) struct Part {
    pub(super) name: &'static str,
    pub(super) start: Instant,
    pub(super) end: Instant,
    pub(super) attributes: Vec<(&'static str, usize)>,
}

impl RequestSpans {
    pub(super) fn new(
        trace_id: TraceId,
        context: Option<&TraceContext>,
        head: RequestHead<'_>,
        start: Instant,
    ) -> Self {
        let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let start_unix = since_1970.saturating_sub(start.elapsed()).as_nanos() as u64;
        let state = if context.is_some() { trace_state(head.headers) } else { String::new() };
        Self {
            trace_id,
            id: SpanId::random(),
            parent: context.map(|context| context.parent),
            trace_state: state,
            flags: context.map_or(RANDOM, |context| context.flags),
            start,
            start_unix,
            end: start,
            method: known(head.method),
            route: head.route,
            // That of an unknown route can be anything.
            path: head.route.map(|_| excerpt_of(head.path, MAX_PATH).into_owned()).unwrap_or_default(),
            request_id: head.request_id.to_owned(),
            status: None,
            is_cut: false,
            model: String::new(),
            counts: Counts::default(),
            parts: Vec::new(),
        }
    }

    /// How many spans there are.
    pub(super) fn len(&self) -> usize {
        1 + self.parts.len()
    }

    /// Nanoseconds since 1970. The clock is read once per request, so that its parts fit together whatever happens to it.
    pub(super) fn start_unix(&self) -> u64 {
        self.start_unix
    }

    pub(super) fn unix(&self, time: Instant) -> u64 {
        self.start_unix + time.saturating_duration_since(self.start).as_nanos() as u64
    }
}

/// The name of a method of HTTP.
fn known(method: &Method) -> Option<&'static str> {
    const NAMES: [&str; 9] = ["GET", "POST", "HEAD", "OPTIONS", "PUT", "DELETE", "PATCH", "CONNECT", "TRACE"];
    NAMES.into_iter().find(|name| *name == method.as_str())
}
