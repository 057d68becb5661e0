//! The classification head: a vector of each text becomes logits.

use finsent_kernels::{Activation, LayerNorm, Linear, Matrix, Operand};

use super::config::Config;
use super::engine::Engine;
use super::structure::HeadActivation;
use super::weights::{Part, Weights};
use crate::checkpoint::CheckpointError;

/// `BertPooler` and the classifier of `BertForSequenceClassification`, or their equivalents: DistilBERT's
/// `pre_classifier` and `classifier`, `RobertaClassificationHead`, `ModernBertPredictionHead`. Always in f32.
#[derive(Debug)]
pub(super) struct Head {
    dense: Linear,
    /// The activation after `dense`.
    activation: HeadActivation,
    /// The normalization after the activation.
    norm: Option<LayerNorm>,
    classifier: Linear,
    hidden_size: usize,
    num_labels: usize,
}

impl Head {
    pub(super) fn load(weights: &Weights<'_>, config: &Config, num_labels: usize) -> Result<Self, CheckpointError> {
        let (weights, names, structure) = (weights.in_f32(), config.architecture.names(), config.structure());
        let &Config { hidden_size, layer_norm_eps, .. } = config;
        let norm = |name| weights.layer_norm(name, hidden_size, layer_norm_eps, structure.biases.norm);
        Ok(Self {
            dense: weights.linear(&[Part::whole(names.dense, hidden_size)], hidden_size, structure.biases.dense)?,
            activation: structure.head_activation,
            norm: names.head_norm.map(norm).transpose()?,
            classifier: weights.linear(&[Part::whole(names.classifier, num_labels)], hidden_size, true)?,
            hidden_size,
            num_labels,
        })
    }

    /// `[texts, hidden_size]` -> `[texts, num_labels]`, row-major.
    pub(super) fn forward(&self, engine: Engine<'_>, pooled: &Matrix) -> Vec<f32> {
        let mut features = Matrix::new(self.hidden_size);
        let activate = |features: &mut Matrix, activation: fn(f32) -> f32| {
            (0..features.rows()).for_each(|text| features.row_mut(text).iter_mut().for_each(|x| *x = activation(*x)));
        };
        let in_product = if self.activation == HeadActivation::Gelu { Activation::Gelu } else { Activation::Identity };
        self.dense.forward(engine.pool, Operand::F32(pooled), in_product, &mut features);
        match self.activation {
            HeadActivation::Tanh => activate(&mut features, f32::tanh),
            HeadActivation::Relu => activate(&mut features, relu),
            HeadActivation::Gelu => {}
        }
        if let Some(norm) = &self.norm {
            norm.forward(engine.isa, engine.pool, None, &mut features, None);
        }
        let mut logits = Matrix::new(self.num_labels);
        self.classifier.forward(engine.pool, Operand::F32(&features), Activation::Identity, &mut logits);
        (0..logits.rows()).flat_map(|text| logits.row(text)).copied().collect()
    }
}

/// As in torch, NaN stays NaN, so that damaged weights are not hidden.
fn relu(x: f32) -> f32 {
    if x < 0.0 { 0.0 } else { x }
}
