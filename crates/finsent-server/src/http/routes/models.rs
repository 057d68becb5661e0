//! What is loaded: GET /v1/models.

use actix_web::{HttpRequest, HttpResponse, web};
use serde::Serialize;
use utoipa::ToSchema;

use super::super::admit::{model as find, service};
use super::super::error::HttpError;
use super::super::openapi::{ModelResponses, UnavailableResponse};
use super::super::served::ServedModel;

#[derive(Debug, Serialize, ToSchema)]
pub(in super::super) struct Models<'a> {
    /// The first is the default.
    models: Vec<Model<'a>>,
}

/// A model that is loaded.
#[derive(Debug, Serialize, ToSchema)]
pub(in super::super) struct Model<'a> {
    name: &'a str,
    /// OWNER/NAME on the hub.
    repository: Option<&'a str>,
    /// Commit on the hub, where the files are known to be of it.
    revision: Option<&'a str>,
    /// Hash of the model's files.
    digest: &'a str,
    precision: String,
    /// In the order of the logits.
    labels: &'a [String],
    /// Whether predictions have a `sentiment_score`.
    has_sentiment_score: bool,
    /// Longest text in tokens, `[CLS]` and `[SEP]` included, that is read whole.
    max_input_length: usize,
    /// Always true: what is listed is loaded.
    ready: bool,
}

impl<'a> From<&'a ServedModel> for Model<'a> {
    fn from(model: &'a ServedModel) -> Self {
        let ServedModel { name, repository, revision, digest, precision, pipeline, .. } = model;
        Self {
            name,
            repository: repository.as_deref(),
            revision: revision.as_deref(),
            digest,
            precision: precision.to_string(),
            labels: pipeline.labels().labels(),
            has_sentiment_score: pipeline.labels().has_sentiment_score(),
            max_input_length: pipeline.max_length(),
            ready: true,
        }
    }
}

/// List the models that are loaded
#[utoipa::path(get, path = "/v1/models", tag = "finsent", operation_id = "models",
    responses((status = 200, description = "The models", body = Models), UnavailableResponse))]
pub(in super::super) async fn models(request: HttpRequest) -> Result<HttpResponse, HttpError> {
    let loaded = service(&request).loaded.get().ok_or(HttpError::Loading)?;
    Ok(HttpResponse::Ok().json(Models { models: loaded.models.iter().map(|model| Model::from(&**model)).collect() }))
}

/// Tell about a model
#[utoipa::path(get, path = "/v1/models/{model}", tag = "finsent", operation_id = "model",
    params(("model" = String, Path, description = "A model that is loaded", example = "mini")),
    responses((status = 200, description = "The model", body = Model), ModelResponses))]
pub(in super::super) async fn model(request: HttpRequest, name: web::Path<String>) -> Result<HttpResponse, HttpError> {
    let loaded = service(&request).loaded.get().ok_or(HttpError::Loading)?;
    Ok(HttpResponse::Ok().json(Model::from(&**find(loaded, Some(&name))?)))
}
