//! POST /v1/sentiment with a JSON body.

use std::time::Duration;

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};
use finsent_model::{ExplainOptions, Explanation, Text};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use utoipa::ToSchema;

use super::super::{prediction_schema, schema};
use super::explain::{check_explain, explain as parse_explain};
use super::item::{ClassifiedText, parse_item};
use super::options::{Aggregate, Granularity, Priority, check_labels, deadline, granularity};
use crate::error::HttpError;
use crate::inference::{
    ClassifyRequest, ClassifyResponse, ExplainRequest, INLINE_ENCODINGS, classify, explain as explain_all,
};
use crate::request::{Admitted, AnswerWriter, Body, Fields, MemoryPermit, TextInput, kind, text_elements};
use crate::scheduler::Lane;
use crate::served_model::ServedModel;

/// The texts to score, and how
#[derive(Debug, Deserialize, ToSchema)]
#[schema(example = json!({"inputs": ["Shares plunged 12%", {"id": 7, "text": "Orders doubled"}]}))]
#[serde(deny_unknown_fields)]
pub(crate) struct SentimentRequest<'a> {
    #[serde(borrow)]
    #[schema(value_type = schema::TextsWithIds, inline)]
    inputs: &'a RawValue,
    /// Name of a loaded model [default: the first one]
    model: Option<String>,
    /// Score each text as a whole, cut at the model's window (`text`), each of its sentences (`sentence`), or the whole
    /// text by its sentences (`document`) [default: text]
    granularity: Option<Granularity>,
    /// Average a document's scores from its sentences weighted by their tokens (`tokens`), equally (`mean`), or by tokens
    /// without the neutral ones (`polar`; if all are neutral, `tokens`) [default: tokens]
    aggregate: Option<Aggregate>,
    /// Decode HTML entities and leave out tags before scoring. Offsets are those of the text as you sent it [default: false]
    unescape_html: Option<bool>,
    /// Time in milliseconds after which you no longer need the answer and get 504. The server's own limit still applies.
    #[schema(schema_with = schema::milliseconds)]
    deadline_ms: Option<f64>,
    /// `interactive` requests go before `bulk` ones [default: interactive]
    priority: Option<Priority>,
    /// Also say which words made each prediction, and of a document which sentences: `true`, or how [default: false]. The words
    /// are weighed by `occlusion` or `shapley`, for the predicted label or another [default: shapley, the predicted label].
    /// It takes hundreds of passes per text, at bulk priority.
    #[serde(borrow)]
    #[schema(value_type = Option<schema::Explain>, inline)]
    explain: Option<&'a RawValue>,
}

/// One result per text, in the order of `inputs`
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SentimentResponse<'a> {
    model: ModelIdentity<'a>,
    #[schema(value_type = Vec<prediction_schema::SentimentResult>)]
    results: Vec<ResultItem<'a>>,
    usage: Usage,
}

/// The model that made the predictions
#[derive(Debug, Serialize, ToSchema)]
struct ModelIdentity<'a> {
    name: &'a str,
    /// Commit on the hub, if the files are known to be from it.
    revision: Option<&'a str>,
    /// Digest of the model's files.
    digest: &'a str,
    precision: String,
}

impl<'a> From<&'a ServedModel> for ModelIdentity<'a> {
    fn from(model: &'a ServedModel) -> Self {
        let ServedModel { name, revision, digest, precision, .. } = model;
        Self { name, revision: revision.as_deref(), digest, precision: precision.to_string() }
    }
}

/// The predictions for a text, or its error
#[derive(Debug, Serialize)]
#[serde(untagged)]
enum ResultItem<'a> {
    Classified(ClassifiedText<'a>),
    Failed(FailedText<'a>),
}

/// A text without a prediction
#[derive(Debug, Serialize)]
struct FailedText<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<&'a RawValue>,
    error: String,
}

/// How much was scored
#[derive(Debug, Serialize, ToSchema)]
struct Usage {
    /// Tokens that the model read, including `[CLS]` and `[SEP]`.
    tokens: usize,
    /// Texts with a prediction.
    texts: usize,
}

/// Score texts
///
/// Each text has a prediction or an error; one that fails does not affect the others. If you send a single text and it
/// fails, the status is 422.
///
/// With `Content-Type: application/x-ndjson` (or `application/jsonl`) the body is a stream. Each line is a text or an object
/// with `id` and `text`, and is answered by one line, in order, as soon as its prediction is ready. `model`, `granularity`,
/// `aggregate`, `unescape_html`, `deadline_ms` and `priority` [default: bulk] are then query parameters. With
/// `?passthrough=true`, a line may have other fields, which come back with its answer. Blank lines are skipped. The answer
/// to a line that fails has `error` and `line`, the line's number. The server stops reading if you stop reading answers.
#[utoipa::path(post, path = "", tag = "finsent", operation_id = "score_texts",
    request_body = SentimentRequest,
    responses((status = 200, description = "The predictions", body = SentimentResponse)))]
