//! How others watch the service: probes and metrics.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse};
use serde::Serialize;
use utoipa::ToSchema;

use super::super::Phase;
use super::super::admit::service;
use crate::metrics;

/// How far the service is.
#[derive(Debug, Serialize, ToSchema)]
pub(in super::super) struct Status {
    /// loading, ready, draining or failed.
    status: &'static str,
}

impl Phase {
    pub(super) fn status(self) -> StatusCode {
        if self == Self::Ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Loading => "loading",
            Self::Ready => "ready",
            Self::Draining => "draining",
            Self::Failed => "failed",
        }
    }
}

/// Is the process alive?
#[utoipa::path(get, path = "/livez", tag = "watching", security(()), operation_id = "livez",
    responses((status = 200, description = "It answers", body = String, content_type = "text/plain")))]
pub(in super::super) async fn livez() -> HttpResponse {
    HttpResponse::Ok().content_type("text/plain; charset=utf-8").body("ok")
}

/// Should requests be sent here?
///
/// Yes when the models are loaded, their self-test has passed, and the service is not about to end.
#[utoipa::path(get, path = "/readyz", tag = "watching", security(()), operation_id = "readyz",
    responses((status = 200, description = "Yes", body = Status), (status = 503, description = "No", body = Status)))]
pub(in super::super) async fn readyz(request: HttpRequest) -> HttpResponse {
    let phase = service(&request).phase();
    HttpResponse::build(phase.status()).json(Status { status: phase.name() })
}

/// The same as /readyz
#[utoipa::path(get, path = "/health", tag = "watching", security(()), operation_id = "health",
    responses((status = 200, description = "Yes", body = Status), (status = 503, description = "No", body = Status)))]
pub(in super::super) async fn health(request: HttpRequest) -> HttpResponse {
    readyz(request).await
}

/// Figures for Prometheus
#[utoipa::path(get, path = "/metrics", tag = "watching", security(()), operation_id = "metrics",
    responses((status = 200, description = "All series", body = String, content_type = "text/plain")))]
pub(in super::super) async fn metrics(request: HttpRequest) -> HttpResponse {
    let service = service(&request);
    service.phase();
    HttpResponse::Ok().content_type(metrics::CONTENT_TYPE).body(service.metrics.render())
}
