//! What the models have done since the start, as Triton's clients ask for it.

use actix_web::{HttpRequest, HttpResponse, web};
use prometheus::{Histogram, IntCounter};
use serde::Serialize;
use utoipa::ToSchema;

use super::model_path::{ModelPath, VERSION};
use crate::error::HttpError;
use crate::request::service;
use crate::served_model::ServedModel;

/// The statistics of models. They count texts of all protocols, and the batches that they are computed in.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Statistics<'a> {
    model_stats: Vec<ModelStatistics<'a>>,
}

#[derive(Debug, Serialize, ToSchema)]
struct ModelStatistics<'a> {
    name: &'a str,
    version: &'static str,
    /// Texts with a prediction.
    inference_count: u64,
    /// Batches that were computed.
    execution_count: u64,
    inference_stats: InferenceStatistics,
    /// Always empty: batches have any size.
    batch_stats: [Spent; 0],
}

#[derive(Debug, Serialize, ToSchema)]
struct InferenceStatistics {
    /// Texts with a prediction, and the time to compute their batches.
    success: Spent,
    /// Texts that were dropped: their time was over, or the client had left.
    fail: Spent,
    /// Texts that waited for a batch.
    queue: Spent,
    /// Tokenizing the texts of a request.
    compute_input: Spent,
    /// Computing a batch.
    compute_infer: Spent,
    compute_output: Spent,
    cache_hit: Spent,
    cache_miss: Spent,
}

/// How often something was done, and how long it took.
#[derive(Debug, Clone, Copy, Default, Serialize, ToSchema)]
struct Spent {
    count: u64,
    /// Nanoseconds; 0 where the time is not measured.
    ns: u64,
}

impl From<&Histogram> for Spent {
    fn from(seconds: &Histogram) -> Self {
        Self { count: seconds.get_sample_count(), ns: (seconds.get_sample_sum() * 1e9) as u64 }
    }
}

impl From<&IntCounter> for Spent {
    fn from(counter: &IntCounter) -> Self {
        Self { count: counter.get(), ns: 0 }
    }
}

impl<'a> From<&'a ServedModel> for ModelStatistics<'a> {
    fn from(model: &'a ServedModel) -> Self {
        let metrics = &model.metrics;
        let computed = Spent::from(&metrics.inference_seconds);
        let dropped = metrics.dropped_deadline.get() + metrics.dropped_client.get();
        Self {
            name: &model.name,
            version: VERSION,
            inference_count: metrics.texts.get(),
            execution_count: computed.count,
            inference_stats: InferenceStatistics {
                success: Spent { count: metrics.texts.get(), ns: computed.ns },
                fail: Spent { count: dropped, ns: 0 },
                queue: (&metrics.queue_seconds).into(),
                compute_input: (&metrics.tokenization_seconds).into(),
                compute_infer: computed,
                compute_output: Spent::default(),
                cache_hit: (&metrics.cache_hits).into(),
                cache_miss: (&metrics.cache_misses).into(),
            },
            batch_stats: [],
        }
    }
}

/// Count what all models have done
#[utoipa::path(get, path = "", tag = "open inference", operation_id = "statistics",
    responses((status = 200, description = "The statistics, in Triton's form", body = Statistics)))]
pub(crate) async fn all(request: HttpRequest) -> Result<HttpResponse, HttpError> {
    let models = service(&request).loaded()?.models();
    let model_stats = models.iter().map(|model| ModelStatistics::from(&**model)).collect();
    Ok(HttpResponse::Ok().json(Statistics { model_stats }))
}

/// Count what a model has done
#[utoipa::path(get, path = "", tag = "open inference", operation_id = "model_statistics",
    responses((status = 200, description = "The statistics, in Triton's form", body = Statistics)))]
pub(crate) async fn model(request: HttpRequest, path: web::Path<ModelPath>) -> Result<HttpResponse, HttpError> {
    let model = service(&request).loaded()?.find(Some(path.name()?))?;
    Ok(HttpResponse::Ok().json(Statistics { model_stats: vec![ModelStatistics::from(&*model)] }))
}

/// Count what a version of a model has done
#[utoipa::path(get, path = "", tag = "open inference", operation_id = "model_version_statistics",
    responses((status = 200, description = "The statistics, in Triton's form", body = Statistics)))]
pub(crate) async fn model_version(request: HttpRequest, path: web::Path<ModelPath>) -> Result<HttpResponse, HttpError> {
    model(request, path).await
}
