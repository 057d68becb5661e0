//! A label with its score, as the Hugging Face protocols write it.

use serde::Serialize;
use utoipa::ToSchema;

/// A label and its score
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct LabelScore<'a> {
    label: &'a str,
    score: f32,
}

impl<'a> From<(&'a str, f32)> for LabelScore<'a> {
    fn from((label, score): (&'a str, f32)) -> Self {
        Self { label, score }
    }
}
