//! The response to a request whose handler panicked.

use actix_web::body::BoxBody;
use actix_web::http::StatusCode;
use actix_web::http::header::{HeaderName, HeaderValue};
use actix_web::{HttpResponse, ResponseError};
use thiserror::Error;

use crate::error::HttpError;
use crate::error_format::ErrorFormat;

/// The request is gone with the panic, so its response is written from what the middleware kept.
#[derive(Debug, Error)]
#[error("a handler panicked")]
pub(super) struct Panicked {
    pub(super) errors: ErrorFormat,
    pub(super) headers: Vec<(HeaderName, HeaderValue)>,
}

impl ResponseError for Panicked {
    fn status_code(&self) -> StatusCode {
        StatusCode::INTERNAL_SERVER_ERROR
    }

    fn error_response(&self) -> HttpResponse<BoxBody> {
        let mut response = (self.errors.respond)(&HttpError::Panicked);
        for (name, value) in &self.headers {
            response.headers_mut().insert(name.clone(), value.clone());
        }
        response
    }
}
