//! Classification as vLLM and SGLang serve it: POST /classify and POST /v1/classify.

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use finsent_model::Activation;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use utoipa::ToSchema;

use super::schema;
use crate::error::HttpError;
use crate::error_format::ErrorBody;
use crate::inference::{ClassifyRequest, ScoredText, classify as classify_texts};
use crate::request::{Admitted, Body, Fields, MemoryPermit, TextInput, WholeNumber, json_answer, parse_texts};
use crate::scheduler::Lane;
use crate::served_model::ServedModel;

/// The texts to classify. Other fields are ignored.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(example = json!({"model": "mini", "input": ["Shares plunged 12%", "Orders doubled"]}))]
pub(crate) struct ClassificationRequest<'a> {
    /// Name of a loaded model [default: the first one]
    model: Option<String>,
    #[serde(borrow)]
    #[schema(schema_with = schema::texts)]
    input: &'a RawValue,
    /// Cut a text that is longer than the model's window: -1, or the window. Without it, such a text is an error.
    #[schema(schema_with = schema::cut)]
    truncate_prompt_tokens: Option<WholeNumber>,
    /// If `false`, `probs` holds logits [default: true]
    use_activation: Option<bool>,
    /// An old name of `use_activation`.
    activation: Option<bool>,
    /// An older name of `use_activation`.
    softmax: Option<bool>,
    /// Only `true` is accepted: the model always reads special tokens. It is not documented, because no type for that is known
    /// to all generators of clients.
    #[schema(ignore)]
    add_special_tokens: Option<bool>,
    /// More than 0 waits for the others [default: 0]
    #[schema(schema_with = schema::whole)]
    priority: Option<WholeNumber>,
    /// A part of the answer's `id` [default: that of the request]
    request_id: Option<String>,
}

/// One prediction per text, in the order of `input`
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ClassificationResponse<'a> {
    id: String,
    /// Always `list`.
    #[schema(example = "list")]
    object: &'static str,
    /// Seconds since 1970.
    created: u64,
    model: &'a str,
    data: Vec<ClassificationData<'a>>,
    usage: TokenUsage,
}

/// The prediction for a text
#[derive(Debug, Serialize, ToSchema)]
struct ClassificationData<'a> {
    /// Of the text in `input`.
    index: usize,
    /// The label with the highest probability.
    label: &'a str,
    /// One per label, in the order of the model's labels.
    probs: Vec<f32>,
    num_classes: usize,
}

/// Tokens that were read
#[derive(Debug, Serialize, ToSchema)]
struct TokenUsage {
    prompt_tokens: usize,
    total_tokens: usize,
    /// Always 0: nothing is generated.
    completion_tokens: usize,
    /// Always null.
    #[schema(value_type = Option<String>)]
    prompt_tokens_details: Option<()>,
}

/// An error of vLLM
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct VllmError {
    #[schema(inline)]
    error: VllmErrorInfo,
}

#[derive(Debug, Serialize, ToSchema)]
struct VllmErrorInfo {
    /// What is wrong, and what to do about it.
    message: String,
    #[schema(example = "BadRequestError")]
    r#type: &'static str,
    /// Always null.
    param: Option<&'static str>,
    /// The status.
    #[schema(example = 422)]
    code: u16,
}

impl ErrorBody for VllmError {
    const CONTENT_TYPE: &'static str = "application/json";

    fn new(error: &HttpError) -> Self {
        let (message, status) = (error.message_with_index("input"), error.status());
        Self { error: VllmErrorInfo { message, r#type: error_type(status), param: None, code: status.as_u16() } }
    }
}

fn error_type(status: StatusCode) -> &'static str {
    match status {
        StatusCode::UNAUTHORIZED => "AuthenticationError",
        StatusCode::NOT_FOUND => "NotFoundError",
        StatusCode::TOO_MANY_REQUESTS => "RateLimitError",
        StatusCode::SERVICE_UNAVAILABLE => "ServiceUnavailableError",
        status if status.is_server_error() => "InternalServerError",
        _ => "BadRequestError",
    }
}

/// Classify texts
///
/// `/classify` of vLLM.
#[utoipa::path(post, path = "", tag = "vllm", operation_id = "vllm_classify",
    request_body = ClassificationRequest,
    responses((status = 200, description = "The predictions", body = ClassificationResponse)))]
