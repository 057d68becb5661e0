//! The errors of the Open Inference Protocol and of KServe.

use serde::Serialize;
use utoipa::ToSchema;

use crate::error::HttpError;
use crate::error_format::ErrorBody;

/// An error of the Open Inference Protocol and of KServe
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PlainError {
    error: String,
}

impl ErrorBody for PlainError {
    const CONTENT_TYPE: &'static str = "application/json";

    fn new(error: &HttpError) -> Self {
        // The texts are in the tensor `text`, or in `instances`.
        Self { error: error.message_with_index("text") }
    }
}
