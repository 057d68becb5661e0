//! text-embeddings-inference's routes for classifiers: POST /predict and GET /info.

use std::collections::BTreeMap;

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse};
use finsent_model::Activation;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use utoipa::ToSchema;

use super::super::admit::{Admitted, model, service};
use super::super::body::Body;
use super::super::error::HttpError;
use super::super::fields::{Fields, kind};
use super::super::infer::{Input, Item, Job, infer, milliseconds};
use super::super::openapi::{TellingResponses, TextEmbeddingsResponses};
use super::hugging_face::LabelScore;
use super::schema;
use super::sentiment::text_of;

/// What its clients send. There are no pairs of texts here: a list of strings is a batch.
#[derive(Debug, ToSchema)]
#[schema(example = json!({"inputs": ["Shares plunged 12%", "Orders doubled"]}))]
#[expect(dead_code, reason = "the request's schema; it is read field by field, so that each mistake is named")]
pub(in super::super) struct PredictRequest {
    #[schema(schema_with = schema::nested_texts)]
    inputs: (),
    /// `false`: a text that is longer than the model's window is an error [default: true]
    truncate: Option<bool>,
    /// Only the end of a text is cut off.
    truncation_direction: Option<TruncationDirection>,
    /// Give the logits as they are [default: false]
    raw_scores: Option<bool>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
enum TruncationDirection {
    Right,
}

/// The labels of a text, or of each of them.
#[derive(Debug, Serialize, ToSchema)]
#[serde(untagged)]
pub(in super::super) enum PredictResponse<'a> {
    One(Vec<LabelScore<'a>>),
    Many(Vec<Vec<LabelScore<'a>>>),
}

/// Classify texts
///
/// text-embeddings-inference's `/predict`: one text has a list of labels, the best first; several have a list of lists.
#[utoipa::path(post, path = "/predict", tag = "text-embeddings-inference", operation_id = "predict",
    request_body = PredictRequest,
    responses((status = 200, description = "The labels", body = PredictResponse), TextEmbeddingsResponses))]
pub(in super::super) async fn predict(admitted: Admitted, body: Body) -> Result<HttpResponse, HttpError> {
    let fields = Fields::of_body(&body)?;
    fields.optional::<TruncationDirection>("truncation_direction")?;
    let raw_scores: bool = fields.optional("raw_scores")?.unwrap_or_default();
    let inputs = fields.required("inputs")?;
    let is_one = kind(inputs) == "a string";
    let inputs = texts(inputs)?;
    let characters: usize = inputs.iter().flatten().map(|text| text.as_str().chars().count()).sum();
    let truncate = fields.optional("truncate")?.unwrap_or(true);
    let job = Job::of_texts(admitted.model(None)?, inputs, admitted.deadline(None), truncate);
    let inferred = infer(&admitted, job).await?;
    let mut response = HttpResponse::build(StatusCode::OK);
    inferred.describe(&mut response);
    response.insert_header(("x-compute-type", "cpu"));
    response.insert_header(("x-compute-time", milliseconds(inferred.inference_time())));
    response.insert_header(("x-compute-characters", characters));
    response.insert_header(("x-compute-tokens", inferred.tokens()));

    let (model, items) = inferred.all()?;
    let activation = raw_scores.then_some(Activation::Identity);
    let of_item = |item: &Item| -> Vec<LabelScore<'_>> {
        item.sorted_scores(&model, activation).into_iter().map(Into::into).collect()
    };
    let mut labels: Vec<Vec<LabelScore<'_>>> = items.iter().map(of_item).collect();
    Ok(response.json(if is_one { PredictResponse::One(labels.remove(0)) } else { PredictResponse::Many(labels) }))
}

/// A text, a list of texts, or a list of lists with one text each.
fn texts(inputs: &RawValue) -> Result<Vec<Input>, HttpError> {
    if kind(inputs) == "a string" {
        return Ok(vec![text_of(inputs, None)?]);
    }
    let items: Vec<&RawValue> = serde_json::from_str(inputs.get())
        .map_err(|_| HttpError::invalid(format!("`inputs`: expected a string or an array, found {}", kind(inputs))))?;
    if items.is_empty() {
        return Err(HttpError::Empty);
    }
    let text = |(index, item): (usize, &RawValue)| {
        let nested: Vec<&RawValue> = serde_json::from_str(item.get()).unwrap_or_else(|_| vec![item]);
        match nested.as_slice() {
            [text] => text_of(text, Some(index)),
            _ => {
                let reason = format!("expected one text, found {}: there are no pairs of texts here", nested.len());
                Err(HttpError::Invalid { index: Some(index), reason })
            }
        }
    };
    items.into_iter().enumerate().map(text).collect()
}

/// The default model and the limits.
#[derive(Debug, Serialize, ToSchema)]
pub(in super::super) struct Info<'a> {
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

/// Tell the default model and the limits
#[utoipa::path(get, path = "/info", tag = "text-embeddings-inference", operation_id = "info",
    responses((status = 200, description = "The default model and the limits", body = Info),
              TellingResponses))]
pub(in super::super) async fn info(request: HttpRequest) -> Result<HttpResponse, HttpError> {
    let service = service(&request);
    let model = model(service.loaded.get().ok_or(HttpError::Loading)?, None)?;
    let labels = || model.pipeline.labels().labels().iter().map(String::as_str);
    let info = Info {
        model_id: model.repository.as_deref().unwrap_or(&model.name),
        model_sha: model.revision.as_deref(),
        model_dtype: model.precision.to_string(),
        served_model_name: &model.name,
        model_type: ModelType {
            classifier: ClassifierModel {
                id2label: labels().enumerate().collect(),
                label2id: labels().zip(0..).collect(),
            },
        },
        max_concurrent_requests: service.limits.max_concurrent_requests,
        max_input_length: model.pipeline.max_length(),
        max_batch_tokens: service.max_batch_tokens,
        max_client_batch_size: service.limits.max_client_batch_size,
        auto_truncate: true,
        tokenization_workers: super::super::server::workers(),
        version: env!("CARGO_PKG_VERSION"),
    };
    Ok(HttpResponse::Ok().json(info))
}
