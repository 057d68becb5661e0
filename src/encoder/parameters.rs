//! The tensors of the architecture.

use super::{Config, num_labels};
use crate::checkpoint::{Checkpoint, CheckpointError, Parameter};

impl Config {
    /// The tensors that [`Encoder::load`](super::Encoder::load) reads. Quantised are those that it packs in the precision
    /// of the model.
    ///
    /// # Errors
    /// [`CheckpointError`] when the checkpoint has no classifier of this width.
    pub(crate) fn parameters(
        &self,
        checkpoint: &Checkpoint,
    ) -> Result<impl Iterator<Item = Parameter>, CheckpointError> {
        let num_labels = num_labels(self, checkpoint)?;
        let layers = (0..self.num_hidden_layers).flat_map(|index| self.layer(&format!("encoder.layer.{index}")));
        Ok(self.embeddings().chain(layers).chain(self.head(num_labels)))
    }

    fn embeddings(&self) -> impl Iterator<Item = Parameter> {
        let table = |name, rows, is_quantised| Parameter {
            name: format!("embeddings.{name}_embeddings.weight"),
            shape: vec![rows, self.hidden_size],
            is_quantised,
        };
        let tables = [
            table("word", self.vocab_size, true),
            table("position", self.max_position_embeddings, false),
            table("token_type", self.type_vocab_size, false),
        ];
        tables.into_iter().chain(layer_norm("embeddings.LayerNorm", self.hidden_size))
    }

    fn layer(&self, path: &str) -> Vec<Parameter> {
        let &Self { hidden_size, intermediate_size, .. } = self;
        let mut layer = Vec::new();
        for (name, outputs, inputs) in [
            ("attention.self.query", hidden_size, hidden_size),
            ("attention.self.key", hidden_size, hidden_size),
            ("attention.self.value", hidden_size, hidden_size),
            ("attention.output.dense", hidden_size, hidden_size),
            ("intermediate.dense", intermediate_size, hidden_size),
            ("output.dense", hidden_size, intermediate_size),
        ] {
            layer.extend(linear(&format!("{path}.{name}"), [outputs, inputs], true));
        }
        for name in ["attention.output.LayerNorm", "output.LayerNorm"] {
            layer.extend(layer_norm(&format!("{path}.{name}"), hidden_size));
        }
        layer
    }

    fn head(&self, num_labels: usize) -> impl Iterator<Item = Parameter> + use<> {
        let pooler = linear("pooler.dense", [self.hidden_size; 2], false);
        pooler.into_iter().chain(linear("classifier", [num_labels, self.hidden_size], false))
    }
}

fn linear(path: &str, [outputs, inputs]: [usize; 2], is_quantised: bool) -> [Parameter; 2] {
    let weight = Parameter { name: format!("{path}.weight"), shape: vec![outputs, inputs], is_quantised };
    [weight, vector(format!("{path}.bias"), outputs)]
}

fn layer_norm(path: &str, size: usize) -> [Parameter; 2] {
    ["weight", "bias"].map(|name| vector(format!("{path}.{name}"), size))
}

fn vector(name: String, len: usize) -> Parameter {
    Parameter { name, shape: vec![len], is_quantised: false }
}
