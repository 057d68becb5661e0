//! What the middleware keeps of a request until its response.

use std::rc::Rc;
use std::sync::Arc;
use std::time::Instant;

use actix_web::HttpMessage;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue};
use actix_web::http::{ConnectionType, Method, StatusCode};

use super::panicked::Panicked;
use crate::error::HttpError;
use crate::error_format::ErrorFormat;
use crate::inference::milliseconds;
use crate::request::{ModelLabel, service};
use crate::route::{Purpose, Route};
use crate::service::Service;
use crate::traces::{RequestHead, RequestTrace, TraceContext};
use crate::{request_id, routes};

pub(super) struct RequestContext {
    pub(super) service: Arc<Service>,
    pub(super) start: Instant,
    pub(super) request_id: HeaderValue,
    pub(super) errors: ErrorFormat,
    method: Method,
    /// `None` if the path is unknown.
    route: Option<&'static Route>,
    /// That of the trace, or of one that others record.
    trace_id: Option<String>,
    /// `None` if the request has no spans.
    pub(super) trace: Option<Rc<RequestTrace>>,
}

impl RequestContext {
    pub(super) fn new(request: &ServiceRequest) -> Self {
        let (start, route) = (Instant::now(), routes::find(request));
        let service = Arc::clone(service(request.request()));
        let request_id = request_id::of(request.headers().get(request_id::HEADER).map(HeaderValue::as_bytes));
        let context = TraceContext::of(request.headers());
        let is_traced = route.is_none_or(|route| route.purpose != Purpose::Observe);
        let trace = service.tracer().filter(|_| is_traced).and_then(|tracer| {
            let head = RequestHead {
                method: request.method(),
                route: route.map(|route| route.path),
                path: request.path(),
                headers: request.headers(),
                request_id: request_id.to_str().unwrap_or_default(),
            };
            tracer.begin(context.as_ref(), head, start)
        });
        let trace_id = trace.as_ref().map(|trace| trace.trace_id()).or(context.map(|context| context.trace_id));
        Self {
            service,
            start,
            method: request.method().clone(),
            errors: route.map_or_else(|| routes::error_format_of_unknown(request), |route| route.errors),
            route,
            request_id,
            trace_id: trace_id.map(|id| id.to_string()),
            trace,
        }
    }

    pub(super) fn needs_key(&self) -> bool {
        self.purpose() != Some(Purpose::Observe)
    }

    fn purpose(&self) -> Option<Purpose> {
        self.route.map(|route| route.purpose)
    }

    fn route_label(&self) -> &'static str {
        self.route.map_or(routes::UNKNOWN, |route| route.path)
    }

    /// Completes a response: its error format, its headers, the metrics and the log.
    pub(super) fn complete(&self, response: ServiceResponse) -> ServiceResponse {
        let mut response = self.format_error(response);
        let model = response.request().extensions().get::<ModelLabel>().map(|label| Arc::clone(&label.0));
        self.add_headers(response.headers_mut());
        if self.service.is_draining() {
            // The client's next connection goes to another instance.
            response.response_mut().head_mut().set_connection_type(ConnectionType::Close);
        }
        self.record(response.status(), model.as_ref().map_or("", |model| model.name.as_str()));
        response
    }

    /// Writes an error in the format of the request's protocol.
    fn format_error(&self, response: ServiceResponse) -> ServiceResponse {
        let error = response.response().error().and_then(|error| error.as_error::<HttpError>());
        match error.map(self.errors.respond) {
            None => response,
            Some(formatted) => ServiceResponse::new(response.into_parts().0, formatted),
        }
    }

    fn add_headers(&self, headers: &mut HeaderMap) {
        headers.insert(HeaderName::from_static(request_id::HEADER), self.request_id.clone());
        let total = HeaderValue::from_str(&milliseconds(self.start.elapsed()));
        headers.insert(HeaderName::from_static("x-total-time"), total.expect("a number is a valid header value"));
    }

    fn record(&self, status: StatusCode, model: &str) {
        let elapsed = self.start.elapsed();
        let (metrics, route, status) = (&self.service.metrics, self.route_label(), status.as_u16());
        metrics.requests(route, model, status).inc();
        if self.purpose() == Some(Purpose::Compute) {
            metrics.request_seconds(route, model).observe(elapsed.as_secs_f64());
        }
        if let Some(trace) = &self.trace {
            trace.answered(status, model);
        }
        let method = self.method.as_str();
        let (request_id, trace_id) = (self.request_id.to_str().unwrap_or_default(), self.trace_id.as_deref());
        let ms = (elapsed.as_secs_f64() * 1e6).round() / 1e3;
        if status >= 500 {
            tracing::warn!(method, route, status, model, ms, request_id, trace_id, "request");
        } else if self.purpose() == Some(Purpose::Observe) {
            tracing::debug!(method, route, status, model, ms, request_id, trace_id, "request");
        } else {
            tracing::info!(method, route, status, model, ms, request_id, trace_id, "request");
        }
    }

    /// Records a request whose handler panicked.
    pub(super) fn panicked(&self) -> Panicked {
        let mut response = (self.errors.respond)(&HttpError::Panicked);
        self.add_headers(response.headers_mut());
        self.record(response.status(), "");
        let headers = response.headers().iter().map(|(name, value)| (name.clone(), value.clone())).collect();
        Panicked { errors: self.errors, headers }
    }
}
