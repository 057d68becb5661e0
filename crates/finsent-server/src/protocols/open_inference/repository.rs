//! The list of models, as Triton's clients ask for it: POST /v2/repository/index.

use actix_web::{HttpRequest, HttpResponse};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::model_path::VERSION;
use crate::error::HttpError;
use crate::request::{AnyBody, Fields, service};

/// Which models to list. Both models that are ready and others are listed by default; here all are ready.
#[derive(Debug, Default, Deserialize, ToSchema)]
pub(crate) struct IndexRequest {
    #[expect(dead_code, reason = "it is checked and makes no difference")]
    ready: Option<bool>,
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RepositoryModel<'a> {
    name: &'a str,
    version: &'static str,
    state: &'static str,
    reason: &'static str,
}

/// List the loaded models
#[utoipa::path(post, path = "", tag = "open inference", operation_id = "repository_index",
    request_body = Option<IndexRequest>,
    responses((status = 200, description = "The models", body = Vec<RepositoryModel>)))]
pub(crate) async fn index(request: HttpRequest, AnyBody(body): AnyBody) -> Result<HttpResponse, HttpError> {
    body.parse(parse).await?;
    let models = &service(&request).loaded()?.models;
    let entry = |name| RepositoryModel { name, version: VERSION, state: "READY", reason: "" };
    let models: Vec<_> = models.iter().map(|model| entry(model.name.as_str())).collect();
    Ok(HttpResponse::Ok().json(models))
}

/// The fields, if there are any.
fn parse(body: &[u8]) -> Result<IndexRequest, HttpError> {
    let is_absent = matches!(body.trim_ascii(), b"" | b"null");
    if is_absent { Ok(IndexRequest::default()) } else { Fields::of_body(body)?.read() }
}
