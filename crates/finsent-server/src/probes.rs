//! Probes and metrics, for those who operate the service.

use actix_web::{HttpRequest, HttpResponse};
use serde::Serialize;
use utoipa::ToSchema;

use crate::metrics;
use crate::request::service;

/// The state of the service
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Status {
    /// loading, ready, draining or failed.
    status: &'static str,
}

/// Check that the process is alive
#[utoipa::path(get, path = "", tag = "operations", operation_id = "livez",
    responses((status = 200, description = "It is alive", body = String, content_type = "text/plain")))]
pub(crate) async fn livez() -> HttpResponse {
    HttpResponse::Ok().content_type("text/plain; charset=utf-8").body("ok")
}

/// Check that the server is ready for requests
///
/// It is ready when its models are loaded and have passed their self-test, until it begins to shut down.
#[utoipa::path(get, path = "", tag = "operations", operation_id = "readyz",
    responses((status = 200, description = "It is ready", body = Status),
              (status = 503, description = "It is not ready", body = Status)))]
pub(crate) async fn readyz(request: HttpRequest) -> HttpResponse {
    let phase = service(&request).phase();
    HttpResponse::build(phase.status()).json(Status { status: phase.name() })
}

/// Check that the server is ready for requests (the same as /readyz)
#[utoipa::path(get, path = "", tag = "operations", operation_id = "health",
    responses((status = 200, description = "It is ready", body = Status),
              (status = 503, description = "It is not ready", body = Status)))]
pub(crate) async fn health(request: HttpRequest) -> HttpResponse {
    readyz(request).await
}

/// Prometheus metrics
#[utoipa::path(get, path = "", tag = "operations", operation_id = "metrics",
    responses((status = 200, description = "All metrics", body = String, content_type = "text/plain")))]
pub(crate) async fn metrics(request: HttpRequest) -> HttpResponse {
    let service = service(&request);
    // Updates `finsent_ready`.
    service.phase();
    HttpResponse::Ok().content_type(metrics::CONTENT_TYPE).body(service.metrics.render())
}
