//! GET /page/service.json: what the page tells about the service, beside /v1/models.

use actix_web::{HttpRequest, HttpResponse};
use serde::Serialize;

use crate::error::HttpError;
use crate::request::service;
use crate::served_model::{ModelCard, ServedModel};

/// The service, for its page
#[derive(Debug, Serialize)]
struct ServiceJson<'a> {
    version: &'static str,
    needs_key: bool,
    limits: Limits,
    /// By the names of the models.
    models: Vec<Model<'a>>,
}

#[derive(Debug, Serialize)]
struct Limits {
    max_body_bytes: usize,
    max_text_bytes: usize,
}

#[derive(Debug, Serialize)]
struct Model<'a> {
    name: &'a str,
    #[serde(flatten)]
    card: &'a ModelCard,
}

impl<'a> From<&'a ServedModel> for Model<'a> {
    fn from(model: &'a ServedModel) -> Self {
        Self { name: &model.name, card: &model.card }
    }
}

/// GET /page/service.json.
pub(crate) async fn service_json(request: HttpRequest) -> Result<HttpResponse, HttpError> {
    let service = service(&request);
    let models = service.loaded()?.models();
    let models = models.iter().map(|model| Model::from(&**model)).collect();
    let limits =
        Limits { max_body_bytes: service.limits.max_body_bytes, max_text_bytes: service.limits.max_text_bytes };
    let needs_key = service.keys.are_required();
    Ok(HttpResponse::Ok().json(ServiceJson { version: env!("CARGO_PKG_VERSION"), needs_key, limits, models }))
}
