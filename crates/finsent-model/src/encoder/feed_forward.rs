//! The feed-forward block, without its normalization.

use finsent_kernels::{Activation, Linear};

use super::arena::{Activations, Work};
use super::config::Config;
use super::engine::{Engine, Operands};
use super::structure::{FeedForwardKind, Structure};
use super::weights::{Part, Weights};
use crate::checkpoint::CheckpointError;

/// `BertIntermediate` and the linear layer of `BertOutput`, or `ModernBertMLP`, which also has a gate.
#[derive(Debug)]
pub(super) struct FeedForward {
    intermediate: Linear,
    gate: Option<Linear>,
    output: Linear,
}

impl FeedForward {
    pub(super) fn load(weights: &Weights<'_>, config: &Config, structure: &Structure) -> Result<Self, CheckpointError> {
        let &Config { hidden_size, intermediate_size, .. } = config;
        let (names, has_bias) = (config.architecture.names(), structure.biases.feed_forward);
        let linear = |part| weights.linear(&[part], hidden_size, has_bias);
        let (intermediate, gate) = match structure.feed_forward {
            FeedForwardKind::Plain => (Part::whole(names.intermediate, intermediate_size), None),
            FeedForwardKind::Gated => {
                let half = |index| Part::nth(names.intermediate, index, 2, intermediate_size);
                (half(0), Some(half(1)))
            }
        };
        Ok(Self {
            intermediate: linear(intermediate)?,
            gate: gate.map(linear).transpose()?,
            output: weights.linear(&[Part::whole(names.output, hidden_size)], intermediate_size, has_bias)?,
        })
    }

    /// `input`, `[rows, hidden_size]` -> `work.projected`
    pub(super) fn forward(&self, engine: Engine<'_>, operands: Operands, input: &Activations, work: &mut Work) {
        let (pool, input) = (engine.pool, input.operand(operands));
        let Work { intermediate, gate, projected, .. } = work;
        self.intermediate.forward(pool, input, Activation::Gelu, &mut intermediate.values);
        match &self.gate {
            None => intermediate.round(engine, operands),
            Some(linear) => {
                linear.forward(pool, input, Activation::Identity, gate);
                let (values, rounded) = intermediate.parts(operands);
                finsent_kernels::multiply(engine.isa, pool, values, gate, rounded);
            }
        }
        self.output.forward(pool, intermediate.operand(operands), Activation::Identity, projected);
    }
}
