//! Hugging Face text classification: POST / and POST /models/{name}.

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};
use finsent_model::Activation;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use utoipa::ToSchema;

use super::super::admit::Admitted;
use super::super::body::Body;
use super::super::error::HttpError;
use super::super::fields::{Fields, Object, Whole, kind};
use super::super::infer::{Input, Job, infer};
use super::super::openapi::HuggingFaceResponses;
use super::schema;
use super::sentiment::text_of;

/// What the clients of the hub send. Fields that are not listed are ignored.
#[derive(Debug, ToSchema)]
#[schema(example = json!({"inputs": "Orders doubled", "parameters": {"top_k": 2}}))]
#[expect(dead_code, reason = "the request's schema; it is read field by field, so that each mistake is named")]
pub(in super::super) struct TextClassification {
    #[schema(schema_with = schema::texts)]
    inputs: (),
    parameters: Option<Parameters>,
}

#[derive(Debug, Default, Deserialize, ToSchema)]
struct Parameters {
    /// Labels of each text that are given, the best ones [default: all]
    #[schema(schema_with = schema::count)]
    top_k: Option<Whole>,
    /// [default: what the model was trained with]
    function_to_apply: Option<Function>,
    /// `false`: a text that is longer than the model's window is an error [default: true]
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

/// A label and its score.
#[derive(Debug, Serialize, ToSchema)]
pub(in super::super) struct LabelScore<'a> {
    label: &'a str,
    score: f32,
}

impl<'a> From<(&'a str, f32)> for LabelScore<'a> {
    fn from((label, score): (&'a str, f32)) -> Self {
        Self { label, score }
    }
}

/// Classify texts by the default model
///
/// Hugging Face's text classification. The answer has a list for each text, also for one, with the best label first.
#[utoipa::path(post, path = "/", tag = "hugging face", operation_id = "hugging_face",
    request_body = TextClassification,
    responses((status = 200, description = "The labels of each text", body = Vec<Vec<LabelScore>>),
              HuggingFaceResponses))]
pub(in super::super) async fn default_model(admitted: Admitted, body: Body) -> Result<HttpResponse, HttpError> {
    classify(&admitted, None, &body).await
}

/// Classify texts by a model
///
/// The same for the model of this name, or of this repository on the hub.
#[utoipa::path(post, path = "/models/{model}", tag = "hugging face", operation_id = "hugging_face_model",
    params(("model" = String, Path, description = "A model that is loaded", example = "mini")),
    request_body = TextClassification,
    responses((status = 200, description = "The labels of each text", body = Vec<Vec<LabelScore>>),
              HuggingFaceResponses))]
pub(in super::super) async fn by_model(
    admitted: Admitted,
    model: web::Path<String>,
    body: Body,
) -> Result<HttpResponse, HttpError> {
    classify(&admitted, Some(&model), &body).await
}

async fn classify(admitted: &Admitted, model: Option<&str>, body: &[u8]) -> Result<HttpResponse, HttpError> {
    let model = admitted.model(model)?;
    let fields = Fields::of_body(body)?;
    let Parameters { top_k, function_to_apply, truncation } =
        fields.optional::<Object<_>>("parameters")?.unwrap_or_default().0;
    let most = match top_k {
        Some(Whole(..1)) => return Err(HttpError::invalid("`parameters`: `top_k` is 1 or more")),
        Some(Whole(most)) => most as usize,
        None => usize::MAX,
    };
    let inputs = texts(fields.required("inputs")?)?;
    let job = Job::of_texts(model, inputs, admitted.deadline(None), truncation.unwrap_or(true));
    let inferred = infer(admitted, job).await?;
    let mut response = HttpResponse::build(StatusCode::OK);
    inferred.describe(&mut response);
    let (model, items) = inferred.all()?;
    let activation = function_to_apply.map(Activation::from);
    let of_item = |item: &super::super::infer::Item| -> Vec<LabelScore<'_>> {
        let scores = item.sorted_scores(&model, activation);
        scores.into_iter().take(most).map(Into::into).collect()
    };
    Ok(response.json(items.iter().map(of_item).collect::<Vec<_>>()))
}

/// One text, or a list of them.
fn texts(inputs: &RawValue) -> Result<Vec<Input>, HttpError> {
    if kind(inputs) == "a string" {
        return Ok(vec![text_of(inputs, None)?]);
    }
    let items: Vec<&RawValue> = serde_json::from_str(inputs.get()).map_err(|_| {
        HttpError::invalid(format!("`inputs`: expected a string or an array of strings, found {}", kind(inputs)))
    })?;
    if items.is_empty() {
        return Err(HttpError::Empty);
    }
    items.into_iter().enumerate().map(|(index, item)| text_of(item, Some(index))).collect()
}
