//! What can go wrong with a request, and its status. How a protocol writes it is in `error_format` and `protocols`.

use std::time::Duration;

use actix_web::body::BoxBody;
use actix_web::http::{StatusCode, header};
use actix_web::{HttpResponse, HttpResponseBuilder, ResponseError};
use thiserror::Error;

use crate::excerpt::{excerpt, excerpt_of};
use crate::scheduler::{Failure, Refusal};

/// Bytes of a reason that are sent. Some reasons quote what the client sent.
const MAX_REASON: usize = 1000;

/// Why a request fails as a whole.
#[derive(Debug, Error)]
pub(crate) enum HttpError {
    #[error("{}", excerpt_of(.0, MAX_REASON))]
    Malformed(String),
    #[error("the connection cannot be upgraded; send the request without the header `Upgrade`")]
    Upgrade,
    #[error("an API key is required; send it as `Authorization: Bearer KEY`")]
    Unauthorized,
    #[error("no route `{}`; GET {documentation} lists all routes", excerpt(path))]
    NoRoute { path: String, documentation: &'static str },
    #[cfg(feature = "grpc")]
    #[error("no method `{}`; server reflection lists all services", excerpt(path))]
    NoMethod { path: String },
    #[error("no model `{}` is loaded; loaded: {}{}", excerpt(name), loaded.join(", "), did_you_mean(suggestion.as_deref()))]
    UnknownModel { name: String, loaded: Vec<String>, suggestion: Option<String> },
    #[error("the model `{name}` was unloaded{}", or_another(loaded))]
    Unloaded { name: String, loaded: Vec<String> },
    #[error("{0}")]
    ReloadForbidden(&'static str),
    #[error("{}", excerpt_of(.0, MAX_REASON))]
    NotLoaded(String),
    #[error("no version `{}` of this model; its only version is `1`", excerpt(version))]
    UnknownVersion { version: String },
    #[error("this route accepts {allow} only")]
    Method { allow: &'static str },
    #[error("the body did not arrive within {} s", limit.as_secs_f32())]
    SlowBody { limit: Duration },
    #[error("the body is larger than {limit} bytes")]
    BodyTooLarge { limit: usize },
    #[error("the request has more than {limit} texts; send them in several requests")]
    TooManyTexts { limit: usize },
    #[error("the request has {tokens} tokens, and at most {limit} may wait at a time; send its texts in parts")]
    TooManyTokens { tokens: usize, limit: usize },
    #[error("expected a body of `Content-Type: {expected}`")]
    MediaType { expected: &'static str },
    #[error("`{header}: {}` is not supported; send gzip, deflate or no encoding", excerpt(found))]
    ContentEncoding { header: &'static str, found: String },
    #[error("unknown field `{}`{}", excerpt(field), did_you_mean(suggestion.as_deref()))]
    UnknownField { index: Option<usize>, field: String, suggestion: Option<String> },
    #[error("unknown parameter `{}`{}", excerpt(name), did_you_mean(suggestion.as_deref()))]
    UnknownParameter { name: String, suggestion: Option<String> },
    #[error("{}", excerpt_of(reason, MAX_REASON))]
    Invalid { index: Option<usize>, reason: String },
    #[error("`inputs` is empty; send at least one text")]
    Empty,
    #[error("too many requests are waiting; try again later")]
    Overloaded { retry_after: Duration },
    #[error("an unexpected error occurred while computing the answer")]
    Panicked,
    #[error("{0}")]
    Compute(String),
    #[error("the models are still loading; try again in a few seconds")]
    Loading,
    #[error("the inference engine has stopped; the service must be restarted")]
    Stopped,
    #[error("the deadline passed before the answer was ready")]
    DeadlinePassed,
}

fn did_you_mean(suggestion: Option<&str>) -> String {
    suggestion.map(|suggestion| format!("; did you mean `{suggestion}`?")).unwrap_or_default()
}

fn or_another(loaded: &[String]) -> String {
    if loaded.is_empty() { String::new() } else { format!("; loaded: {}", loaded.join(", ")) }
}

impl HttpError {
    /// A value that has the right JSON type and no meaning.
    pub(crate) fn invalid(reason: impl Into<String>) -> Self {
        Self::Invalid { index: None, reason: reason.into() }
    }

    pub(crate) fn status(&self) -> StatusCode {
        match self {
            Self::Malformed(_) | Self::Upgrade => StatusCode::BAD_REQUEST,
            Self::Unauthorized => StatusCode::UNAUTHORIZED,
            #[cfg(feature = "grpc")]
            Self::NoMethod { .. } => StatusCode::NOT_FOUND,
            Self::ReloadForbidden(_) => StatusCode::FORBIDDEN,
            Self::NoRoute { .. } | Self::UnknownModel { .. } | Self::Unloaded { .. } | Self::UnknownVersion { .. } => {
                StatusCode::NOT_FOUND
            }
            Self::Method { .. } => StatusCode::METHOD_NOT_ALLOWED,
            Self::SlowBody { .. } => StatusCode::REQUEST_TIMEOUT,
            Self::BodyTooLarge { .. } | Self::TooManyTexts { .. } | Self::TooManyTokens { .. } => {
                StatusCode::PAYLOAD_TOO_LARGE
            }
            Self::MediaType { .. } | Self::ContentEncoding { .. } => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::UnknownField { .. }
            | Self::UnknownParameter { .. }
            | Self::Invalid { .. }
            | Self::Empty
            | Self::NotLoaded(_) => StatusCode::UNPROCESSABLE_ENTITY,
            Self::Overloaded { .. } => StatusCode::TOO_MANY_REQUESTS,
            Self::Panicked | Self::Compute(_) => StatusCode::INTERNAL_SERVER_ERROR,
            Self::Loading | Self::Stopped => StatusCode::SERVICE_UNAVAILABLE,
            Self::DeadlinePassed => StatusCode::GATEWAY_TIMEOUT,
        }
    }

    /// The index of the text that the error is about.
    pub(crate) fn index(&self) -> Option<usize> {
        match self {
            Self::UnknownField { index, .. } | Self::Invalid { index, .. } => *index,
            _ => None,
        }
    }

    /// The message, with the index of the text for protocols that have no field for it: `inputs[3]: the text is empty`.
    pub(crate) fn message_with_index(&self, inputs: &str) -> String {
        match self.index() {
            Some(index) => format!("{inputs}[{index}]: {self}"),
            None => self.to_string(),
        }
    }

    /// Status and headers of the response, which are the same in all protocols.
    pub(crate) fn response(&self) -> HttpResponseBuilder {
        let mut response = HttpResponseBuilder::new(self.status());
        match self {
            Self::Unauthorized => response.insert_header((header::WWW_AUTHENTICATE, "Bearer")),
            Self::Method { allow } => response.insert_header((header::ALLOW, *allow)),
            Self::Overloaded { retry_after } => {
                response.insert_header((header::RETRY_AFTER, retry_after.as_secs_f64().ceil().max(1.0) as u64))
            }
            // The rest of the body is not read, so the connection cannot be used again.
            Self::SlowBody { .. } | Self::BodyTooLarge { .. } | Self::Upgrade => response.force_close(),
            _ => &mut response,
        };
        response
    }
}

impl ResponseError for HttpError {
    fn status_code(&self) -> StatusCode {
        self.status()
    }

    /// Without a body: the middleware writes it in the format of the request's protocol.
    fn error_response(&self) -> HttpResponse<BoxBody> {
        self.response().finish()
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
