//! Predictions of the same texts by several candidates.

use finsent_model::{Activation, ClassifyError, EncodedText, Encoding, Pipeline, Prediction, Text};

use super::candidate::Candidate;
use super::error::EvaluationError;

/// Most labels of a model: the matrices grow with their square.
const MAX_LABELS: usize = 1000;

/// Checks that a model can be evaluated: exactly one of its labels applies to a text, and they are not too many.
///
/// # Errors
/// [`EvaluationError::MultiLabel`] or [`EvaluationError::TooManyLabels`].
pub fn check_model(name: &str, pipeline: &Pipeline) -> Result<(), EvaluationError> {
    let labels = pipeline.labels().labels().len();
    if pipeline.activation() != Activation::Softmax {
        return Err(EvaluationError::MultiLabel { model: name.to_owned() });
    }
    if labels > MAX_LABELS {
        return Err(EvaluationError::TooManyLabels { model: name.to_owned(), labels, limit: MAX_LABELS });
    }
    Ok(())
}

/// For each text its prediction by each candidate, or the error of one of them. `encoded` are the texts as the first model
/// reads them, whole; other models encode them again.
pub fn predictions(
    candidates: &[Candidate],
    texts: &[&Text],
    encoded: &[EncodedText],
) -> Vec<Result<Vec<Prediction>, ClassifyError>> {
    let encodings: Vec<&Encoding> =
        encoded.iter().filter_map(|text| text.encodings().next()).map(|encoding| &**encoding).collect();
    let mut of_texts: Vec<_> = texts.iter().map(|_| Ok(Vec::with_capacity(candidates.len()))).collect();
    for candidate in candidates {
        let predictions = match candidate.is_first_model() {
            true => candidate.pipeline.classify_encodings(&encodings),
            false => candidate.pipeline.classify(texts),
        };
        for (of_text, prediction) in of_texts.iter_mut().zip(predictions) {
            match (of_text.as_mut(), prediction) {
                (Ok(predictions), Ok(prediction)) => predictions.push(candidate.relabeled(prediction)),
                (Ok(_), Err(error)) => *of_text = Err(error),
                (Err(_), _) => (),
            }
        }
    }
    of_texts
}
