//! The first token's vector becomes logits.

use candle_core::Tensor;

use super::ops::Linear;
use super::weights::Weights;
use crate::checkpoint::CheckpointError;

/// `BertPooler` and the classifier of `BertForSequenceClassification`.
#[derive(Debug)]
pub(super) struct Head {
    pooler: Linear,
    classifier: Linear,
}

impl Head {
    pub(super) fn load(weights: &Weights<'_>, hidden_size: usize, num_labels: usize) -> Result<Self, CheckpointError> {
        Ok(Self {
            pooler: weights.linear("pooler.dense", hidden_size, hidden_size)?,
            classifier: weights.linear("classifier", hidden_size, num_labels)?,
        })
    }

    /// `[texts, hidden_size]` -> `[texts, num_labels]`
    pub(super) fn forward(&self, first_token: &Tensor) -> candle_core::Result<Tensor> {
        let pooled_output = self.pooler.forward(first_token)?.tanh()?;
        self.classifier.forward(&pooled_output)
    }
}
