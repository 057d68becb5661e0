//! The tensors of the architecture.

use super::{Config, num_labels};
use crate::checkpoint::{Checkpoint, CheckpointError, Parameter};

impl Config {
    /// The tensors that [`Encoder::load`](super::Encoder::load) reads. Quantised are those that it packs in the precision
    /// of the model.
    ///
    /// # Errors
    /// [`CheckpointError`] when the checkpoint has no classifier of this width.
    pub fn parameters(&self, checkpoint: &Checkpoint) -> Result<impl Iterator<Item = Parameter>, CheckpointError> {
        let (num_labels, names) = (num_labels(self, checkpoint)?, self.architecture.names());
        let layers = (0..self.num_hidden_layers).flat_map(|index| self.layer(&names.layer(index)));
        Ok(self.embeddings().chain(layers).chain(self.head(num_labels)))
    }

    fn embeddings(&self) -> impl Iterator<Item = Parameter> {
        let prefix = self.architecture.names().prefix;
        let table = |name, rows, is_quantised| Parameter {
            prefix,
            name: format!("embeddings.{name}_embeddings.weight"),
            shape: vec![rows, self.hidden_size],
            is_quantised,
        };
        let token_type = self.architecture.has_token_types().then(|| table("token_type", self.type_vocab_size, false));
        let tables = [table("word", self.vocab_size, true), table("position", self.max_position_embeddings, false)];
        tables.into_iter().chain(token_type).chain(layer_norm(prefix, "embeddings.LayerNorm", self.hidden_size))
    }

    fn layer(&self, path: &str) -> Vec<Parameter> {
        let &Self { hidden_size, intermediate_size, .. } = self;
        let names = self.architecture.names();
        let mut layer = Vec::new();
        for (name, outputs, inputs) in [
            (names.query, hidden_size, hidden_size),
            (names.key, hidden_size, hidden_size),
            (names.value, hidden_size, hidden_size),
            (names.attention_output, hidden_size, hidden_size),
            (names.intermediate, intermediate_size, hidden_size),
            (names.output, hidden_size, intermediate_size),
        ] {
            layer.extend(linear(names.prefix, &format!("{path}.{name}"), [outputs, inputs], true));
        }
        for name in [names.attention_norm, names.output_norm] {
            layer.extend(layer_norm(names.prefix, &format!("{path}.{name}"), hidden_size));
        }
        layer
    }

    fn head(&self, num_labels: usize) -> impl Iterator<Item = Parameter> + use<> {
        let names = self.architecture.names();
        let prefix = if names.dense_has_prefix { names.prefix } else { "" };
        let dense = linear(prefix, names.dense, [self.hidden_size; 2], false);
        dense.into_iter().chain(linear("", names.classifier, [num_labels, self.hidden_size], false))
    }
}

fn linear(prefix: &'static str, path: &str, [outputs, inputs]: [usize; 2], is_quantised: bool) -> [Parameter; 2] {
    let weight = Parameter { prefix, name: format!("{path}.weight"), shape: vec![outputs, inputs], is_quantised };
    [weight, vector(prefix, format!("{path}.bias"), outputs)]
}

fn layer_norm(prefix: &'static str, path: &str, size: usize) -> [Parameter; 2] {
    ["weight", "bias"].map(|name| vector(prefix, format!("{path}.{name}"), size))
}

fn vector(prefix: &'static str, name: String, len: usize) -> Parameter {
    Parameter { prefix, name, shape: vec![len], is_quantised: false }
}
