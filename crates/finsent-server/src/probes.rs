//! Probes and metrics, for those who operate the service.
//!
//! The handlers answer what the workers get. Most probes never reach a worker: the acceptor answers them in the same way.

use std::borrow::Cow;

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse};
use serde::Serialize;
use utoipa::ToSchema;

use crate::metrics;
use crate::request::service;
use crate::service::{Phase, Service};

/// A request that is answered without a worker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Probe {
    Live,
    Ready,
    Health,
    OpenInferenceLive,
    OpenInferenceReady,
    Metrics,
}

/// The probes of the service. Its metrics come from the workers: they are open to every client and large.
pub(crate) const OF_SERVICE: &[Probe] =
    &[Probe::Live, Probe::Ready, Probe::Health, Probe::OpenInferenceLive, Probe::OpenInferenceReady];
/// The probes of the address for probes and metrics only.
pub(crate) const OF_METRICS_LISTENER: &[Probe] = &[Probe::Live, Probe::Ready, Probe::Health, Probe::Metrics];

const JSON: &str = "application/json";

/// The content of an answer to a probe.
#[derive(Debug)]
pub(crate) struct ProbeAnswer {
    pub(crate) status: StatusCode,
    pub(crate) content_type: &'static str,
    pub(crate) body: Cow<'static, str>,
}

impl Probe {
    /// The path, which is also the `route` of metrics and logs.
    pub(crate) const fn path(self) -> &'static str {
        match self {
            Self::Live => "/livez",
            Self::Ready => "/readyz",
            Self::Health => "/health",
            Self::OpenInferenceLive => "/v2/health/live",
            Self::OpenInferenceReady => "/v2/health/ready",
            Self::Metrics => "/metrics",
        }
    }

    pub(crate) fn answer(self, service: &Service) -> ProbeAnswer {
        // Updates `finsent_ready` as well.
        let phase = service.phase();
        match self {
            Self::Live => ProbeAnswer::ok("text/plain; charset=utf-8", "ok"),
            Self::Ready | Self::Health => {
                let status = serde_json::to_string(&Status { status: phase.name() });
                ProbeAnswer::of(phase, status.expect("a struct of strings is valid JSON"))
            }
            Self::OpenInferenceLive => ProbeAnswer::ok(JSON, r#"{"live":true}"#),
            Self::OpenInferenceReady => ProbeAnswer::of(phase, format!(r#"{{"ready":{}}}"#, phase == Phase::Ready)),
            Self::Metrics => ProbeAnswer::ok(metrics::CONTENT_TYPE, service.metrics.render()),
        }
    }
}

impl ProbeAnswer {
    fn ok(content_type: &'static str, body: impl Into<Cow<'static, str>>) -> Self {
        Self { status: StatusCode::OK, content_type, body: body.into() }
    }

    fn of(phase: Phase, json: String) -> Self {
        Self { status: phase.status(), content_type: JSON, body: json.into() }
    }

    fn respond(self) -> HttpResponse {
        HttpResponse::build(self.status).content_type(self.content_type).body(self.body.into_owned())
    }
}

fn respond(probe: Probe, request: &HttpRequest) -> HttpResponse {
    probe.answer(service(request)).respond()
}

/// The state of the service
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Status {
    /// loading, ready, unloaded (the default model), draining or failed.
    status: &'static str,
}

/// Check that the process is alive
#[utoipa::path(get, path = "", tag = "operations", operation_id = "livez",
    responses((status = 200, description = "It is alive", body = String, content_type = "text/plain")))]
pub(crate) async fn livez(request: HttpRequest) -> HttpResponse {
    respond(Probe::Live, &request)
}

/// Check that the server is ready for requests
///
/// It is ready when its models are loaded and have passed their self-test, until it begins to shut down.
#[utoipa::path(get, path = "", tag = "operations", operation_id = "readyz",
    responses((status = 200, description = "It is ready", body = Status),
              (status = 503, description = "It is not ready", body = Status)))]
pub(crate) async fn readyz(request: HttpRequest) -> HttpResponse {
    respond(Probe::Ready, &request)
}

/// Check that the server is ready for requests (the same as /readyz)
#[utoipa::path(get, path = "", tag = "operations", operation_id = "health",
    responses((status = 200, description = "It is ready", body = Status),
              (status = 503, description = "It is not ready", body = Status)))]
pub(crate) async fn health(request: HttpRequest) -> HttpResponse {
    respond(Probe::Health, &request)
}

/// Prometheus metrics
#[utoipa::path(get, path = "", tag = "operations", operation_id = "metrics",
    responses((status = 200, description = "All metrics", body = String, content_type = "text/plain")))]
pub(crate) async fn metrics(request: HttpRequest) -> HttpResponse {
    respond(Probe::Metrics, &request)
}
