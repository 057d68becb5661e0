//! What can go wrong with a request, its status, and its shape in each protocol.

use std::time::Duration;

use actix_web::body::BoxBody;
use actix_web::http::{StatusCode, header};
use actix_web::{HttpResponse, HttpResponseBuilder, ResponseError};
use serde::Serialize;
use thiserror::Error;
use utoipa::ToSchema;

use super::infer::ItemError;
use crate::scheduler::{Failure, Refusal};

/// Why a request has no answer.
#[derive(Debug, Error)]
pub(super) enum HttpError {
    #[error("{0}")]
    Malformed(String),
    #[error("send the API key as `Authorization: Bearer KEY`")]
    Unauthorised,
    #[error("there is nothing at `{path}`; GET /docs lists what there is")]
    NoRoute { path: String },
    #[error("no model `{name}` is loaded; there are {}{}", loaded.join(", "), hint(suggest.as_deref()))]
    UnknownModel { name: String, loaded: Vec<String>, suggest: Option<String> },
    #[error("the model has one version, `1`; there is no `{version}`")]
    UnknownVersion { version: String },
    #[error("this route takes {allow}")]
    Method { allow: &'static str },
    #[error("the body did not arrive within {} s", limit.as_secs_f32())]
    SlowBody { limit: Duration },
    #[error("the body has more than {limit} bytes")]
    BodyTooLarge { limit: usize },
    #[error("the request has {texts} texts; at most {limit} are taken, so send them in parts")]
    TooManyTexts { texts: usize, limit: usize },
    #[error("the request has {tokens} tokens; at most {limit} may wait at a time, so send its texts in parts")]
    TooManyTokens { tokens: usize, limit: usize },
    #[error("send the body as `Content-Type: {expected}`")]
    MediaType { expected: &'static str },
    #[error("`Content-Encoding: {found}` is not read; send gzip, deflate or none")]
    ContentEncoding { found: String },
    #[error("unknown field `{field}`{}", hint(suggest.as_deref()))]
    UnknownField { index: Option<usize>, field: String, suggest: Option<String> },
    #[error("unknown parameter `{name}`{}", hint(suggest.as_deref()))]
    UnknownParameter { name: String, suggest: Option<String> },
    #[error("{reason}")]
    Invalid { index: Option<usize>, reason: String },
    #[error("`inputs` is empty")]
    Empty,
    #[error("too much is waiting already")]
    Overloaded { retry_after: Duration },
    #[error("computing the answer failed unexpectedly")]
    Panicked,
    #[error("{0}")]
    Compute(String),
    #[error("the models are being loaded")]
    Loading,
    #[error("the engine has stopped")]
    Stopped,
    #[error("the deadline passed before there was an answer")]
    DeadlinePassed,
}

fn hint(suggest: Option<&str>) -> String {
    suggest.map(|suggest| format!("; did you mean `{suggest}`?")).unwrap_or_default()
}

impl HttpError {
    pub(super) fn invalid(reason: impl Into<String>) -> Self {
        Self::Invalid { index: None, reason: reason.into() }
    }

    pub(super) fn status(&self) -> StatusCode {
        match self {
            Self::Malformed(_) => StatusCode::BAD_REQUEST,
            Self::Unauthorised => StatusCode::UNAUTHORIZED,
            Self::NoRoute { .. } | Self::UnknownModel { .. } | Self::UnknownVersion { .. } => StatusCode::NOT_FOUND,
            Self::Method { .. } => StatusCode::METHOD_NOT_ALLOWED,
            Self::SlowBody { .. } => StatusCode::REQUEST_TIMEOUT,
            Self::BodyTooLarge { .. } | Self::TooManyTexts { .. } | Self::TooManyTokens { .. } => {
                StatusCode::PAYLOAD_TOO_LARGE
            }
            Self::MediaType { .. } | Self::ContentEncoding { .. } => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::UnknownField { .. } | Self::UnknownParameter { .. } | Self::Invalid { .. } | Self::Empty => {
                StatusCode::UNPROCESSABLE_ENTITY
            }
            Self::Overloaded { .. } => StatusCode::TOO_MANY_REQUESTS,
            Self::Panicked | Self::Compute(_) => StatusCode::INTERNAL_SERVER_ERROR,
            Self::Loading | Self::Stopped => StatusCode::SERVICE_UNAVAILABLE,
            Self::DeadlinePassed => StatusCode::GATEWAY_TIMEOUT,
        }
    }

    /// text-embeddings-inference's word for it.
    fn tei_type(&self) -> &'static str {
        match self {
            Self::Malformed(_)
            | Self::Unauthorised
            | Self::NoRoute { .. }
            | Self::UnknownModel { .. }
            | Self::UnknownVersion { .. }
            | Self::Method { .. }
            | Self::SlowBody { .. }
            | Self::BodyTooLarge { .. }
            | Self::TooManyTexts { .. }
            | Self::TooManyTokens { .. }
            | Self::MediaType { .. }
            | Self::ContentEncoding { .. }
            | Self::UnknownField { .. }
            | Self::UnknownParameter { .. }
            | Self::Invalid { .. } => "Validation",
            Self::Empty => "Empty",
            Self::Overloaded { .. } => "Overloaded",
            Self::Panicked | Self::Compute(_) | Self::DeadlinePassed => "Backend",
            Self::Loading | Self::Stopped => "Unhealthy",
        }
    }

    /// The item of the request that it is about.
    fn index(&self) -> Option<usize> {
        match self {
            Self::UnknownField { index, .. } | Self::Invalid { index, .. } => *index,
            _ => None,
        }
    }

    /// The answer in the shape of a protocol.
    pub(super) fn respond(&self, error_format: ErrorFormat) -> HttpResponse {
        let mut response = HttpResponseBuilder::new(self.status());
        match self {
            Self::Unauthorised => response.insert_header((header::WWW_AUTHENTICATE, "Bearer")),
            Self::Method { allow } => response.insert_header((header::ALLOW, *allow)),
            Self::Overloaded { retry_after } => {
                response.insert_header((header::RETRY_AFTER, retry_after.as_secs_f64().ceil().max(1.0) as u64))
            }
            // What is left of the body is not read.
            Self::SlowBody { .. } | Self::BodyTooLarge { .. } => response.force_close(),
            _ => &mut response,
        };
        let message = match self.index() {
            // Its texts are in the tensor `text`, or in `instances`.
            Some(index) if error_format == ErrorFormat::OpenInference => format!("text[{index}]: {self}"),
            Some(index) => format!("inputs[{index}]: {self}"),
            None => self.to_string(),
        };
        match error_format {
            ErrorFormat::Native => response.content_type("application/problem+json").json(self.problem()),
            ErrorFormat::TextEmbeddings => {
                response.json(TextEmbeddingsError { error: message, error_type: self.tei_type() })
            }
            ErrorFormat::HuggingFace => response.json(HuggingFaceError {
                error: message,
                estimated_time: matches!(self, Self::Loading).then_some(LOADING_SECONDS),
            }),
            ErrorFormat::OpenInference => response.json(PlainError { error: message }),
        }
    }

    fn problem(&self) -> Problem {
        let status = self.status();
        Problem {
            r#type: "about:blank",
            title: status.canonical_reason().unwrap_or_default(),
            status: status.as_u16(),
            detail: self.to_string(),
            index: self.index(),
        }
    }
}

/// What clients of the hub are told to wait while a model is loading.
const LOADING_SECONDS: f32 = 2.0;

impl ResponseError for HttpError {
    fn status_code(&self) -> StatusCode {
        self.status()
    }

