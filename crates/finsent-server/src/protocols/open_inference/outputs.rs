//! The tensors of a response.

use std::borrow::Cow;

use finsent_model::Prediction;
use serde::de::Error;
use serde::{Deserialize, Deserializer};
use utoipa::ToSchema;

use super::super::schema;
use super::tensor::{OutputTensor, Values};
use crate::error::HttpError;
use crate::inference::ScoredText;
use crate::request::WholeNumber;
use crate::served_model::ServedModel;

#[derive(Debug, Clone, Copy, PartialEq, Eq, ToSchema)]
#[schema(rename_all = "snake_case")]
pub(in crate::protocols) enum OutputName {
    Label,
    Probabilities,
    SentimentScore,
}

#[derive(Debug, Clone, Copy, Default, Deserialize, ToSchema)]
pub(super) struct RequestedParameters {
    /// Return this tensor in binary form.
    binary_data: Option<bool>,
    /// Return only the labels with the highest probabilities, this many per text, as `score:index:label`. For
    /// `probabilities`.
    #[schema(schema_with = schema::count)]
    classification: Option<WholeNumber>,
}

/// In any case, as [`find`](OutputName::find): Flink's provider for Triton wrote the names of tensors in capitals.
impl<'de> Deserialize<'de> for OutputName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        const NAMES: &[&str] = &["label", "probabilities", "sentiment_score"];
        let name = Cow::<str>::deserialize(deserializer)?;
        Self::find(&name).ok_or_else(|| D::Error::unknown_variant(&name, NAMES))
    }
}

impl OutputName {
    /// The output with this name, in any case.
    pub(in crate::protocols) fn find(name: &str) -> Option<Self> {
        let all = [Self::Label, Self::Probabilities, Self::SentimentScore];
        all.into_iter().find(|known| known.as_str().eq_ignore_ascii_case(name))
    }

    pub(in crate::protocols) fn as_str(self) -> &'static str {
        match self {
            Self::Label => "label",
            Self::Probabilities => "probabilities",
            Self::SentimentScore => "sentiment_score",
        }
    }

    /// The outputs that a model has.
    pub(in crate::protocols) fn all_of(model: &ServedModel) -> Vec<Self> {
        let sentiment_score = model.pipeline.labels().has_sentiment_score().then_some(Self::SentimentScore);
        [Self::Label, Self::Probabilities].into_iter().chain(sentiment_score).collect()
    }
}

/// An output of a response.
///
/// # Errors
/// [`HttpError::Invalid`] for an output that the model does not have, or a bad parameter.
pub(super) fn output(
    model: &ServedModel,
    texts: &[ScoredText],
    name: OutputName,
    parameters: RequestedParameters,
    binary_by_default: bool,
) -> Result<OutputTensor, HttpError> {
    let classification = parameters.classification.map(|WholeNumber(count)| count);
    let (shape, values) = values(model, texts, name, classification)?;
    Ok(OutputTensor::new(name.as_str(), shape, values, parameters.binary_data.unwrap_or(binary_by_default)))
}

/// The shape and the elements of an output.
///
/// # Errors
/// As [`output`].
pub(in crate::protocols) fn values(
    model: &ServedModel,
    texts: &[ScoredText],
    name: OutputName,
    classification: Option<i64>,
) -> Result<(Vec<usize>, Values), HttpError> {
    let predictions = texts.iter().map(|text| text.prediction(model));
    Ok(match (name, classification) {
        (_, Some(..1)) => return Err(HttpError::invalid("`classification` must be at least 1")),
        (OutputName::Label, _) => {
            let labels = predictions.map(|prediction| prediction.label().to_owned()).collect();
            (vec![texts.len()], Values::Bytes(labels))
        }
        (OutputName::Probabilities, None) => {
            let labels = model.pipeline.labels().labels().len();
            let probabilities = predictions.flat_map(|prediction| probabilities(&prediction)).collect();
            (vec![texts.len(), labels], Values::Fp32(probabilities))
        }
        (OutputName::Probabilities, Some(count)) => best_labels(model, texts, count as usize),
        (OutputName::SentimentScore, _) => {
            let scores: Option<Vec<f32>> = predictions.map(|prediction| prediction.sentiment_score()).collect();
            let none = || HttpError::invalid(format!("`{}` has no output `sentiment_score`", model.name));
            (vec![texts.len()], Values::Fp32(scores.ok_or_else(none)?))
        }
    })
}

fn probabilities(prediction: &Prediction) -> Vec<f32> {
    prediction.scores().map(|(_, score)| score).collect()
}

/// Triton's classification extension.
fn best_labels(model: &ServedModel, texts: &[ScoredText], count: usize) -> (Vec<usize>, Values) {
    let labels = model.pipeline.labels().labels();
    let count = count.min(labels.len());
    let index = |label: &str| labels.iter().position(|known| known == label).unwrap_or_default();
    let class = |(label, score): (&str, f32)| format!("{score}:{}:{label}", index(label));
    let of_text =
        |text: &ScoredText| text.sorted_scores(model, None).into_iter().take(count).map(class).collect::<Vec<_>>();
    (vec![texts.len(), count], Values::Bytes(texts.iter().flat_map(of_text).collect()))
}
