//! finsent's own route: POST /v1/sentiment.

use std::time::Duration;

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use finsent_model::{Aggregate, Classification, Text};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use utoipa::ToSchema;

use super::super::admit::Admitted;
use super::super::body::Body;
use super::super::error::HttpError;
use super::super::fields::{Fields, Whole, kind, without_place};
use super::super::infer::{Inferred, Input, ItemError, Job, infer};
use super::super::openapi::ProblemResponses;
use super::super::served::ServedModel;
use super::feed::AnswerLine;
use super::schema::{self, SentimentLine};
use crate::scheduler::Lane;

/// What to score, and how.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(example = json!({"inputs": ["Shares plunged 12%", {"id": 7, "text": "Orders doubled"}]}))]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "the request's schema; it is read field by field, so that each mistake is named")]
pub(in super::super) struct SentimentRequest {
    #[schema(schema_with = schema::named_texts)]
    inputs: (),
    /// A model that is loaded [default: the first one]
    model: Option<String>,
    /// What a prediction is about: the text as one, cut at the window; each of its sentences; or all of it, by its
    /// sentences [default: text]
    granularity: Option<Granularity>,
    /// Time in milliseconds after which the answer is of no use: 504 then. The service's own limit stays.
    #[schema(schema_with = schema::milliseconds)]
    deadline_ms: Option<f64>,
    /// `interactive` goes before `bulk` [default: interactive]
    priority: Option<Priority>,
}

#[derive(Debug, Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
enum Granularity {
    Text,
    Sentence,
    Document,
}

impl From<Granularity> for finsent_model::Granularity {
    fn from(granularity: Granularity) -> Self {
        match granularity {
            Granularity::Text => Self::Text,
            Granularity::Sentence => Self::Sentence,
            Granularity::Document => Self::Document(Aggregate::default()),
        }
    }
}

#[derive(Debug, Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
enum Priority {
    Interactive,
    Bulk,
}

/// A prediction for each input, in the order given.
#[derive(Debug, Serialize, ToSchema)]
pub(in super::super) struct SentimentResponse<'a> {
    model: ModelIdentity<'a>,
    results: Vec<ResultItem<'a>>,
    usage: UsageError,
}

/// Which model answered.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ModelIdentity<'a> {
    name: &'a str,
    /// Commit on the hub, where the files are known to be of it.
    revision: Option<&'a str>,
    /// Hash of the model's files.
    digest: &'a str,
    precision: String,
}

impl<'a> From<&'a ServedModel> for ModelIdentity<'a> {
    fn from(model: &'a ServedModel) -> Self {
        let ServedModel { name, revision, digest, precision, .. } = model;
        Self { name, revision: revision.as_deref(), digest, precision: precision.to_string() }
    }
}

/// What was asked of a text, or why there is none.
#[derive(Debug, Serialize, ToSchema)]
#[serde(untagged)]
enum ResultItem<'a> {
    Classification(WithAnswer<'a>),
    Failed(Failed<'a>),
}

#[derive(Debug, Serialize, ToSchema)]
pub(in super::super) struct WithAnswer<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(schema_with = schema::id, required = false)]
    pub(super) id: Option<&'a RawValue>,
    #[serde(flatten)]
    #[schema(value_type = schema::Classification)]
    pub(super) answer: Classification,
}

#[derive(Debug, Serialize, ToSchema)]
struct Failed<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(schema_with = schema::id, required = false)]
    id: Option<&'a RawValue>,
    error: String,
}

/// What was read.
#[derive(Debug, Serialize, ToSchema)]
struct UsageError {
    /// Tokens that the model read, `[CLS]` and `[SEP]` included.
    tokens: usize,
    /// Texts that have a prediction.
    texts: usize,
}

/// Score texts
///
/// Each text has its prediction, or its error; the others are not held up by it. A lone text that fails is a 422.
///
/// With `Content-Type: application/x-ndjson` (or `application/jsonl`) the body is a stream: each line is a text or an
/// object with `id` and `text`, and is answered by a line, in order, as soon as its prediction is there. `model`,
/// `granularity`, `deadline_ms` and `priority` [default: bulk] are then parameters of the query. Blank lines are skipped; a
/// line that fails is answered by one with `error` and `line`, its number. Whoever takes no answers is read no further.
#[utoipa::path(post, path = "/v1/sentiment", tag = "finsent", operation_id = "sentiment",
    request_body(content((SentimentRequest = "application/json"), (SentimentLine = "application/x-ndjson"))),
    responses((status = 200, description = "The predictions", content(
        (SentimentResponse = "application/json"), (AnswerLine = "application/x-ndjson"))), ProblemResponses))]
pub(in super::super) async fn sentiment(admitted: Admitted, body: Body) -> Result<HttpResponse, HttpError> {
    let asked = Asked::parse(&body)?;
    let Options { model, granularity, deadline, lane } = asked.options;
    let model = admitted.model(model.as_deref())?;
    let (deadline, lane) = (admitted.deadline(deadline), lane.unwrap_or(Lane::Interactive));
    let job = Job { model, inputs: asked.inputs, granularity, lane, deadline, truncate: true };
    let inferred = infer(&admitted, job).await?;
    let mut response = HttpResponse::build(StatusCode::OK);
    inferred.describe(&mut response);
    reply(inferred, &asked.ids, asked.is_one, &mut response)
}

