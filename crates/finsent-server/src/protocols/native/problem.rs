//! The errors of the native routes, by RFC 9457.

use serde::Serialize;
use utoipa::ToSchema;

use crate::error::HttpError;
use crate::error_format::ErrorBody;

/// A problem, by RFC 9457
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Problem {
    /// Always `about:blank`: the status is the kind of the problem.
    #[schema(example = "about:blank")]
    r#type: &'static str,
    /// The status in words.
    #[schema(example = "Unprocessable Entity")]
    title: &'static str,
    #[schema(example = 422)]
    status: u16,
    /// What is wrong, and what to do about it.
    detail: String,
    /// The index in `inputs` of the text that the problem is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    index: Option<usize>,
}

impl ErrorBody for Problem {
    const CONTENT_TYPE: &'static str = "application/problem+json";

    fn new(error: &HttpError) -> Self {
        let status = error.status();
        Self {
            r#type: "about:blank",
            title: status.canonical_reason().unwrap_or_default(),
            status: status.as_u16(),
            detail: error.to_string(),
            index: error.index(),
        }
    }
}
