//! The first token's vector becomes logits.

use super::Engine;
use super::weights::Weights;
use crate::checkpoint::CheckpointError;
use crate::kernels::{Activation, Linear, Matrix, Operand};

/// `BertPooler` and the classifier of `BertForSequenceClassification`, in f32 whatever the precision of the model.
#[derive(Debug)]
pub(super) struct Head {
    pooler: Linear,
    classifier: Linear,
    hidden_size: usize,
    num_labels: usize,
}

impl Head {
    pub(super) fn load(weights: &Weights<'_>, hidden_size: usize, num_labels: usize) -> Result<Self, CheckpointError> {
        let weights = weights.in_f32();
        Ok(Self {
            pooler: weights.linear("pooler.dense", hidden_size, hidden_size)?,
            classifier: weights.linear("classifier", hidden_size, num_labels)?,
            hidden_size,
            num_labels,
        })
    }

    /// `[texts, hidden_size]` -> `[texts, num_labels]`, row-major.
    pub(super) fn forward(&self, engine: Engine, first_token: &Matrix) -> Vec<f32> {
        let mut pooled_output = Matrix::new(self.hidden_size);
        self.pooler.forward(engine.team, Operand::F32(first_token), Activation::Identity, &mut pooled_output);
        for text in 0..pooled_output.rows() {
            pooled_output.row_mut(text).iter_mut().for_each(|x| *x = x.tanh());
        }
        let mut logits = Matrix::new(self.num_labels);
        self.classifier.forward(engine.team, Operand::F32(&pooled_output), Activation::Identity, &mut logits);
        (0..logits.rows()).flat_map(|text| logits.row(text)).copied().collect()
    }
}
