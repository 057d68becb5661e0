//! A text with its logits.

use finsent_model::{Activation, Classification, EncodedText, Prediction};

use crate::scheduler::Logits;
use crate::served_model::ServedModel;

/// A text that the model has read.
#[derive(Clone)]
pub(crate) struct ScoredText {
    pub(super) encoded: EncodedText,
    /// One row per encoding.
    pub(super) logits: Vec<Logits>,
}

impl ScoredText {
    pub(super) fn count(&self, model: &ServedModel) {
        let metrics = &model.metrics;
        metrics.texts.inc();
        metrics.tokens.inc_by(self.encoded.tokens() as u64);
        metrics.truncated.inc_by(u64::from(self.encoded.is_truncated()));
        self.logits.iter().for_each(|logits| model.predictions.count(logits));
    }

    /// Tokens that the model read.
    pub(crate) fn tokens(&self) -> usize {
        self.encoded.tokens()
    }

    /// How many encodings the text has.
    pub(crate) fn encodings(&self) -> usize {
        self.logits.len()
    }

    /// The prediction for a text that was encoded as a whole.
    pub(crate) fn prediction(&self, model: &ServedModel) -> Prediction {
        let encoding = self.encoded.encodings().next().expect("every text has an encoding");
        model.pipeline.prediction(encoding, &self.logits[0])
    }

    /// The predictions at the granularity that the text was encoded for.
    pub(crate) fn classification(self, model: &ServedModel) -> Classification {
        model.pipeline.classification(self.encoded, &self.logits)
    }

    /// The score of each label, in the order of the labels. The activation is the model's own by default.
    pub(crate) fn scores(&self, model: &ServedModel, activation: Option<Activation>) -> Vec<f32> {
        activation.unwrap_or(model.pipeline.activation()).probabilities(&self.logits[0])
    }

    /// Each label with its score, the highest first.
    pub(crate) fn sorted_scores<'a>(
        &self,
        model: &'a ServedModel,
        activation: Option<Activation>,
    ) -> Vec<(&'a str, f32)> {
        let labels = model.pipeline.labels().labels().iter().map(String::as_str);
        let mut scores: Vec<(&str, f32)> = labels.zip(self.scores(model, activation)).collect();
        scores.sort_by(|a, b| b.1.total_cmp(&a.1));
        scores
    }
}
