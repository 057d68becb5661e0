//! What a request says besides its texts: fields of the JSON form, query parameters of the stream.

use std::time::Duration;

use finsent_model::Aggregate;
use serde::Deserialize;
use utoipa::ToSchema;

use crate::error::HttpError;
use crate::scheduler::Lane;

#[derive(Debug, Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum Granularity {
    Text,
    Sentence,
    Document,
}

impl From<Granularity> for finsent_model::Granularity {
    fn from(granularity: Granularity) -> Self {
        match granularity {
            Granularity::Text => Self::Text,
            Granularity::Sentence => Self::Sentence,
            Granularity::Document => Self::Document(Aggregate::default()),
        }
    }
}

#[derive(Debug, Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum Priority {
    Interactive,
    Bulk,
}

impl From<Priority> for Lane {
    fn from(priority: Priority) -> Self {
        match priority {
            Priority::Interactive => Self::Interactive,
            Priority::Bulk => Self::Bulk,
        }
    }
}

/// The time that the client allows for the answer.
///
/// # Errors
/// [`HttpError::Invalid`] unless it is positive.
pub(super) fn deadline(milliseconds: Option<f64>) -> Result<Option<Duration>, HttpError> {
    match milliseconds {
        Some(..=0.0) => Err(HttpError::invalid("`deadline_ms`: expected more than 0")),
        // A time that is too long for a `Duration` is no limit.
        milliseconds => Ok(milliseconds.and_then(|given| Duration::try_from_secs_f64(given / 1e3).ok())),
    }
}
