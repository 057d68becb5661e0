//! What every request passes on its way in and out: its id, its key, the shape of its errors, the metrics, the log.
//!
//! What a request says is never logged, and neither are the words of an error, which may quote it.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Instant;

use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{self, HeaderMap, HeaderName, HeaderValue};
use actix_web::http::{ConnectionType, Method, StatusCode};
use actix_web::middleware::Next;
use actix_web::{Error, HttpMessage, HttpResponse, ResponseError};
use futures_util::FutureExt;
use thiserror::Error;

use super::admit::{Arrival, ModelLabel, RequestId, service};
use super::error::{ErrorFormat, HttpError};
use super::infer::milliseconds;
use super::{Service, routes};

/// A request that is being answered.
struct RequestContext {
    service: Arc<Service>,
    start: Instant,
    method: Method,
    route: String,
    error_format: ErrorFormat,
    request_id: HeaderValue,
    trace_id: Option<String>,
}

/// Handles a request from its head to its answer.
pub(super) async fn handle(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let visit = RequestContext::begin(&request);
    request.extensions_mut().insert(Arrival(visit.start));
    request.extensions_mut().insert(RequestId(visit.request_id.clone()));
    let key = request.headers().get(header::AUTHORIZATION).map(HeaderValue::as_bytes);
    if !routes::is_open(&visit.route) && !visit.service.keys.admit(key) {
        let refusal = HttpError::Unauthorised.respond(visit.error_format);
        return Ok(visit.end(request.into_response(refusal)));
    }
    match AssertUnwindSafe(next.call(request)).catch_unwind().await {
        Ok(response) => Ok(visit.end(response?.map_into_boxed_body())),
        // The request is gone with the panic; what is left of it is the visit.
        Err(_) => Err(visit.panicked().into()),
    }
}

impl RequestContext {
    fn begin(request: &ServiceRequest) -> Self {
        Self {
            service: Arc::clone(service(request.request())),
            start: Instant::now(),
            method: request.method().clone(),
            route: request.match_pattern().unwrap_or_else(|| routes::UNKNOWN.into()),
            error_format: ErrorFormat::of(request.path()),
            request_id: request_id(request.headers()),
            trace_id: request.headers().get("traceparent").and_then(trace_id),
        }
    }

    fn end(&self, response: ServiceResponse) -> ServiceResponse {
        let response = self.in_dialect(response);
        let model = response.request().extensions().get::<ModelLabel>().map(|label| Arc::clone(&label.0));
        let mut response = response;
        self.sign(response.headers_mut());
        if self.service.is_draining() {
            // The client comes back on a connection to somebody else.
            response.response_mut().head_mut().set_connection_type(ConnectionType::Close);
        }
        self.record(response.status(), model.as_ref().map_or("", |model| model.name.as_str()));
        response
    }

    /// Puts an error into the shape that the request's protocol has for it.
    fn in_dialect(&self, response: ServiceResponse) -> ServiceResponse {
        let error = response.response().error().and_then(|error| error.as_error::<HttpError>());
        match error.map(|error| error.respond(self.error_format)) {
            None => response,
            Some(in_dialect) => ServiceResponse::new(response.into_parts().0, in_dialect),
        }
    }

    fn sign(&self, headers: &mut HeaderMap) {
        headers.insert(HeaderName::from_static("x-request-id"), self.request_id.clone());
        let total = HeaderValue::from_str(&milliseconds(self.start.elapsed()));
        headers.insert(HeaderName::from_static("x-total-time"), total.expect("a number is a header's value"));
    }

