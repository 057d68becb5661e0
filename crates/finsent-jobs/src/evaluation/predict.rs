//! Predictions of the same texts in several precisions.

use std::sync::Arc;

use finsent_model::{Activation, ClassifyError, EncodedText, Encoding, Pipeline, Prediction};

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

/// For each text its prediction in each precision, or the error of one of them. The pipelines have the same tokenizer, and
/// the texts are encoded whole.
pub fn predictions(pipelines: &[Arc<Pipeline>], texts: &[EncodedText]) -> Vec<Result<Vec<Prediction>, ClassifyError>> {
    let encodings: Vec<&Encoding> =
        texts.iter().filter_map(|text| text.encodings().next()).map(|encoding| &**encoding).collect();
    let mut of_texts: Vec<_> = encodings.iter().map(|_| Ok(Vec::with_capacity(pipelines.len()))).collect();
    for pipeline in pipelines {
        let logits = pipeline.logits(&encodings);
        for ((of_text, encoding), logits) in of_texts.iter_mut().zip(&encodings).zip(logits) {
            match (of_text.as_mut(), logits) {
                (Ok(predictions), Ok(logits)) => predictions.push(pipeline.prediction(encoding, &logits)),
                (Ok(_), Err(error)) => *of_text = Err(error),
                (Err(_), _) => (),
            }
        }
    }
    of_texts
}
