//! Descriptions of the server and of its models.

use actix_web::{HttpRequest, HttpResponse, web};
use serde::Serialize;
use utoipa::ToSchema;

use super::model_path::{ModelPath, VERSION};
use super::outputs::OutputName;
use crate::error::HttpError;
use crate::request::service;

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
struct TensorMetadata {
    name: &'static str,
    datatype: &'static str,
    /// -1 stands for any number of texts.
    shape: Vec<i64>,
}

/// Describe the server
#[utoipa::path(get, path = "", tag = "open inference", operation_id = "server",
    responses((status = 200, description = "The server", body = ServerMetadata)))]
pub(crate) async fn server() -> HttpResponse {
    HttpResponse::Ok().json(ServerMetadata {
        name: "finsent",
        version: env!("CARGO_PKG_VERSION"),
        extensions: ["classification", "binary_tensor_data"],
    })
}

/// Describe the tensors of a model
#[utoipa::path(get, path = "", tag = "open inference", operation_id = "metadata",
    responses((status = 200, description = "The tensors of the model", body = ModelMetadata)))]
pub(crate) async fn model(request: HttpRequest, path: web::Path<ModelPath>) -> Result<HttpResponse, HttpError> {
    let name = path.name()?;
    let model = service(&request).loaded()?.find(Some(name))?;
    let labels = model.pipeline.labels().labels().len() as i64;
    let output = |name: OutputName| match name {
        OutputName::Label => TensorMetadata { name: name.as_str(), datatype: "BYTES", shape: vec![-1] },
        OutputName::Probabilities => TensorMetadata { name: name.as_str(), datatype: "FP32", shape: vec![-1, labels] },
        OutputName::SentimentScore => TensorMetadata { name: name.as_str(), datatype: "FP32", shape: vec![-1] },
    };
    Ok(HttpResponse::Ok().json(ModelMetadata {
        name: &model.name,
        versions: [VERSION],
        platform: "finsent_bert",
        inputs: [TensorMetadata { name: "text", datatype: "BYTES", shape: vec![-1] }],
        outputs: OutputName::all_of(model).into_iter().map(output).collect(),
    }))
}

/// Describe the tensors of a version of a model
#[utoipa::path(get, path = "", tag = "open inference", operation_id = "metadata_version",
    responses((status = 200, description = "The tensors of the model", body = ModelMetadata)))]
pub(crate) async fn model_version(request: HttpRequest, path: web::Path<ModelPath>) -> Result<HttpResponse, HttpError> {
    model(request, path).await
}
