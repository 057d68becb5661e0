//! POST /predict.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use finsent_model::Activation;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use utoipa::ToSchema;

use super::super::label_score::LabelScore;
use super::super::schema;
use crate::error::HttpError;
use crate::inference::{ClassifyRequest, ClassifyResponse, ScoredText, classify, milliseconds};
use crate::request::{Admitted, Body, Fields, TextInput, elements, json_answer, kind, parse_text, text_elements};

/// A request of the clients of text-embeddings-inference. Pairs of texts are not supported: a list of strings is a batch.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(example = json!({"inputs": ["Shares plunged 12%", "Orders doubled"]}))]
pub(crate) struct PredictRequest<'a> {
    #[serde(borrow)]
    #[schema(schema_with = schema::nested_texts)]
    inputs: &'a RawValue,
    /// If `false`, a text that is longer than the model's window is an error [default: true]
    truncate: Option<bool>,
    /// Only the end of a text can be cut off.
    #[expect(dead_code, reason = "parsing it rejects other directions")]
    truncation_direction: Option<TruncationDirection>,
    /// Return logits instead of probabilities [default: false]
    raw_scores: Option<bool>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
enum TruncationDirection {
    Right,
}

/// The labels of one text, or of each text
#[derive(Debug, Serialize, ToSchema)]
#[serde(untagged)]
pub(crate) enum PredictResponse<'a> {
    One(Vec<LabelScore<'a>>),
    Many(Vec<Vec<LabelScore<'a>>>),
}

/// Classify texts
///
/// `/predict` of text-embeddings-inference. The answer for one text is a list of labels, the best first; for several texts
/// it is a list of lists.
#[utoipa::path(post, path = "", tag = "text-embeddings-inference", operation_id = "tei_predict",
    request_body = PredictRequest,
    responses((status = 200, description = "The labels", body = PredictResponse)))]
pub(crate) async fn predict(admitted: Admitted, body: Body) -> Result<HttpResponse, HttpError> {
    let limit = admitted.service().limits.max_client_batch_size;
    let (parsed, memory) = body.parse(move |body| parse(body, limit)).await?;
    let Parsed { inputs, is_one, characters, truncate, activation } = parsed;
    let (model, deadline) = (admitted.model(None)?, admitted.deadline(None));
    let request = ClassifyRequest::of_texts(model, (inputs, memory), deadline, truncate);
    let classified = classify(&admitted, request).await?;
    let mut response = HttpResponse::build(StatusCode::OK);
    classified.add_headers(&mut response);
    add_compute_headers(&classified, characters, &mut response);
    let (model, texts, memory) = classified.into_all()?;
    let labels = |text: &ScoredText| -> Vec<LabelScore<'_>> {
        text.sorted_scores(&model, activation).into_iter().map(Into::into).collect()
    };
    let mut labels: Vec<Vec<LabelScore<'_>>> = texts.iter().map(labels).collect();
    let answer = if is_one { PredictResponse::One(labels.remove(0)) } else { PredictResponse::Many(labels) };
    json_answer(&mut response, memory, &answer)
}

/// What a request asks for.
pub(crate) struct Parsed {
    pub(crate) inputs: Vec<TextInput>,
    /// Whether there is a single text and no list.
    is_one: bool,
    /// Characters of all texts.
    characters: usize,
    truncate: bool,
    activation: Option<Activation>,
}

pub(crate) fn parse(body: &[u8], limit: usize) -> Result<Parsed, HttpError> {
    let PredictRequest { inputs, truncate, raw_scores, .. } = Fields::of_body(body)?.read()?;
    let is_one = kind(inputs) == "a string";
    let inputs = parse_inputs(inputs, limit)?;
    let characters = inputs.iter().flatten().map(|text| text.as_str().chars().count()).sum();
    let activation = raw_scores.unwrap_or_default().then_some(Activation::Identity);
    Ok(Parsed { inputs, is_one, characters, truncate: truncate.unwrap_or(true), activation })
}

/// The headers that clients of text-embeddings-inference know.
fn add_compute_headers(
    classified: &ClassifyResponse,
    characters: usize,
    response: &mut actix_web::HttpResponseBuilder,
) {
    response.insert_header(("x-compute-type", "cpu"));
    response.insert_header(("x-compute-time", milliseconds(classified.inference_time())));
    response.insert_header(("x-compute-characters", characters));
    response.insert_header(("x-compute-tokens", classified.tokens()));
}

/// A text, a list of texts, or a list of lists with one text each.
fn parse_inputs(inputs: &RawValue, limit: usize) -> Result<Vec<TextInput>, HttpError> {
    let items = match kind(inputs) {
        "a string" => return Ok(vec![parse_text(inputs, None)?]),
        "an array" => text_elements(inputs, limit)?,
        other => return Err(HttpError::invalid(format!("`inputs`: expected a string or an array, found {other}"))),
    };
    items.into_iter().enumerate().map(|(index, item)| parse_item(item, index)).collect()
}

/// A text, or a list with one text.
fn parse_item(item: &RawValue, index: usize) -> Result<TextInput, HttpError> {
    if kind(item) != "an array" {
        return parse_text(item, Some(index));
    }
    let found = match elements(item, 1).as_deref() {
        Ok(&[text]) => return parse_text(text, Some(index)),
        Ok(_) => "none",
        Err(_) => "several",
    };
    let reason = format!("expected one text, found {found}; pairs of texts are not supported");
    Err(HttpError::Invalid { index: Some(index), reason })
}
