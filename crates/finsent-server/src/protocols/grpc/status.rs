//! The status of a call.

use actix_web::HttpResponse;
use actix_web::http::header::{CONTENT_TYPE, HeaderValue};
use http::HeaderMap;
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};

use super::super::PlainError;
use crate::error::HttpError;
use crate::error_format::ErrorFormat;
use crate::transport::http2::{MESSAGE, STATUS};

/// How calls fail. The status of HTTP is for metrics and the log.
pub(crate) const FORMAT: ErrorFormat = ErrorFormat { content_type: GRPC, respond, ..ErrorFormat::of::<PlainError>() };

pub(super) const GRPC: &str = "application/grpc";
/// Tells clients with a policy of retries when the next one may succeed.
const RETRY_AFTER: &str = "grpc-retry-pushback-ms";

/// What a message may not have as it is: it is a header.
const ESCAPED: &AsciiSet = &CONTROLS.add(b'%');

/// The codes of gRPC that are used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Code {
    InvalidArgument = 3,
    DeadlineExceeded = 4,
    NotFound = 5,
    PermissionDenied = 7,
    ResourceExhausted = 8,
    FailedPrecondition = 9,
    Unimplemented = 12,
    Internal = 13,
    Unavailable = 14,
    Unauthenticated = 16,
}

impl Code {
    fn of(error: &HttpError) -> Self {
        match error {
            HttpError::Malformed(_)
            | HttpError::Upgrade
            | HttpError::TooManyTexts { .. }
            | HttpError::TooManyTokens { .. }
            | HttpError::UnknownField { .. }
            | HttpError::UnknownParameter { .. }
            | HttpError::Invalid { .. }
            | HttpError::Empty => Self::InvalidArgument,
            // Whoever put the files there must mend them first.
            HttpError::NotLoaded(_) => Self::FailedPrecondition,
            HttpError::Unauthorized => Self::Unauthenticated,
            HttpError::ReloadForbidden(_) => Self::PermissionDenied,
            HttpError::UnknownModel { .. } | HttpError::Unloaded { .. } | HttpError::UnknownVersion { .. } => {
                Self::NotFound
            }
            HttpError::NoMethod { .. }
            | HttpError::NoRoute { .. }
            | HttpError::Method { .. }
            | HttpError::MediaType { .. }
            | HttpError::ContentEncoding { .. } => Self::Unimplemented,
            HttpError::SlowBody { .. } | HttpError::DeadlinePassed => Self::DeadlineExceeded,
            HttpError::BodyTooLarge { .. } | HttpError::Overloaded { .. } => Self::ResourceExhausted,
            HttpError::Panicked | HttpError::Compute(_) => Self::Internal,
            HttpError::Loading | HttpError::Stopped => Self::Unavailable,
        }
    }
}

/// The status of a call that failed, without an answer.
pub(crate) fn trailers(error: &HttpError) -> HeaderMap {
    let mut trailers = HeaderMap::new();
    trailers.insert(STATUS, (Code::of(error) as u16).into());
    let message = escaped(&error.message_with_index("text"));
    trailers.insert(MESSAGE, message.parse().expect("it is escaped"));
    trailers
}

/// The answer where what is asked for does not exist, and no error of HTTP says so.
pub(super) fn not_found(message: &str) -> HttpResponse {
    let mut response = HttpResponse::NotFound();
    response.insert_header((STATUS, (Code::NotFound as u16).to_string())).insert_header((MESSAGE, escaped(message)));
    response.content_type(GRPC).finish()
}

/// The answer to a call that failed.
fn respond(error: &HttpError) -> HttpResponse {
    let mut response = error.response().finish();
    let headers = response.headers_mut();
    for (name, value) in &trailers(error) {
        let value = HeaderValue::from_bytes(value.as_bytes()).expect("it is a valid header");
        headers.insert(name.as_str().parse().expect("it is a valid name"), value);
    }
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(GRPC));
    if let HttpError::Overloaded { retry_after } = error {
        headers.insert(RETRY_AFTER.parse().expect("it is a valid name"), (retry_after.as_millis() as u64).into());
    }
    response
}

fn escaped(message: &str) -> String {
    utf8_percent_encode(message, ESCAPED).to_string()
}

/// The answer where there is no method.
pub(crate) async fn no_method(request: actix_web::HttpRequest) -> Result<String, HttpError> {
    Err(HttpError::NoMethod { path: request.path().into() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_a_header_whatever_it_quotes() {
        let error = HttpError::invalid("100 % of “x”\r\n");
        let trailers = trailers(&error);
        assert_eq!(trailers[STATUS], "3");
        assert_eq!(trailers[MESSAGE], "100 %25 of %E2%80%9Cx%E2%80%9D%0D%0A");
    }
}
