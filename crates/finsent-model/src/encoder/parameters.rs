//! The tensors of a model, by its configuration.

use super::config::Config;
use crate::checkpoint::{Checkpoint, CheckpointError};

/// A tensor of a model.
#[derive(Debug)]
pub(crate) struct Parameter {
    /// The plain name.
    pub(crate) name: String,
    /// The prefix of the name in files that transformers' `save_pretrained` writes.
    pub(crate) prefix: &'static str,
    /// `[len]` or `[rows, columns]`
    pub(crate) shape: Vec<usize>,
    /// Whether int8 has it as bytes; only for matrices.
    pub(crate) is_quantized: bool,
}

impl Config {
    /// The tensors that [`Encoder::load`](super::Encoder::load) reads. The quantized ones are those that it packs in
    /// the precision of the model.
    ///
    /// # Errors
    /// [`CheckpointError`] if the checkpoint has no classifier of this width.
    pub(crate) fn parameters(
        &self,
        checkpoint: &Checkpoint,
    ) -> Result<impl Iterator<Item = Parameter>, CheckpointError> {
        let (num_labels, names) = (num_labels(self, checkpoint)?, self.architecture.names());
        let layers = (0..self.num_hidden_layers).flat_map(|index| self.layer(&names.layer(index)));
        Ok(self.embeddings().chain(layers).chain(self.head(num_labels)))
    }

    /// Checks that the checkpoint has all tensors, with the right shapes and types. Returns the number of labels.
    ///
    /// # Errors
    /// [`CheckpointError`] with the tensor that is missing or wrong.
    pub(crate) fn check_tensors(&self, checkpoint: &Checkpoint) -> Result<usize, CheckpointError> {
        for Parameter { name, shape, .. } in self.parameters(checkpoint)? {
            checkpoint.rows(&name, &shape)?;
        }
        num_labels(self, checkpoint)
    }

    fn embeddings(&self) -> impl Iterator<Item = Parameter> {
        let prefix = self.architecture.names().prefix;
        let table = |name, rows, is_quantized| Parameter {
            prefix,
            name: format!("embeddings.{name}_embeddings.weight"),
            shape: vec![rows, self.hidden_size],
            is_quantized,
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

/// The rows of the classifier in the checkpoint: old configurations do not name the labels.
pub(super) fn num_labels(config: &Config, checkpoint: &Checkpoint) -> Result<usize, CheckpointError> {
    let classifier = format!("{}.weight", config.architecture.names().classifier);
    match checkpoint.shape(&classifier) {
        Some(&[rows, columns]) if columns == config.hidden_size => Ok(rows),
        _ => {
            let rows = config.id2label.as_ref().map_or(2, |labels| labels.len());
            checkpoint.matrix(&classifier, [rows, config.hidden_size]).map(|_| rows)
        }
    }
}

fn linear(prefix: &'static str, path: &str, [outputs, inputs]: [usize; 2], is_quantized: bool) -> [Parameter; 2] {
    let weight = Parameter { prefix, name: format!("{path}.weight"), shape: vec![outputs, inputs], is_quantized };
    [weight, vector(prefix, format!("{path}.bias"), outputs)]
}

fn layer_norm(prefix: &'static str, path: &str, size: usize) -> [Parameter; 2] {
    ["weight", "bias"].map(|name| vector(prefix, format!("{path}.{name}"), size))
}

fn vector(prefix: &'static str, name: String, len: usize) -> Parameter {
    Parameter { prefix, name, shape: vec![len], is_quantized: false }
}
