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
    pub(in crate::protocols) name: &'static str,
    pub(in crate::protocols) version: &'static str,
    pub(in crate::protocols) extensions: [&'static str; 2],
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ModelMetadata<'a> {
    pub(in crate::protocols) name: &'a str,
    pub(in crate::protocols) versions: [&'static str; 1],
    pub(in crate::protocols) platform: &'static str,
    pub(in crate::protocols) inputs: [TensorMetadata; 1],
    pub(in crate::protocols) outputs: Vec<TensorMetadata>,
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct TensorMetadata {
    pub(in crate::protocols) name: &'static str,
    pub(in crate::protocols) datatype: &'static str,
    /// -1 stands for any number of texts.
    pub(in crate::protocols) shape: Vec<i64>,
}

impl ServerMetadata {
    pub(in crate::protocols) fn new() -> Self {
        let extensions = ["classification", "binary_tensor_data"];
        Self { name: "finsent", version: env!("CARGO_PKG_VERSION"), extensions }
    }
}

impl<'a> ModelMetadata<'a> {
    pub(in crate::protocols) fn of(model: &'a ServedModel) -> Self {
        let (inputs, outputs) = ([input()], outputs(model).collect());
        Self { name: &model.name, versions: [VERSION], platform: PLATFORM, inputs, outputs }
    }
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
    HttpResponse::Ok().json(ServerMetadata::new())
}

/// Describe the tensors of a model
#[utoipa::path(get, path = "", tag = "open inference", operation_id = "model_metadata",
    responses((status = 200, description = "The tensors of the model", body = ModelMetadata)))]
pub(crate) async fn model(request: HttpRequest, path: web::Path<ModelPath>) -> Result<HttpResponse, HttpError> {
    let name = path.name()?;
    let model = service(&request).loaded()?.find(Some(name))?;
    Ok(HttpResponse::Ok().json(ModelMetadata::of(&model)))
}

/// Describe the tensors of a version of a model
#[utoipa::path(get, path = "", tag = "open inference", operation_id = "model_version_metadata",
    responses((status = 200, description = "The tensors of the model", body = ModelMetadata)))]
pub(crate) async fn model_version(request: HttpRequest, path: web::Path<ModelPath>) -> Result<HttpResponse, HttpError> {
    model(request, path).await
}
