//! GET /info.

use std::collections::BTreeMap;

use actix_web::{HttpRequest, HttpResponse};
use serde::Serialize;
use utoipa::ToSchema;

use crate::error::HttpError;
use crate::request::service;
use crate::service::http_workers;

/// The default model and the limits
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Info<'a> {
    model_id: &'a str,
    model_sha: Option<&'a str>,
    model_dtype: String,
    served_model_name: &'a str,
    model_type: ModelType<'a>,
    max_concurrent_requests: usize,
    max_input_length: usize,
    max_batch_tokens: usize,
    max_client_batch_size: usize,
    auto_truncate: bool,
    tokenization_workers: usize,
    version: &'static str,
}

#[derive(Debug, Serialize, ToSchema)]
struct ModelType<'a> {
    classifier: ClassifierModel<'a>,
}

#[derive(Debug, Serialize, ToSchema)]
struct ClassifierModel<'a> {
    #[schema(value_type = HashMap<String, String>)]
    id2label: BTreeMap<usize, &'a str>,
    label2id: BTreeMap<&'a str, usize>,
}

/// Describe the default model and the limits
#[utoipa::path(get, path = "", tag = "text-embeddings-inference", operation_id = "tei_info",
    responses((status = 200, description = "The default model and the limits", body = Info)))]
pub(crate) async fn info(request: HttpRequest) -> Result<HttpResponse, HttpError> {
    let service = service(&request);
    let model = service.loaded()?.find(None)?;
    let labels = || model.pipeline.labels().labels().iter().map(String::as_str);
    let id2label = labels().enumerate().collect();
    let label2id = labels().zip(0..).collect();
    let info = Info {
        model_id: model.repository.as_deref().unwrap_or(&model.name),
        model_sha: model.revision.as_deref(),
        model_dtype: model.precision.to_string(),
        served_model_name: &model.name,
        model_type: ModelType { classifier: ClassifierModel { id2label, label2id } },
        max_concurrent_requests: service.limits.max_concurrent_requests,
        max_input_length: model.pipeline.max_length(),
        max_batch_tokens: service.max_batch_tokens,
        max_client_batch_size: service.limits.max_client_batch_size,
        auto_truncate: true,
        tokenization_workers: http_workers(),
        version: env!("CARGO_PKG_VERSION"),
    };
    Ok(HttpResponse::Ok().json(info))
}