pub(crate) async fn classify(admitted: Admitted, body: Body) -> Result<HttpResponse, HttpError> {
    let limit = admitted.service().limits.max_client_batch_size;
    let (parsed, memory) = body.parse(move |body| parse(body, limit)).await?;
    let Parsed { inputs, model, cut, activation, lane, request_id } = parsed;
    let model = admitted.model(model.as_deref())?;
    let truncate = truncates(cut, &model)?;
    let id = format!("classify-{}", request_id.unwrap_or_else(|| admitted.request_id()));
    let request = ClassifyRequest::of_texts(model, (inputs, memory), admitted.deadline(None), truncate);
    let classified = classify_texts(&admitted, ClassifyRequest { lane, ..request }).await?;
    let mut response = HttpResponse::build(StatusCode::OK);
    classified.add_headers(&mut response);
    let tokens = classified.tokens();
    let usage =
        TokenUsage { prompt_tokens: tokens, total_tokens: tokens, completion_tokens: 0, prompt_tokens_details: None };
    let (model, texts, memory): (Arc<ServedModel>, Vec<ScoredText>, MemoryPermit) = classified.into_all()?;
    let data = texts.iter().enumerate().map(|(index, text)| ClassificationData::new(index, text, &model, activation));
    let answer = ClassificationResponse {
        id,
        object: "list",
        created: SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs()),
        model: &model.name,
        data: data.collect(),
        usage,
    };
    json_answer(&mut response, memory, &answer)
}

/// Classify texts
///
/// `/v1/classify` of SGLang, the same as `/classify` of vLLM.
#[utoipa::path(post, path = "", tag = "vllm", operation_id = "vllm_v1_classify",
    request_body = ClassificationRequest,
    responses((status = 200, description = "The predictions", body = ClassificationResponse)))]
pub(crate) async fn v1_classify(admitted: Admitted, body: Body) -> Result<HttpResponse, HttpError> {
    classify(admitted, body).await
}

impl<'a> ClassificationData<'a> {
    fn new(index: usize, text: &ScoredText, model: &'a ServedModel, activation: Option<Activation>) -> Self {
        let probs = text.scores(model, activation);
        let (label, _) = text.sorted_scores(model, activation)[0];
        Self { index, label, num_classes: probs.len(), probs }
    }
}

/// What a request asks for.
pub(crate) struct Parsed {
    pub(crate) inputs: Vec<TextInput>,
    model: Option<String>,
    /// Tokens to which longer texts are cut, or -1.
    cut: Option<i64>,
    activation: Option<Activation>,
    lane: Lane,
    request_id: Option<String>,
}

pub(crate) fn parse(body: &[u8], limit: usize) -> Result<Parsed, HttpError> {
    let fields = Fields::of_body(body)?;
    if fields.get("messages").is_some() && fields.get("input").is_none() {
        return Err(HttpError::invalid("`messages`: the model reads no chats; send texts as `input`"));
    }
    let request: ClassificationRequest<'_> = fields.read()?;
    if request.add_special_tokens == Some(false) {
        return Err(HttpError::invalid("`add_special_tokens`: the model needs them, so it cannot be `false`"));
    }
    let is_activated = request.use_activation.or(request.activation).or(request.softmax).unwrap_or(true);
    let is_bulk = matches!(request.priority, Some(WholeNumber(1..)));
    let inputs = parse_texts(request.input, "input", limit).map_err(|error| match error {
        HttpError::Empty => HttpError::invalid("`input` is empty; send at least one text"),
        other => other,
    })?;
    Ok(Parsed {
        inputs,
        model: request.model,
        cut: request.truncate_prompt_tokens.map(|WholeNumber(tokens)| tokens),
        activation: (!is_activated).then_some(Activation::Identity),
        lane: if is_bulk { Lane::Bulk } else { Lane::Interactive },
        request_id: request.request_id,
    })
}

/// Whether texts are cut at the window. They cannot be cut before it.
fn truncates(cut: Option<i64>, model: &ServedModel) -> Result<bool, HttpError> {
    let window = model.pipeline.max_length();
    match cut {
        None => Ok(false),
        Some(-1) => Ok(true),
        Some(tokens) if usize::try_from(tokens) == Ok(window) => Ok(true),
        Some(tokens) => {
            let reason =
                format!("`truncate_prompt_tokens`: expected -1 or the model's window of {window}, found {tokens}");
            Err(HttpError::invalid(reason))
        }
    }
}
