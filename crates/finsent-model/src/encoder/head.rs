//! The classification head: the vector of the first token becomes logits.

use finsent_kernels::{Activation, Linear, Matrix, Operand};

use super::architecture::Architecture;
use super::config::Config;
use super::engine::Engine;
use super::weights::Weights;
use crate::checkpoint::CheckpointError;

/// `BertPooler` and the classifier of `BertForSequenceClassification`, or their equivalents: DistilBERT's
/// `pre_classifier` and `classifier`, `RobertaClassificationHead`. Always in f32.
#[derive(Debug)]
pub(super) struct Head {
    dense: Linear,
    /// The activation after `dense`.
    activation: fn(f32) -> f32,
    classifier: Linear,
    hidden_size: usize,
    num_labels: usize,
}

impl Head {
    pub(super) fn load(weights: &Weights<'_>, config: &Config, num_labels: usize) -> Result<Self, CheckpointError> {
        let (weights, names, hidden_size) = (weights.in_f32(), config.architecture.names(), config.hidden_size);
        Ok(Self {
            dense: weights.linear(names.dense, hidden_size, hidden_size)?,
            activation: match config.architecture {
                Architecture::DistilBert => relu,
                _ => f32::tanh,
            },
            classifier: weights.linear(names.classifier, hidden_size, num_labels)?,
            hidden_size,
            num_labels,
        })
    }

    /// `[texts, hidden_size]` -> `[texts, num_labels]`, row-major.
    pub(super) fn forward(&self, engine: Engine<'_>, first_token: &Matrix) -> Vec<f32> {
        let mut pooled_output = Matrix::new(self.hidden_size);
        self.dense.forward(engine.pool, Operand::F32(first_token), Activation::Identity, &mut pooled_output);
        for text in 0..pooled_output.rows() {
            pooled_output.row_mut(text).iter_mut().for_each(|x| *x = (self.activation)(*x));
        }
        let mut logits = Matrix::new(self.num_labels);
        self.classifier.forward(engine.pool, Operand::F32(&pooled_output), Activation::Identity, &mut logits);
        (0..logits.rows()).flat_map(|text| logits.row(text)).copied().collect()
    }
}

/// As in torch, NaN stays NaN, so that damaged weights are not hidden.
fn relu(x: f32) -> f32 {
    if x < 0.0 { 0.0 } else { x }
}
