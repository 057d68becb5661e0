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
pub(crate) struct ModelStatistics<'a> {
    pub(in crate::protocols) name: &'a str,
    pub(in crate::protocols) version: &'static str,
    /// Texts with a prediction.
    pub(in crate::protocols) inference_count: u64,
    /// Batches that were computed.
    pub(in crate::protocols) execution_count: u64,
    pub(in crate::protocols) inference_stats: InferenceStatistics,
    /// Always empty: batches have any size.
    pub(in crate::protocols) batch_stats: [Spent; 0],
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct InferenceStatistics {
    /// Texts with a prediction, and the time to compute their batches.
    pub(in crate::protocols) success: Spent,
    /// Texts that were dropped: their time was over, or the client had left.
    pub(in crate::protocols) fail: Spent,
    /// Texts that waited for a batch.
    pub(in crate::protocols) queue: Spent,
    /// Tokenizing the texts of a request.
    pub(in crate::protocols) compute_input: Spent,
    /// Computing a batch.
    pub(in crate::protocols) compute_infer: Spent,
    pub(in crate::protocols) compute_output: Spent,
    pub(in crate::protocols) cache_hit: Spent,
    pub(in crate::protocols) cache_miss: Spent,
}

/// How often something was done, and how long it took.
#[derive(Debug, Clone, Copy, Default, Serialize, ToSchema)]
pub(crate) struct Spent {
    pub(in crate::protocols) count: u64,
    /// Nanoseconds; 0 where the time is not measured.
    pub(in crate::protocols) ns: u64,
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