    fn record(&self, status: StatusCode, model: &str) {
        let took = self.start.elapsed();
        let metrics = &self.service.metrics;
        metrics.requests(&self.route, model, status.as_u16()).inc();
        if routes::computes(&self.route) {
            metrics.request_seconds(&self.route, model).observe(took.as_secs_f64());
        }
        let (method, route, status) = (self.method.as_str(), self.route.as_str(), status.as_u16());
        let (request_id, trace_id) = (self.request_id.to_str().unwrap_or_default(), self.trace_id.as_deref());
        let ms = (took.as_secs_f64() * 1e6).round() / 1e3;
        if status >= 500 {
            tracing::warn!(method, route, status, model, ms, request_id, trace_id, "request");
        } else if routes::is_open(route) {
            tracing::debug!(method, route, status, model, ms, request_id, trace_id, "request");
        } else {
            tracing::info!(method, route, status, model, ms, request_id, trace_id, "request");
        }
    }

    fn panicked(&self) -> Panicked {
        let mut response = HttpError::Panicked.respond(self.error_format);
        self.sign(response.headers_mut());
        self.record(response.status(), "");
        let headers = response.headers().iter().map(|(name, value)| (name.clone(), value.clone())).collect();
        Panicked { error_format: self.error_format, headers }
    }
}

/// A handler that panicked: the answer that its request gets.
#[derive(Debug, Error)]
#[error("a handler panicked")]
struct Panicked {
    error_format: ErrorFormat,
    headers: Vec<(HeaderName, HeaderValue)>,
}

impl ResponseError for Panicked {
    fn status_code(&self) -> StatusCode {
        StatusCode::INTERNAL_SERVER_ERROR
    }

    fn error_response(&self) -> HttpResponse<BoxBody> {
        let mut response = HttpError::Panicked.respond(self.error_format);
        for (name, value) in &self.headers {
            response.headers_mut().insert(name.clone(), value.clone());
        }
        response
    }
}

/// The client's id of the request, or a new one.
fn request_id(headers: &HeaderMap) -> HeaderValue {
    let fit = |id: &&HeaderValue| (1..=128).contains(&id.len()) && id.as_bytes().iter().all(u8::is_ascii_graphic);
    headers.get("x-request-id").filter(fit).cloned().unwrap_or_else(|| {
        let id = format!("{:032x}", fastrand::u128(..));
        HeaderValue::from_str(&id).expect("hexadecimal digits are a header's value")
    })
}

/// The trace that the request is part of, by W3C Trace Context: `version-trace_id-parent_id-flags`.
fn trace_id(traceparent: &HeaderValue) -> Option<String> {
    let parts: Vec<&str> = traceparent.to_str().ok()?.split('-').collect();
    let &[version, trace, parent, flags, ..] = parts.as_slice() else { return None };
    let is_hex = |text: &str, len: usize| {
        text.len() == len && text.bytes().all(|digit| digit.is_ascii_digit() || (b'a'..=b'f').contains(&digit))
    };
    let is_zero = |text: &str| text.bytes().all(|digit| digit == b'0');
    let form = is_hex(version, 2) && is_hex(trace, 32) && is_hex(parent, 16) && is_hex(flags, 2);
    let valid = form && version != "ff" && (version != "00" || parts.len() == 4) && !is_zero(trace) && !is_zero(parent);
    valid.then(|| trace.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trace_is_taken_over_where_it_is_one() {
        let trace = |text: &str| trace_id(&HeaderValue::from_str(text).unwrap());
        let good = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        assert_eq!(trace(good).as_deref(), Some("4bf92f3577b34da6a3ce929d0e0e4736"));
        assert!(trace("01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more").is_some(), "a later version");
        for bad in [
            "",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7",
            "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
            "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more",
        ] {
            assert_eq!(trace(bad), None, "{bad}");
        }
    }

    #[test]
    fn the_clients_id_is_kept_where_it_is_fit() {
        let id = |value: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(HeaderName::from_static("x-request-id"), HeaderValue::from_str(value).unwrap());
            request_id(&headers)
        };
        assert_eq!(id("abc-123"), "abc-123");
        for unfit in ["", "two words", &"x".repeat(129)] {
            assert_eq!(id(unfit).len(), 32, "{unfit}");
        }
        assert_ne!(request_id(&HeaderMap::new()), request_id(&HeaderMap::new()));
    }
}
