//! POST /v1/sentiment with a JSON body.

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, HttpResponseBuilder};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use utoipa::ToSchema;

use super::super::schema;
use super::item::{ClassifiedText, parse_item};
use super::options::{Granularity, Priority, deadline};
use super::stream::{ResponseLine, SentimentLine};
use crate::error::HttpError;
use crate::inference::{ClassifyRequest, ClassifyResponse, classify};
use crate::request::{Admitted, Body, Fields, TextInput, kind};
use crate::scheduler::Lane;
use crate::served_model::ServedModel;

/// The texts to score, and how
#[derive(Debug, Deserialize, ToSchema)]
#[schema(example = json!({"inputs": ["Shares plunged 12%", {"id": 7, "text": "Orders doubled"}]}))]
#[serde(deny_unknown_fields)]
pub(crate) struct SentimentRequest<'a> {
    #[serde(borrow)]
    #[schema(schema_with = schema::texts_with_ids)]
    inputs: &'a RawValue,
    /// Name of a loaded model [default: the first one]
    model: Option<String>,
    /// Score each text as a whole, cut at the model's window (`text`), each of its sentences (`sentence`), or the whole
    /// text by its sentences (`document`) [default: text]
    granularity: Option<Granularity>,
    /// Time in milliseconds after which you no longer need the answer and get 504. The server's own limit still applies.
    #[schema(schema_with = schema::milliseconds)]
    deadline_ms: Option<f64>,
    /// `interactive` requests go before `bulk` ones [default: interactive]
    priority: Option<Priority>,
}

/// One result per text, in the order of `inputs`
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SentimentResponse<'a> {
    model: ModelIdentity<'a>,
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
#[derive(Debug, Serialize, ToSchema)]
#[serde(untagged)]
enum ResultItem<'a> {
    Classified(ClassifiedText<'a>),
    Failed(FailedText<'a>),
}

/// A text without a prediction
#[derive(Debug, Serialize, ToSchema)]
struct FailedText<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(schema_with = schema::id, required = false)]
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
/// `deadline_ms` and `priority` [default: bulk] are then query parameters. Blank lines are skipped. The answer to a line that
/// fails has `error` and `line`, the line's number. The server stops reading if you stop reading answers.
#[utoipa::path(post, path = "", tag = "finsent", operation_id = "sentiment",
    request_body(content((SentimentRequest = "application/json"), (SentimentLine = "application/x-ndjson"))),
    responses((status = 200, description = "The predictions", content(
        (SentimentResponse = "application/json"), (ResponseLine = "application/x-ndjson")))))]
pub(crate) async fn sentiment(admitted: Admitted, body: Body) -> Result<HttpResponse, HttpError> {
    let request: SentimentRequest<'_> = Fields::of_body(&body)?.read_strict()?;
    let deadline = deadline(request.deadline_ms)?;
    let inputs = parse_inputs(request.inputs)?;
    let model = admitted.model(request.model.as_deref())?;
    let granularity = request.granularity.map(Into::into).unwrap_or_default();
    let classified = classify(
        &admitted,
        ClassifyRequest {
            model,
            inputs: inputs.texts,
            granularity,
            lane: request.priority.map_or(Lane::Interactive, Into::into),
            deadline: admitted.deadline(deadline),
            truncate: true,
        },
    )
    .await?;
    let mut response = HttpResponse::build(StatusCode::OK);
    classified.add_headers(&mut response);
    write_response(classified, &inputs.ids, inputs.is_one, &mut response)
}

struct Inputs<'a> {
    texts: Vec<TextInput>,
    /// One per text.
    ids: Vec<Option<&'a RawValue>>,
    /// Whether there is a single text and no list.
    is_one: bool,
}

fn parse_inputs(inputs: &RawValue) -> Result<Inputs<'_>, HttpError> {
    let is_one = kind(inputs) == "a string";
    let items: Vec<&RawValue> = match kind(inputs) {
        "a string" => vec![inputs],
        "an array" => serde_json::from_str(inputs.get()).map_err(|error| HttpError::invalid(error.to_string()))?,
        other => return Err(HttpError::invalid(format!("`inputs`: expected a string or an array, found {other}"))),
    };
    if items.is_empty() {
        return Err(HttpError::Empty);
    }
    let parse = |(index, item)| parse_item(item, Some(index));
    let items: Vec<(Option<&RawValue>, TextInput)> =
        items.into_iter().enumerate().map(parse).collect::<Result<_, _>>()?;
    let (ids, texts) = items.into_iter().unzip();
    Ok(Inputs { texts, ids, is_one })
}

fn write_response(
    classified: ClassifyResponse,
    ids: &[Option<&RawValue>],
    is_one: bool,
    response: &mut HttpResponseBuilder,
) -> Result<HttpResponse, HttpError> {
    let (tokens, model) = (classified.tokens(), classified.model);
    let mut results = Vec::with_capacity(ids.len());
    for (&id, item) in ids.iter().zip(classified.items) {
        results.push(match item {
            Ok(text) => ResultItem::Classified(ClassifiedText { id, classification: text.classification(&model) }),
            Err(error) if is_one => return Err(error.into_request_error(None)),
            Err(error) => ResultItem::Failed(FailedText { id, error: error.to_string() }),
        });
    }
    let texts = results.iter().filter(|result| matches!(result, ResultItem::Classified(_))).count();
    Ok(response.json(SentimentResponse {
        model: ModelIdentity::from(&*model),
        results,
        usage: Usage { tokens, texts },
    }))
}
