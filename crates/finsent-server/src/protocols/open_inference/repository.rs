//! The list of models, as Triton's clients ask for it: POST /v2/repository/index.

use actix_web::{HttpRequest, HttpResponse};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::model_path::VERSION;
use crate::error::HttpError;
use crate::request::{AnyBody, Fields, service};
use crate::served_model::ServedModel;

/// Which models to list. Both models that are ready and others are listed by default; here all are ready.
#[derive(Debug, Default, Deserialize, ToSchema)]
pub(crate) struct IndexRequest {
    #[expect(dead_code, reason = "it is checked and makes no difference")]
    ready: Option<bool>,
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RepositoryModel<'a> {
    pub(in crate::protocols) name: &'a str,
    pub(in crate::protocols) version: &'static str,
    pub(in crate::protocols) state: &'static str,
    pub(in crate::protocols) reason: &'static str,
}

impl<'a> RepositoryModel<'a> {
    pub(in crate::protocols) fn of(model: &'a ServedModel) -> Self {
        Self { name: &model.name, version: VERSION, state: "READY", reason: "" }
    }
}

/// List the loaded models
#[utoipa::path(post, path = "", tag = "open inference", operation_id = "repository_index",
    request_body = Option<IndexRequest>,
    responses((status = 200, description = "The models", body = Vec<RepositoryModel>)))]
pub(crate) async fn index(request: HttpRequest, AnyBody(body): AnyBody) -> Result<HttpResponse, HttpError> {
    body.parse(parse).await?;
    let models = &service(&request).loaded()?.models;
    let models: Vec<_> = models.iter().map(|model| RepositoryModel::of(model)).collect();
    Ok(HttpResponse::Ok().json(models))
}

/// The fields, if there are any.
fn parse(body: &[u8]) -> Result<IndexRequest, HttpError> {
    let is_absent = matches!(body.trim_ascii(), b"" | b"null");
    if is_absent { Ok(IndexRequest::default()) } else { Fields::of_body(body)?.read() }
}
