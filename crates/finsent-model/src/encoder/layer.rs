//! One layer of the encoder.

use finsent_kernels::{Activation, Linear};

use super::arena::{Arena, Hidden, Work};
use super::attention::Attention;
use super::config::Config;
use super::engine::{Engine, Operands};
use super::feed_forward::FeedForward;
use super::norm::Norm;
use super::pooling;
use super::relative::RelativeEmbeddings;
use super::weights::{Part, Weights};
use crate::checkpoint::CheckpointError;

/// `BertLayer`, DistilBERT's `TransformerBlock`, `RobertaLayer`, `ModernBertEncoderLayer`: an attention block, then a
/// feed-forward block. The result of each is added to its input; [`Norm`] says where they are normalized.
#[derive(Debug)]
pub(super) struct Layer {
    attention: Attention,
    attention_output: Linear,
    attention_norm: Norm,
    feed_forward: FeedForward,
    feed_forward_norm: Norm,
}

impl Layer {
    /// Layer `index` of the model, whose weights are at `weights`.
    pub(super) fn load(
        weights: &Weights<'_>,
        config: &Config,
        index: usize,
        positions: Option<&RelativeEmbeddings>,
    ) -> Result<Self, CheckpointError> {
        let &Config { hidden_size, layer_norm_eps, .. } = config;
        let (structure, layer) = (config.structure(), config.layer_structure(index));
        let names = config.architecture.names();
        let norm = |name| -> Result<Norm, CheckpointError> {
            let norm = weights.layer_norm(name, hidden_size, layer_norm_eps, structure.biases.norm)?;
            Ok(Norm::new(structure.norm_placement, norm))
        };
        let output = Part::whole(names.attention_output, hidden_size);
        Ok(Self {
            attention: Attention::load(weights, config, &structure, &layer, positions)?,
            attention_output: weights.linear(&[output], hidden_size, structure.biases.attention)?,
            attention_norm: if layer.has_attention_norm { norm(names.attention_norm)? } else { Norm::Absent },
            feed_forward: FeedForward::load(weights, config, &structure)?,
            feed_forward_norm: norm(names.output_norm)?,
        })
    }

    /// Computes all tokens, in place: `arena.hidden`, `[total_tokens, hidden_size]`.
    pub(super) fn forward(&self, engine: Engine<'_>, operands: Operands, arena: &mut Arena, cu_seqlens: &[usize]) {
        let Arena { hidden, work, .. } = arena;
        let input = self.attention_norm.input(engine, operands, hidden);
        self.attention.project_keys(engine, operands, input, cu_seqlens, work);
        self.attention.forward(engine, operands, input, [cu_seqlens, cu_seqlens], work);
        self.finish(engine, operands, hidden, work);
    }

    /// Computes only the first token of each text: `arena.hidden` -> `arena.pooled`, `[texts, hidden_size]`.
    pub(super) fn forward_first(
        &self,
        engine: Engine<'_>,
        operands: Operands,
        arena: &mut Arena,
        cu_seqlens: &[usize],
    ) {
        let Arena { hidden, pooled, work, .. } = arena;
        let input = self.attention_norm.input(engine, operands, hidden);
        self.attention.project_keys(engine, operands, input, cu_seqlens, work);
        pooling::first(&hidden.states.values, cu_seqlens, &mut pooled.states.values);
        pooled.states.round(engine, operands);
        let input = self.attention_norm.input(engine, operands, pooled);
        let one_each: Vec<usize> = (0..cu_seqlens.len()).collect();
        self.attention.forward(engine, operands, input, [&one_each, cu_seqlens], work);
        self.finish(engine, operands, pooled, work);
    }

    /// What follows attention, for `rows`, in place. `work.context` holds the result of attention for them.
    fn finish(&self, engine: Engine<'_>, operands: Operands, rows: &mut Hidden, work: &mut Work) {
        let context = work.context.operand(operands);
        self.attention_output.forward(engine.pool, context, Activation::Identity, &mut work.projected);
        self.attention_norm.add(engine, operands, &work.projected, rows);

        let input = self.feed_forward_norm.input(engine, operands, rows);
        self.feed_forward.forward(engine, operands, input, work);
        self.feed_forward_norm.add(engine, operands, &work.projected, rows);
    }
}
