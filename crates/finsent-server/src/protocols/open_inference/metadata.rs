//! Descriptions of the server and of its models.

use actix_web::{HttpRequest, HttpResponse, web};
use serde::Serialize;
use utoipa::ToSchema;

use super::model_path::{ModelPath, PLATFORM, VERSION};
use super::outputs::OutputName;
use crate::error::HttpError;
use crate::request::service;
use crate::served_model::ServedModel;

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ServerMetadata {
    name: &'static str,
    version: &'static str,
    extensions: [&'static str; 2],
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ModelMetadata<'a> {
    name: &'a str,
    versions: [&'static str; 1],
    platform: &'static str,
    inputs: [TensorMetadata; 1],
    outputs: Vec<TensorMetadata>,
}

#[derive(Debug, Serialize, ToSchema)]
pub(super) struct TensorMetadata {
    pub(super) name: &'static str,
    pub(super) datatype: &'static str,
    /// -1 stands for any number of texts.
    pub(super) shape: Vec<i64>,
}

/// The texts.
pub(super) fn input() -> TensorMetadata {
    TensorMetadata { name: "text", datatype: "BYTES", shape: vec![-1] }
}

/// What a model returns for each text.
pub(super) fn outputs(model: &ServedModel) -> impl Iterator<Item = TensorMetadata> {
    let labels = model.pipeline.labels().labels().len() as i64;
    OutputName::all_of(model).into_iter().map(move |name| match name {
        OutputName::Label => TensorMetadata { name: name.as_str(), datatype: "BYTES", shape: vec![-1] },
        OutputName::Probabilities => TensorMetadata { name: name.as_str(), datatype: "FP32", shape: vec![-1, labels] },
        OutputName::SentimentScore => TensorMetadata { name: name.as_str(), datatype: "FP32", shape: vec![-1] },
    })
}

/// Describe the server
#[utoipa::path(get, path = "", tag = "open inference", operation_id = "server_metadata",
    responses((status = 200, description = "The server", body = ServerMetadata)))]
pub(crate) async fn server() -> HttpResponse {
    HttpResponse::Ok().json(ServerMetadata {
        name: "finsent",
        version: env!("CARGO_PKG_VERSION"),
        extensions: ["classification", "binary_tensor_data"],
    })
}

/// Describe the tensors of a model
#[utoipa::path(get, path = "", tag = "open inference", operation_id = "model_metadata",
    responses((status = 200, description = "The tensors of the model", body = ModelMetadata)))]
pub(crate) async fn model(request: HttpRequest, path: web::Path<ModelPath>) -> Result<HttpResponse, HttpError> {
    let name = path.name()?;
    let model = service(&request).loaded()?.find(Some(name))?;
    Ok(HttpResponse::Ok().json(ModelMetadata {
        name: &model.name,
        versions: [VERSION],
        platform: PLATFORM,
        inputs: [input()],
        outputs: outputs(&model).collect(),
    }))
}

/// Describe the tensors of a version of a model
#[utoipa::path(get, path = "", tag = "open inference", operation_id = "model_version_metadata",
    responses((status = 200, description = "The tensors of the model", body = ModelMetadata)))]
pub(crate) async fn model_version(request: HttpRequest, path: web::Path<ModelPath>) -> Result<HttpResponse, HttpError> {
    model(request, path).await
}
