//! Health of the server and of its models.

use actix_web::{HttpRequest, HttpResponse, web};
use serde::Serialize;
use utoipa::ToSchema;

use super::model_path::ModelPath;
use crate::error::HttpError;
use crate::request::service;
use crate::service::Phase;

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Live {
    live: bool,
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Ready {
    ready: bool,
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ModelReady<'a> {
    name: &'a str,
    ready: bool,
}

/// Check that the process is alive
#[utoipa::path(get, path = "", tag = "open inference", operation_id = "server_live",
    responses((status = 200, description = "It is alive", body = Live)))]
pub(crate) async fn live() -> HttpResponse {
    HttpResponse::Ok().json(Live { live: true })
}

/// Check that the server is ready for requests
#[utoipa::path(get, path = "", tag = "open inference", operation_id = "server_ready",
    responses((status = 200, description = "It is ready", body = Ready),
              (status = 503, description = "It is not ready", body = Ready)))]
pub(crate) async fn ready(request: HttpRequest) -> HttpResponse {
    let phase = service(&request).phase();
    HttpResponse::build(phase.status()).json(Ready { ready: phase == Phase::Ready })
}

/// Check that a model is ready for requests
#[utoipa::path(get, path = "", tag = "open inference", operation_id = "model_ready",
    responses((status = 200, description = "It is ready", body = ModelReady)))]
pub(crate) async fn model_ready(request: HttpRequest, path: web::Path<ModelPath>) -> Result<HttpResponse, HttpError> {
    let (service, name) = (service(&request), path.name()?);
    let model = service.loaded()?.find(Some(name))?;
    let phase = service.phase().of_loaded_model();
    Ok(HttpResponse::build(phase.status()).json(ModelReady { name: &model.name, ready: phase == Phase::Ready }))
}

/// Check that a version of a model is ready for requests
#[utoipa::path(get, path = "", tag = "open inference", operation_id = "model_version_ready",
    responses((status = 200, description = "It is ready", body = ModelReady)))]
pub(crate) async fn model_version_ready(
    request: HttpRequest,
    path: web::Path<ModelPath>,
) -> Result<HttpResponse, HttpError> {
    model_ready(request, path).await
}
