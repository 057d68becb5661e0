//! The field `explain` of a request.

use finsent_model::{ExplainMethod, ExplainOptions, Granularity};
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::error::HttpError;
use crate::request::{Fields, kind};
use crate::served_model::ServedModel;

#[derive(Deserialize)]
struct ExplainFields {
    method: Option<MethodName>,
    label: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum MethodName {
    Occlusion,
    Shapley,
}

impl From<MethodName> for ExplainMethod {
    fn from(name: MethodName) -> Self {
        match name {
            MethodName::Occlusion => Self::Occlusion,
            MethodName::Shapley => Self::Shapley,
        }
    }
}

/// How to explain the predictions, if they are to be explained: `true`, or an object with `method` and `label`.
///
/// # Errors
/// [`HttpError::Invalid`] for another value, or if each sentence has a prediction.
pub(super) fn explain(value: Option<&RawValue>, granularity: Granularity) -> Result<Option<ExplainOptions>, HttpError> {
    let options = match value {
        None => None,
        Some(value) if value.get() == "false" => None,
        Some(value) if value.get() == "true" => Some(ExplainOptions::default()),
        Some(value) if kind(value) == "an object" => Some(fields(value)?),
        Some(value) => {
            let found = kind(value);
            return Err(HttpError::invalid(format!("`explain`: expected true, false or an object, found {found}")));
        }
    };
    if options.is_some() && granularity == Granularity::Sentence {
        return Err(HttpError::invalid("`explain` needs `granularity` `text` or `document`"));
    }
    Ok(options)
}

fn fields(value: &RawValue) -> Result<ExplainOptions, HttpError> {
    let of_explain = |error| match error {
        HttpError::Invalid { index, reason } => HttpError::Invalid { index, reason: format!("`explain`: {reason}") },
        other => other,
    };
    let fields: ExplainFields = Fields::of(value, None).and_then(Fields::read_strict).map_err(of_explain)?;
    let method = fields.method.map(Into::into).unwrap_or_default();
    Ok(ExplainOptions { method, label: fields.label, ..ExplainOptions::default() })
}

/// Checks that the service explains, and that the model has the label.
///
/// # Errors
/// [`HttpError::Invalid`].
pub(super) fn check_explain(
    options: Option<&ExplainOptions>,
    model: &ServedModel,
    budget: usize,
) -> Result<(), HttpError> {
    let Some(options) = options else { return Ok(()) };
    if budget == 0 {
        return Err(HttpError::invalid("`explain`: this server explains no predictions (--explain-budget 0)"));
    }
    options.check(model.pipeline.labels()).map_err(|error| HttpError::invalid(format!("`explain`: {error}")))
}
