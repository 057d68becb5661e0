//! The configuration of a model, as Triton's clients ask for it.

use actix_web::{HttpRequest, HttpResponse, web};
use serde::Serialize;
use utoipa::ToSchema;

use super::metadata::{TensorMetadata, input, outputs};
use super::model_path::{ModelPath, PLATFORM};
use crate::error::HttpError;
use crate::request::service;
use crate::served_model::ServedModel;

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ModelConfig<'a> {
    pub(in crate::protocols) name: &'a str,
    pub(in crate::protocols) platform: &'static str,
    pub(in crate::protocols) backend: &'static str,
    /// 0: the number of texts is a dimension of the tensors, and not one before them.
    pub(in crate::protocols) max_batch_size: u32,
    pub(in crate::protocols) input: [TensorConfig; 1],
    pub(in crate::protocols) output: Vec<TensorConfig>,
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct TensorConfig {
    pub(in crate::protocols) name: &'static str,
    pub(in crate::protocols) data_type: &'static str,
    /// -1 stands for any number of texts.
    pub(in crate::protocols) dims: Vec<i64>,
}

impl From<TensorMetadata> for TensorConfig {
    fn from(TensorMetadata { name, datatype, shape }: TensorMetadata) -> Self {
        let data_type = if datatype == "BYTES" { "TYPE_STRING" } else { "TYPE_FP32" };
        Self { name, data_type, dims: shape }
    }
}

impl<'a> ModelConfig<'a> {
    pub(in crate::protocols) fn of(model: &'a ServedModel) -> Self {
        Self {
            name: &model.name,
            platform: PLATFORM,
            backend: "finsent",
            max_batch_size: 0,
            input: [input().into()],
            output: outputs(model).map(Into::into).collect(),
        }
    }
}

/// Describe the configuration of a model
#[utoipa::path(get, path = "", tag = "open inference", operation_id = "model_config",
    responses((status = 200, description = "The configuration, in Triton's form", body = ModelConfig)))]
pub(crate) async fn config(request: HttpRequest, path: web::Path<ModelPath>) -> Result<HttpResponse, HttpError> {
    let model = service(&request).loaded()?.find(Some(path.name()?))?;
    Ok(HttpResponse::Ok().json(ModelConfig::of(&model)))
}

/// Describe the configuration of a version of a model
#[utoipa::path(get, path = "", tag = "open inference", operation_id = "model_version_config",
    responses((status = 200, description = "The configuration, in Triton's form", body = ModelConfig)))]
pub(crate) async fn version_config(
    request: HttpRequest,
    path: web::Path<ModelPath>,
) -> Result<HttpResponse, HttpError> {
    config(request, path).await
}
