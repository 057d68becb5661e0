//! The tensors of a checkpoint, as the parts of the encoder ask for them.

use candle_core::Tensor;

use super::ops::{LayerNorm, Linear};
use crate::checkpoint::{Checkpoint, CheckpointError};

/// A place in the tree of names of a [`Checkpoint`].
#[derive(Debug)]
pub(super) struct Weights<'a> {
    checkpoint: &'a Checkpoint,
    path: String,
}

impl<'a> Weights<'a> {
    pub(super) fn root(checkpoint: &'a Checkpoint) -> Self {
        Self { checkpoint, path: String::new() }
    }

    pub(super) fn at(&self, name: &str) -> Self {
        Self { checkpoint: self.checkpoint, path: self.full_name(name) }
    }

    pub(super) fn tensor(&self, name: &str, shape: &[usize]) -> Result<Tensor, CheckpointError> {
        self.checkpoint.tensor(&self.full_name(name), shape)
    }

    pub(super) fn linear(&self, name: &str, inputs: usize, outputs: usize) -> Result<Linear, CheckpointError> {
        let at = self.at(name);
        Ok(Linear { weight: at.tensor("weight", &[outputs, inputs])?, bias: at.tensor("bias", &[outputs])? })
    }

    pub(super) fn layer_norm(&self, name: &str, size: usize, eps: f64) -> Result<LayerNorm, CheckpointError> {
        let at = self.at(name);
        Ok(LayerNorm { weight: at.tensor("weight", &[size])?, bias: at.tensor("bias", &[size])?, eps })
    }

    fn full_name(&self, name: &str) -> String {
        match self.path.as_str() {
            "" => name.to_owned(),
            path => format!("{path}.{name}"),
        }
    }
}