pub(crate) async fn sentiment(admitted: Admitted, body: Body) -> Result<HttpResponse, HttpError> {
    let limit = admitted.service().limits.max_client_batch_size;
    let (parsed, mut memory) = body.parse(move |body| parse(body, limit)).await?;
    let Parsed { inputs: Inputs { texts, ids, is_one }, model, granularity, unescape_html, deadline, lane, explain } =
        parsed;
    let model = admitted.model(model.as_deref())?;
    check_labels(granularity, &model)?;
    check_explain(explain.as_ref(), &model, admitted.service().limits.explain_budget)?;
    let deadline = admitted.deadline(deadline);
    let explained = match explain {
        Some(options) => {
            let texts = copies(&texts, &mut memory)?;
            Some(ExplainRequest { options, texts, granularity, unescape_html, deadline })
        }
        None => None,
    };
    let request =
        ClassifyRequest { model, inputs: texts, memory, granularity, unescape_html, lane, deadline, truncate: true };
    let mut classified = classify(&admitted, request).await?;
    let explanations = match explained {
        Some(request) => explain_all(&admitted, &mut classified, request).await?,
        None => Vec::new(),
    };
    let mut response = HttpResponse::build(StatusCode::OK);
    classified.add_headers(&mut response);
    let is_long = classified.encodings() > INLINE_ENCODINGS;
    let write = move || write_answer(classified, explanations, &ids, is_one);
    let answer = if is_long { web::block(write).await.unwrap_or(Err(HttpError::Panicked)) } else { write() };
    Ok(answer?.into_response(&mut response, "application/json"))
}

/// Copies of the texts, which are explained after they are classified.
fn copies(inputs: &[TextInput], memory: &mut MemoryPermit) -> Result<Vec<Option<Text>>, HttpError> {
    memory.grow(inputs.iter().flatten().map(|text| text.as_str().len()).sum())?;
    Ok(inputs.iter().map(|input| input.as_ref().ok().cloned()).collect())
}

/// What a request asks for.
pub(crate) struct Parsed {
    pub(crate) inputs: Inputs,
    model: Option<String>,
    granularity: finsent_model::Granularity,
    unescape_html: bool,
    deadline: Option<Duration>,
    lane: Lane,
    explain: Option<ExplainOptions>,
}

pub(crate) struct Inputs {
    pub(crate) texts: Vec<TextInput>,
    /// One per text.
    ids: Vec<Option<Box<RawValue>>>,
    /// Whether there is a single text and no list.
    is_one: bool,
}

pub(crate) fn parse(body: &[u8], limit: usize) -> Result<Parsed, HttpError> {
    let request: SentimentRequest<'_> = Fields::of_body(body)?.read_strict()?;
    let granularity = granularity(request.granularity, request.aggregate)?;
    Ok(Parsed {
        explain: parse_explain(request.explain, granularity)?,
        deadline: deadline(request.deadline_ms)?,
        inputs: parse_inputs(request.inputs, limit)?,
        model: request.model,
        granularity,
        unescape_html: request.unescape_html.unwrap_or_default(),
        lane: request.priority.map_or(Lane::Interactive, Into::into),
    })
}

fn parse_inputs(inputs: &RawValue, limit: usize) -> Result<Inputs, HttpError> {
    let is_one = kind(inputs) == "a string";
    let items: Vec<&RawValue> = match kind(inputs) {
        "a string" => vec![inputs],
        "an array" => text_elements(inputs, limit)?,
        other => return Err(HttpError::invalid(format!("`inputs`: expected a string or an array, found {other}"))),
    };
    let (mut texts, mut ids) = (Vec::with_capacity(items.len()), Vec::with_capacity(items.len()));
    for (index, item) in items.into_iter().enumerate() {
        let (id, text) = parse_item(item, Some(index))?;
        texts.push(text);
        ids.push(id.map(ToOwned::to_owned));
    }
    Ok(Inputs { texts, ids, is_one })
}

fn write_answer(
    classified: ClassifyResponse,
    explanations: Vec<Option<Explanation>>,
    ids: &[Option<Box<RawValue>>],
    is_one: bool,
) -> Result<AnswerWriter, HttpError> {
    let tokens = classified.tokens();
    let ClassifyResponse { model, items, memory, .. } = classified;
    let mut results = Vec::with_capacity(ids.len());
    let mut explanations = explanations.into_iter();
    for (id, item) in ids.iter().zip(items) {
        let explanation = explanations.next().flatten();
        let id = id.as_deref();
        results.push(match item {
            Ok(text) => {
                ResultItem::Classified(ClassifiedText { id, classification: text.classification(&model), explanation })
            }
            Err(error) if is_one => return Err(error.into_request_error(None)),
            Err(error) => ResultItem::Failed(FailedText { id, error: error.to_string() }),
        });
    }
    let texts = results.iter().filter(|result| matches!(result, ResultItem::Classified(_))).count();
    let response = SentimentResponse { model: ModelIdentity::from(&*model), results, usage: Usage { tokens, texts } };
    let mut answer = AnswerWriter::new(memory);
    answer.write_json(&response)?;
    Ok(answer)
}
