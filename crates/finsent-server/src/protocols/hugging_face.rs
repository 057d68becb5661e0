//! Hugging Face text classification: POST / and POST /models/{model}.

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};
use finsent_model::Activation;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use utoipa::ToSchema;

use super::label_score::LabelScore;
use super::schema;
use crate::error::HttpError;
use crate::error_format::ErrorBody;
use crate::inference::{ClassifyRequest, ScoredText, classify};
use crate::request::{Admitted, Body, Fields, Object, TextInput, WholeNumber, json_answer, parse_texts};

/// A request of the clients of the Hugging Face inference API. Other fields are ignored.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(example = json!({"inputs": "Orders doubled", "parameters": {"top_k": 2}}))]
pub(crate) struct TextClassification<'a> {
    #[serde(borrow)]
    #[schema(schema_with = schema::texts)]
    inputs: &'a RawValue,
    #[schema(value_type = Option<Parameters>)]
    parameters: Option<Object<Parameters>>,
}

#[derive(Debug, Default, Deserialize, ToSchema)]
struct Parameters {
    /// Return only the labels with the highest scores, this many per text [default: all]
    #[schema(schema_with = schema::count)]
    top_k: Option<WholeNumber>,
    /// How scores are computed from logits [default: as the model was trained]
    function_to_apply: Option<Function>,
    /// If `false`, a text that is longer than the model's window is an error [default: true]
    truncation: Option<bool>,
}

#[derive(Debug, Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
enum Function {
    Softmax,
    Sigmoid,
    None,
}

impl From<Function> for Activation {
    fn from(function: Function) -> Self {
        match function {
            Function::Softmax => Self::Softmax,
            Function::Sigmoid => Self::Sigmoid,
            Function::None => Self::Identity,
        }
    }
}

/// An error of the Hugging Face inference API
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct HuggingFaceError {
    error: String,
    /// Seconds to wait while models are loading.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    estimated_time: Option<f32>,
}

/// How long clients are asked to wait while models are loading.
const LOADING_SECONDS: f32 = 2.0;

impl ErrorBody for HuggingFaceError {
    const CONTENT_TYPE: &'static str = "application/json";

    fn new(error: &HttpError) -> Self {
        let estimated_time = matches!(error, HttpError::Loading).then_some(LOADING_SECONDS);
        Self { error: error.message_with_index("inputs"), estimated_time }
    }
}

/// Classify texts with the default model
///
/// Hugging Face text classification. The answer has one list per text, also if there is only one text, with the best label
/// first.
#[utoipa::path(post, path = "", tag = "hugging face", operation_id = "hugging_face_score",
    request_body = TextClassification,
    responses((status = 200, description = "The labels of each text", body = Vec<Vec<LabelScore>>)))]
pub(crate) async fn default_model(admitted: Admitted, body: Body) -> Result<HttpResponse, HttpError> {
    respond(&admitted, None, body).await
}

/// Classify texts with a model
///
/// The same as `POST /`, for the model with this name or this repository on the hub.
#[utoipa::path(post, path = "", tag = "hugging face", operation_id = "hugging_face_score_with_model",
    request_body = TextClassification,
    responses((status = 200, description = "The labels of each text", body = Vec<Vec<LabelScore>>)))]
pub(crate) async fn by_model(
    admitted: Admitted,
    model: web::Path<String>,
    body: Body,
) -> Result<HttpResponse, HttpError> {
    respond(&admitted, Some(&model), body).await
}

/// What a request asks for.
pub(crate) struct Parsed {
    pub(crate) inputs: Vec<TextInput>,
    /// Labels per text.
    top_k: usize,
    activation: Option<Activation>,
    truncate: bool,
}

async fn respond(admitted: &Admitted, model: Option<&str>, body: Body) -> Result<HttpResponse, HttpError> {
    let model = admitted.model(model)?;
    let limit = admitted.service().limits.max_client_batch_size;
    let (parsed, memory) = body.parse(move |body| parse(body, limit)).await?;
    let Parsed { inputs, top_k, activation, truncate } = parsed;
    let request = ClassifyRequest::of_texts(model, (inputs, memory), admitted.deadline(None), truncate);
    let classified = classify(admitted, request).await?;
    let mut response = HttpResponse::build(StatusCode::OK);
    classified.add_headers(&mut response);
    let (model, texts, memory) = classified.into_all()?;
    let labels = |text: &ScoredText| -> Vec<LabelScore<'_>> {
        text.sorted_scores(&model, activation).into_iter().take(top_k).map(Into::into).collect()
    };
    json_answer(&mut response, memory, &texts.iter().map(labels).collect::<Vec<_>>())
}

pub(crate) fn parse(body: &[u8], limit: usize) -> Result<Parsed, HttpError> {
    let TextClassification { inputs, parameters } = Fields::of_body(body)?.read()?;
    let Parameters { top_k, function_to_apply, truncation } = parameters.unwrap_or_default().0;
    let top_k = match top_k {
        Some(WholeNumber(..1)) => return Err(HttpError::invalid("`parameters`: `top_k` must be at least 1")),
        Some(WholeNumber(top_k)) => top_k as usize,
        None => usize::MAX,
    };
    let (inputs, activation) = (parse_texts(inputs, "inputs", limit)?, function_to_apply.map(Activation::from));
    Ok(Parsed { inputs, top_k, activation, truncate: truncation.unwrap_or(true) })
}
