//! The errors of text-embeddings-inference.

use serde::Serialize;
use utoipa::ToSchema;

use crate::error::HttpError;
use crate::error_format::ErrorBody;

/// An error of text-embeddings-inference
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct TextEmbeddingsError {
    error: String,
    /// Validation, Empty, Overloaded, Backend or Unhealthy.
    error_type: &'static str,
}

impl ErrorBody for TextEmbeddingsError {
    const CONTENT_TYPE: &'static str = "application/json";

    fn new(error: &HttpError) -> Self {
        Self { error: error.message_with_index("inputs"), error_type: error_type(error) }
    }
}

fn error_type(error: &HttpError) -> &'static str {
    match error {
        #[cfg(feature = "grpc")]
        HttpError::NoMethod { .. } => "Validation",
        HttpError::Empty => "Empty",
        HttpError::Overloaded { .. } => "Overloaded",
        HttpError::Panicked | HttpError::Compute(_) | HttpError::DeadlinePassed => "Backend",
        HttpError::Loading | HttpError::Stopped | HttpError::Unloaded { .. } => "Unhealthy",
        HttpError::Malformed(_)
        | HttpError::Upgrade
        | HttpError::Unauthorized
        | HttpError::NoRoute { .. }
        | HttpError::UnknownModel { .. }
        | HttpError::UnknownVersion { .. }
        | HttpError::Method { .. }
        | HttpError::SlowBody { .. }
        | HttpError::BodyTooLarge { .. }
        | HttpError::TooManyTexts { .. }
        | HttpError::TooManyTokens { .. }
        | HttpError::MediaType { .. }
        | HttpError::ContentEncoding { .. }
        | HttpError::UnknownField { .. }
        | HttpError::UnknownParameter { .. }
        | HttpError::Invalid { .. }
        | HttpError::ReloadForbidden(_)
        | HttpError::NotLoaded(_) => "Validation",
    }
}
