//! The tensors of a model, by its configuration.

use super::config::Config;
use super::structure::{EmbeddingProjection, FeedForwardKind, Positions, Projections};
use crate::checkpoint::{Checkpoint, CheckpointError};

/// The table of relative positions.
pub(super) const RELATIVE_EMBEDDINGS: &str = "encoder.rel_embeddings";
/// The norm of that table.
pub(super) const RELATIVE_NORM: &str = "encoder.LayerNorm";

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
        let positions = self.positions();
        let layers = (0..self.num_hidden_layers).flat_map(|index| self.layer(&names.layer(index), index));
        let final_norm = names.final_norm.into_iter().flat_map(|name| self.layer_norm(names.prefix, name));
        Ok(self.embeddings().chain(positions).chain(layers).chain(final_norm).chain(self.head(num_labels)))
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
        let names = self.architecture.names();
        let table = |name, rows, is_quantized| Parameter {
            prefix: names.prefix,
            name: format!("embeddings.{name}.weight"),
            shape: vec![rows, self.embedding_size()],
            is_quantized,
        };
        let word = table(names.word_embeddings, self.vocab_size, true);
        let has_positions = self.structure().positions == Positions::Table;
        let position = has_positions.then(|| table("position_embeddings", self.max_position_embeddings, false));
        let token_type = self.has_token_types().then(|| table("token_type_embeddings", self.type_vocab_size, false));
        let [inputs, outputs] = [self.embedding_size(), self.hidden_size];
        let is_normalized_first = self.structure().embedding_projection == EmbeddingProjection::AfterNorm;
        let norm_size = if is_normalized_first { inputs } else { outputs };
        let norm = self.norm_of(names.prefix, &format!("embeddings.{}", names.embeddings_norm), norm_size);
        let projection = linear(names.prefix, names.projection, [outputs, inputs], is_normalized_first, false);
        let projection = projection.filter(move |_| inputs != outputs);
        [Some(word), position, token_type].into_iter().flatten().chain(norm).chain(projection)
    }

    /// The embeddings of relative positions.
    fn positions(&self) -> impl Iterator<Item = Parameter> {
        let prefix = self.architecture.names().prefix;
        let table = self.relative_positions().map(|positions| Parameter {
            prefix,
            name: format!("{RELATIVE_EMBEDDINGS}.weight"),
            shape: vec![positions.rows(), self.hidden_size],
            is_quantized: false,
        });
        let norm = self.deberta.normalizes_positions().then(|| self.layer_norm(prefix, RELATIVE_NORM));
        table.into_iter().chain(norm.into_iter().flatten())
    }

    fn layer(&self, path: &str, index: usize) -> Vec<Parameter> {
        let &Self { hidden_size, intermediate_size, .. } = self;
        let (names, structure) = (self.architecture.names(), self.structure());
        let biases = structure.biases;
        let projections = match structure.projections {
            Projections::Separate => vec![(names.query, 1), (names.key, 1), (names.value, 1)],
            Projections::Fused => vec![(names.query, 3)],
        };
        let inner = match structure.feed_forward {
            FeedForwardKind::Plain => 1,
            FeedForwardKind::Gated => 2,
        };
        let attention = projections.into_iter().chain([(names.attention_output, 1)]);
        let attention =
            attention.map(|(name, parts)| (name, [hidden_size.saturating_mul(parts), hidden_size], biases.attention));
        let feed_forward = [
            (names.intermediate, [intermediate_size.saturating_mul(inner), hidden_size], biases.feed_forward),
            (names.output, [hidden_size, intermediate_size], biases.feed_forward),
        ];
        let mut layer = Vec::new();
        for (name, shape, has_bias) in attention.chain(feed_forward) {
            layer.extend(linear(names.prefix, &format!("{path}.{name}"), shape, has_bias, true));
        }
        let own = self.position_projections().into_iter().flatten().filter(|_| !self.deberta.shares_projections);
        for name in own {
            layer.extend(linear(names.prefix, &format!("{path}.{name}"), [hidden_size; 2], true, false));
        }
        let has_attention_norm = self.layer_structure(index).has_attention_norm;
        for name in has_attention_norm.then_some(names.attention_norm).into_iter().chain([names.output_norm]) {
            layer.extend(self.layer_norm(names.prefix, &format!("{path}.{name}")));
        }
        layer
    }

    fn head(&self, num_labels: usize) -> impl Iterator<Item = Parameter> {
        let (names, biases) = (self.architecture.names(), self.structure().biases);
        let prefix = if names.dense_has_prefix { names.prefix } else { "" };
        let dense = linear(prefix, names.dense, [self.hidden_size; 2], biases.dense, false);
        let norm = names.head_norm.into_iter().flat_map(|name| self.layer_norm("", name));
        dense.chain(norm).chain(linear("", names.classifier, [num_labels, self.hidden_size], true, false))
    }

    fn layer_norm(&self, prefix: &'static str, path: &str) -> impl Iterator<Item = Parameter> + use<> {
        self.norm_of(prefix, path, self.hidden_size)
    }

    fn norm_of(&self, prefix: &'static str, path: &str, size: usize) -> impl Iterator<Item = Parameter> + use<> {
        let bias = self.structure().biases.norm.then(|| vector(prefix, format!("{path}.bias"), size));
        [vector(prefix, format!("{path}.weight"), size)].into_iter().chain(bias)
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

fn linear(
    prefix: &'static str,
    path: &str,
    [outputs, inputs]: [usize; 2],
    has_bias: bool,
    is_quantized: bool,
) -> impl Iterator<Item = Parameter> + use<> {
    let weight = Parameter { prefix, name: format!("{path}.weight"), shape: vec![outputs, inputs], is_quantized };
    [weight].into_iter().chain(has_bias.then(|| vector(prefix, format!("{path}.bias"), outputs)))
}

fn vector(prefix: &'static str, name: String, len: usize) -> Parameter {
    Parameter { prefix, name, shape: vec![len], is_quantized: false }
}
