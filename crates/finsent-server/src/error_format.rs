//! How a protocol writes errors.

use actix_web::HttpResponse;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa::openapi::{RefOr, Schema};

use crate::error::HttpError;

/// The body of an error response.
pub(crate) trait ErrorBody: Serialize + ToSchema {
    const CONTENT_TYPE: &'static str;

    fn new(error: &HttpError) -> Self;
}

/// The error format of a route, chosen when the request arrives: what fails may never reach a handler.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ErrorFormat {
    pub(crate) content_type: &'static str,
    pub(crate) respond: fn(&HttpError) -> HttpResponse,
    /// Name and schema for the OpenAPI document.
    pub(crate) schema: fn() -> (String, RefOr<Schema>),
}

impl ErrorFormat {
    pub(crate) const fn of<B: ErrorBody>() -> Self {
        Self { content_type: B::CONTENT_TYPE, respond: respond::<B>, schema: schema::<B> }
    }
}

fn respond<B: ErrorBody>(error: &HttpError) -> HttpResponse {
    error.response().content_type(B::CONTENT_TYPE).json(B::new(error))
}

fn schema<B: ErrorBody>() -> (String, RefOr<Schema>) {
    (B::name().into_owned(), B::schema())
}
