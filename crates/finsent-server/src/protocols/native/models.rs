//! GET /v1/models and GET /v1/models/{model}.

use actix_web::{HttpRequest, HttpResponse, web};
use serde::Serialize;
use utoipa::ToSchema;

use crate::error::HttpError;
use crate::request::service;
use crate::served_model::ServedModel;

/// The loaded models
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Models<'a> {
    /// The first one is the default.
    models: Vec<Model<'a>>,
}

/// A loaded model
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Model<'a> {
    name: &'a str,
    /// OWNER/NAME on the hub.
    repository: Option<&'a str>,
    /// Commit on the hub, if the files are known to be from it.
    revision: Option<&'a str>,
    /// Digest of the model's files.
    digest: &'a str,
    precision: String,
    /// In the order of the logits.
    labels: &'a [String],
    /// Whether predictions have a `sentiment_score`.
    has_sentiment_score: bool,
    /// The model's window: the most tokens that it reads at once, including `[CLS]` and `[SEP]`.
    max_input_length: usize,
    /// Always true: only loaded models are listed.
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

/// List the loaded models
#[utoipa::path(get, path = "", tag = "finsent", operation_id = "list_models",
    responses((status = 200, description = "The models", body = Models)))]
pub(crate) async fn models(request: HttpRequest) -> Result<HttpResponse, HttpError> {
    let models = service(&request).loaded()?.models();
    Ok(HttpResponse::Ok().json(Models { models: models.iter().map(|model| Model::from(&**model)).collect() }))
}

/// Describe a model
#[utoipa::path(get, path = "", tag = "finsent", operation_id = "get_model",
    responses((status = 200, description = "The model", body = Model)))]
pub(crate) async fn model(request: HttpRequest, name: web::Path<String>) -> Result<HttpResponse, HttpError> {
    Ok(HttpResponse::Ok().json(Model::from(&*service(&request).loaded()?.find(Some(&name))?)))
}
