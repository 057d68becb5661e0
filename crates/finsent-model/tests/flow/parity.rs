//! Logits and predictions are those of transformers.

#[cfg(feature = "verify")]
mod candle_transformers;

use finsent_model::{Encoding, PackedBatch};

use crate::reference::{self, Case};

/// The largest accepted difference of a probability from transformers in float64.
const PROBABILITY_BOUND: f64 = 1e-5;
/// The largest accepted difference of a logit. Through the small model's random weights, rounding to f32 makes 4e-6;
/// the smallest mistake that was tried (an epsilon of 1e-5 instead of 1e-12) makes 1.4e-4.
const LOGIT_BOUND: f64 = 3e-5;

pub(crate) fn assert_predictions(name: &str, dir: &std::path::Path, cases: &[Case]) {
    let pipeline = reference::load(dir);
    let cases: Vec<&Case> = cases.iter().filter(|case| !case.text.trim().is_empty()).collect();
    let texts = reference::texts(&cases.iter().map(|case| &case.text).collect::<Vec<_>>());
    for (case, prediction) in cases.iter().zip(reference::classify(&pipeline, &texts)) {
        let distance = reference::distance(&reference::probabilities(&prediction), &case.probabilities);
        assert!(distance <= PROBABILITY_BOUND, "{name}: {distance:e} off for {:?}", case.text);
        assert_eq!(prediction.tokens(), case.input_ids.len(), "{name}: {:?}", case.text);
        assert_eq!(prediction.truncated(), case.truncated.unwrap_or(prediction.truncated()), "{name}: {:?}", case.text);
    }
}

pub(crate) fn assert_logits(name: &str, dir: &std::path::Path, cases: &[Case]) {
    let encoder = reference::encoder(dir);
    let logits = encoder.forward(&PackedBatch::pack(&cases.iter().map(encoding).collect::<Vec<_>>())).unwrap();
    for (case, row) in cases.iter().zip(logits.rows()) {
        let distance = reference::distance(row, &case.logits);
        assert!(distance <= LOGIT_BOUND, "{name}: {distance:e} off for {:?}", case.text);
    }
}

pub(crate) fn encoding(case: &Case) -> Encoding {
    Encoding { input_ids: case.input_ids.clone(), token_type_ids: vec![0; case.input_ids.len()], truncated: false }
}

#[test]
fn mini_gives_the_predictions_of_transformers() {
    assert_predictions("mini", &reference::mini(), &reference::mini_cases());
}

#[test]
fn every_type_and_container_gives_the_predictions_of_transformers() {
    let variants = reference::small_cases();
    assert_eq!(variants.len(), 6);
    for (name, cases) in &variants {
        let dir = reference::variant(name);
        assert_predictions(name, dir.path(), cases);
        assert_logits(name, dir.path(), cases);
    }
}