    /// `middleware` puts it into the shape of the request's protocol.
    fn error_response(&self) -> HttpResponse<BoxBody> {
        self.respond(ErrorFormat::Native)
    }
}

impl From<Refusal> for HttpError {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Full { retry_after } => Self::Overloaded { retry_after },
            Refusal::TooLarge { tokens, limit } => Self::TooManyTokens { tokens, limit },
            Refusal::Stopped => Self::Stopped,
        }
    }
}

impl From<Failure> for HttpError {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::DeadlinePassed => Self::DeadlinePassed,
            Failure::Compute(error) => Self::Compute(error.to_string()),
            Failure::Panicked => Self::Panicked,
            Failure::Stopped => Self::Stopped,
        }
    }
}

impl ItemError {
    /// The error of the whole request, for a text that was alone or whose protocol knows no errors of items.
    pub(super) fn of_request(self, index: Option<usize>) -> HttpError {
        match self {
            Self::NotAString(_) | Self::Text(_) | Self::Tokenizer(_) | Self::TooLong { .. } => {
                HttpError::Invalid { index, reason: self.to_string() }
            }
            Self::Compute(failure) => failure.into(),
        }
    }
}

/// Whose errors a route speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ErrorFormat {
    /// RFC 9457.
    Native,
    HuggingFace,
    TextEmbeddings,
    /// Open Inference Protocol and KServe.
    OpenInference,
}

impl ErrorFormat {
    /// By the path, since a request may fail before it has reached its route.
    pub(super) fn of(path: &str) -> Self {
        let under =
            |prefix: &str| path.strip_prefix(prefix).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
        if path == "/" || under("/models") {
            Self::HuggingFace
        } else if path == "/predict" || path == "/info" {
            Self::TextEmbeddings
        } else if under("/v2") || (under("/v1/models") && path.ends_with(":predict")) {
            Self::OpenInference
        } else {
            Self::Native
        }
    }
}

/// RFC 9457.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Problem {
    /// Always `about:blank`: the status says what kind of problem it is.
    #[schema(example = "about:blank")]
    r#type: &'static str,
    /// The status in words.
    #[schema(example = "Unprocessable Entity")]
    title: &'static str,
    #[schema(example = 422)]
    status: u16,
    /// What is wrong, and what to do about it.
    detail: String,
    /// The item of `inputs` that it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    index: Option<usize>,
}

/// The error of the Open Inference Protocol and of KServe.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct PlainError {
    error: String,
}

/// The error of the Hugging Face inference API.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct HuggingFaceError {
    error: String,
    /// While models are being loaded, in seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    estimated_time: Option<f32>,
}

/// The error of text-embeddings-inference.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct TextEmbeddingsError {
    error: String,
    /// Validation, Empty, Overloaded, Backend or Unhealthy.
    error_type: &'static str,
}
