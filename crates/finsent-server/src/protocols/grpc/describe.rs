//! What the server and its models are: the methods without texts.

use std::sync::Arc;

use actix_web::{HttpRequest, HttpResponse};

use super::super::open_inference::{self as http, check_version};
use super::answer::{answer, read};
use super::messages::{
    DataType, Ignored, InferStatistics, ModelConfig, ModelConfigResponse, ModelInput, ModelMetadataResponse,
    ModelOutput, ModelRequest, ModelStatistics, ModelStatisticsResponse, ReadyResponse, ServerLiveResponse,
    ServerMetadataResponse, StatisticDuration, TensorMetadata,
};
use crate::error::HttpError;
use crate::request::{GrpcMessage, service};
use crate::served_model::ServedModel;
use crate::service::Phase;

/// Whether the process is alive.
pub(crate) async fn server_live(GrpcMessage(message): GrpcMessage) -> Result<HttpResponse, HttpError> {
    read::<Ignored>(message).await?;
    Ok(answer(&ServerLiveResponse { live: true }))
}

/// Whether the server is ready. That it is not ready is an answer and not an error.
pub(crate) async fn server_ready(
    request: HttpRequest,
    GrpcMessage(message): GrpcMessage,
) -> Result<HttpResponse, HttpError> {
    read::<Ignored>(message).await?;
    Ok(answer(&ReadyResponse { ready: service(&request).phase() == Phase::Ready }))
}

/// Whether a model is ready. That it was unloaded is an answer and not an error.
pub(crate) async fn model_ready(
    request: HttpRequest,
    GrpcMessage(message): GrpcMessage,
) -> Result<HttpResponse, HttpError> {
    let is_loaded = match model(&request, &read(message).await?) {
        Err(HttpError::Unloaded { .. }) => false,
        found => found.map(|_| true)?,
    };
    let phase = service(&request).phase().of_loaded_model();
    Ok(answer(&ReadyResponse { ready: is_loaded && phase == Phase::Ready }))
}

pub(crate) async fn server_metadata(GrpcMessage(message): GrpcMessage) -> Result<HttpResponse, HttpError> {
    read::<Ignored>(message).await?;
    let http::ServerMetadata { name, version, extensions } = http::ServerMetadata::new();
    let extensions = extensions.map(String::from).into();
    Ok(answer(&ServerMetadataResponse { name: name.into(), version: version.into(), extensions }))
}

pub(crate) async fn model_metadata(
    request: HttpRequest,
    GrpcMessage(message): GrpcMessage,
) -> Result<HttpResponse, HttpError> {
    let model = model(&request, &read(message).await?)?;
    let http::ModelMetadata { name, versions, platform, inputs, outputs } = http::ModelMetadata::of(&model);
    Ok(answer(&ModelMetadataResponse {
        name: name.into(),
        versions: versions.map(String::from).into(),
        platform: platform.into(),
        inputs: inputs.map(TensorMetadata::from).into(),
        outputs: outputs.into_iter().map(TensorMetadata::from).collect(),
    }))
}

pub(crate) async fn model_config(
    request: HttpRequest,
    GrpcMessage(message): GrpcMessage,
) -> Result<HttpResponse, HttpError> {
    let model = model(&request, &read(message).await?)?;
    let http::ModelConfig { name, platform, backend, max_batch_size, input, output } = http::ModelConfig::of(&model);
    let config = ModelConfig {
        name: name.into(),
        platform: platform.into(),
        max_batch_size: max_batch_size as i32,
        input: input.map(ModelInput::from).into(),
        output: output.into_iter().map(ModelOutput::from).collect(),
        backend: backend.into(),
    };
    Ok(answer(&ModelConfigResponse { config: Some(config) }))
}

/// The statistics of a model, or of all models if none is named.
pub(crate) async fn model_statistics(
    request: HttpRequest,
    GrpcMessage(message): GrpcMessage,
) -> Result<HttpResponse, HttpError> {
    let asked: ModelRequest = read(message).await?;
    let models =
        if asked.name.is_empty() { service(&request).loaded()?.models() } else { vec![model(&request, &asked)?] };
    let model_stats = models.iter().map(|model| http::ModelStatistics::from(&**model).into()).collect();
    Ok(answer(&ModelStatisticsResponse { model_stats }))
}

/// The model that a call names.
fn model(request: &HttpRequest, asked: &ModelRequest) -> Result<Arc<ServedModel>, HttpError> {
    let model = service(request).loaded()?.find(Some(&asked.name))?;
    check_version(Some(asked.version.as_str()).filter(|version| !version.is_empty()))?;
    Ok(model)
}

impl From<http::TensorMetadata> for TensorMetadata {
    fn from(http::TensorMetadata { name, datatype, shape }: http::TensorMetadata) -> Self {
        Self { name: name.into(), datatype: datatype.into(), shape }
    }
}

impl From<http::TensorConfig> for ModelInput {
    fn from(http::TensorConfig { name, data_type, dims }: http::TensorConfig) -> Self {
        Self { name: name.into(), data_type: of_name(data_type).into(), dims }
    }
}

impl From<http::TensorConfig> for ModelOutput {
    fn from(http::TensorConfig { name, data_type, dims }: http::TensorConfig) -> Self {
        Self { name: name.into(), data_type: of_name(data_type).into(), dims }
    }
}

fn of_name(name: &str) -> DataType {
    match name {
        "TYPE_STRING" => DataType::String,
        "TYPE_FP32" => DataType::Fp32,
        _ => DataType::Invalid,
    }
}

impl From<http::ModelStatistics<'_>> for ModelStatistics {
    fn from(statistics: http::ModelStatistics<'_>) -> Self {
        let of = statistics.inference_stats;
        let spent = |spent: http::Spent| Some(StatisticDuration { count: spent.count, ns: spent.ns });
        Self {
            name: statistics.name.into(),
            version: statistics.version.into(),
            inference_count: statistics.inference_count,
            execution_count: statistics.execution_count,
            inference_stats: Some(InferStatistics {
                success: spent(of.success),
                fail: spent(of.fail),
                queue: spent(of.queue),
                compute_input: spent(of.compute_input),
                compute_infer: spent(of.compute_infer),
                compute_output: spent(of.compute_output),
                cache_hit: spent(of.cache_hit),
                cache_miss: spent(of.cache_miss),
            }),
        }
    }
}
