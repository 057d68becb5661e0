//! What a request says besides its texts: fields of the JSON form, query parameters of the stream.

use std::time::Duration;

use serde::Deserialize;
use utoipa::ToSchema;

use crate::error::HttpError;
use crate::scheduler::Lane;
use crate::served_model::ServedModel;

#[derive(Debug, Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum Granularity {
    Text,
    Sentence,
    Document,
}

/// How the scores of a document are averaged from those of its sentences.
#[derive(Debug, Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum Aggregate {
    Tokens,
    Mean,
    Polar,
}

impl From<Aggregate> for finsent_model::Aggregate {
    fn from(aggregate: Aggregate) -> Self {
        match aggregate {
            Aggregate::Tokens => Self::TokenWeighted,
            Aggregate::Mean => Self::Mean,
            Aggregate::Polar => Self::Polar,
        }
    }
}

/// What a prediction is about.
///
/// # Errors
/// [`HttpError::Invalid`] for an average of anything but a document.
pub(super) fn granularity(
    granularity: Option<Granularity>,
    aggregate: Option<Aggregate>,
) -> Result<finsent_model::Granularity, HttpError> {
    match granularity.unwrap_or(Granularity::Text) {
        Granularity::Document => {
            Ok(finsent_model::Granularity::Document(aggregate.map(Into::into).unwrap_or_default()))
        }
        _ if aggregate.is_some() => Err(HttpError::invalid("`aggregate` needs `granularity` `document`")),
        Granularity::Text => Ok(finsent_model::Granularity::Text),
        Granularity::Sentence => Ok(finsent_model::Granularity::Sentence),
    }
}

/// Refuses to leave out neutral sentences if no label says which they are.
///
/// # Errors
/// [`HttpError::Invalid`].
pub(super) fn check_labels(granularity: finsent_model::Granularity, model: &ServedModel) -> Result<(), HttpError> {
    let is_polar = granularity == finsent_model::Granularity::Document(finsent_model::Aggregate::Polar);
    if !is_polar || model.pipeline.labels().has_sentiment_score() {
        return Ok(());
    }
    let labels = model.pipeline.labels().labels().join(", ");
    Err(HttpError::invalid(format!(
        "`aggregate`: `polar` counts positive and negative sentences, and the labels of `{}` are {labels}",
        model.name
    )))
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