fn reply(
    inferred: Inferred,
    ids: &[Option<&RawValue>],
    is_one: bool,
    response: &mut actix_web::HttpResponseBuilder,
) -> Result<HttpResponse, HttpError> {
    let (tokens, model) = (inferred.tokens(), std::sync::Arc::clone(&inferred.model));
    let mut results = Vec::with_capacity(ids.len());
    for (&id, item) in ids.iter().zip(inferred.items) {
        results.push(match item {
            Ok(item) => ResultItem::Classification(WithAnswer { id, answer: item.answer(&model) }),
            Err(error) if is_one => return Err(error.of_request(None)),
            Err(error) => ResultItem::Failed(Failed { id, error: error.to_string() }),
        });
    }
    let texts = results.iter().filter(|result| matches!(result, ResultItem::Classification(_))).count();
    let usage = UsageError { tokens, texts };
    Ok(response.json(SentimentResponse { model: ModelIdentity::from(&*model), results, usage }))
}

/// A request, read.
struct Asked<'a> {
    inputs: Vec<Input>,
    /// One for each input.
    ids: Vec<Option<&'a RawValue>>,
    /// Whether it was a lone text, and no list.
    is_one: bool,
    options: Options,
}

/// What a request says beside its texts.
pub(super) struct Options {
    pub(super) model: Option<String>,
    pub(super) granularity: finsent_model::Granularity,
    pub(super) deadline: Option<Duration>,
    /// Where the request says.
    pub(super) lane: Option<Lane>,
}

impl Options {
    pub(super) fn of(fields: &Fields<'_>) -> Result<Self, HttpError> {
        let granularity = fields.optional::<Granularity>("granularity")?.map(Into::into).unwrap_or_default();
        let lane = fields.optional("priority")?.map(|priority| match priority {
            Priority::Interactive => Lane::Interactive,
            Priority::Bulk => Lane::Bulk,
        });
        let deadline = match fields.optional::<f64>("deadline_ms")? {
            Some(..=0.0) => return Err(HttpError::invalid("`deadline_ms`: expected more than 0")),
            // One that no clock can hold is no deadline.
            milliseconds => milliseconds.and_then(|given| Duration::try_from_secs_f64(given / 1e3).ok()),
        };
        Ok(Self { model: fields.optional("model")?, granularity, deadline, lane })
    }
}

const FIELDS: [&str; 5] = ["inputs", "model", "granularity", "deadline_ms", "priority"];

impl<'a> Asked<'a> {
    fn parse(body: &'a [u8]) -> Result<Self, HttpError> {
        let fields = Fields::of_body(body)?.only(&FIELDS)?;
        let options = Options::of(&fields)?;
        let inputs = fields.required("inputs")?;
        let is_one = kind(inputs) == "a string";
        let items: Vec<&RawValue> = match kind(inputs) {
            "a string" => vec![inputs],
            "an array" => fields.optional("inputs")?.unwrap_or_default(),
            other => {
                let reason = format!("`inputs`: expected a string or an array, found {other}");
                return Err(HttpError::invalid(reason));
            }
        };
        if items.is_empty() {
            return Err(HttpError::Empty);
        }
        let read: Vec<(Option<&RawValue>, Input)> =
            items.into_iter().enumerate().map(|(index, item)| item_of(item, Some(index))).collect::<Result<_, _>>()?;
        let (ids, inputs) = read.into_iter().unzip();
        Ok(Self { inputs, ids, is_one, options })
    }
}

/// A text, alone or with its id.
pub(super) fn item_of(item: &RawValue, index: Option<usize>) -> Result<(Option<&RawValue>, Input), HttpError> {
    if kind(item) != "an object" {
        return Ok((None, text_of(item, index)?));
    }
    let fields = Fields::of(item, index)?.only(&["id", "text"])?;
    let id = id_of(&fields, index)?;
    Ok((Some(id), text_of(fields.required("text")?, index)?))
}

/// The id of an item.
pub(super) fn id_of<'a>(fields: &Fields<'a>, index: Option<usize>) -> Result<&'a RawValue, HttpError> {
    let id = fields.required("id")?;
    let reason = match kind(id) {
        "a string" => serde_json::from_str::<String>(id.get()).err().map(|error| without_place(&error)),
        "a number" => serde_json::from_str::<Whole>(id.get()).err().map(|error| without_place(&error)),
        other => Some(format!("expected a string or an integer, found {other}")),
    };
    match reason {
        None => Ok(id),
        Some(reason) => Err(HttpError::Invalid { index, reason: format!("`id`: {reason}") }),
    }
}

/// A string as a text. A string that is none is its item's error; what is no string is the request's.
pub(super) fn text_of(json: &RawValue, index: Option<usize>) -> Result<Input, HttpError> {
    if kind(json) != "a string" {
        return Err(HttpError::Invalid { index, reason: format!("expected a string, found {}", kind(json)) });
    }
    let string = serde_json::from_str::<String>(json.get());
    let not_a_string = |error: serde_json::Error| ItemError::NotAString(without_place(&error));
    Ok(string.map_err(not_a_string).and_then(|string| Ok(Text::parse(string)?)))
}
