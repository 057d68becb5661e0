//! Self-attention: every token of a text attends to the tokens of the same text, or to those near it.

use finsent_kernels::{Activation, Linear, Reach};

use super::architecture::Architecture;
use super::arena::{Activations, Work};
use super::config::Config;
use super::engine::{Engine, Operands};
use super::relative::{RelativeAttention, RelativeEmbeddings};
use super::structure::{LayerStructure, Projections, Structure};
use super::weights::{Part, Weights};
use crate::checkpoint::CheckpointError;

/// `BertSelfAttention`, or `ModernBertAttention`: the projections of queries, keys and values, their rotation if there is
/// one, and the attention, without the output projection.
#[derive(Debug)]
pub(super) struct Attention {
    query: Linear,
    /// The projection of the keys, then that of the values.
    key_value: Linear,
    heads: usize,
    reach: Reach,
    /// The base of the rotary position embedding.
    rotary_base: Option<f64>,
    /// DeBERTa's attention, to which all tokens are in reach.
    relative: Option<RelativeAttention>,
}

impl Attention {
    pub(super) fn load(
        weights: &Weights<'_>,
        config: &Config,
        structure: &Structure,
        layer: &LayerStructure,
        positions: Option<&RelativeEmbeddings>,
    ) -> Result<Self, CheckpointError> {
        let (names, size) = (config.architecture.names(), config.hidden_size);
        let [query, key, value] = match structure.projections {
            Projections::Separate => [names.query, names.key, names.value].map(|name| Part::whole(name, size)),
            Projections::Fused => [0, 1, 2].map(|index| Part::nth(names.query, index, 3, size)),
        };
        Ok(Self {
            query: weights.linear(&[query], size, structure.biases.attention)?,
            key_value: weights.linear(&[key, value], size, structure.biases.attention)?,
            heads: config.num_attention_heads,
            reach: layer.reach,
            rotary_base: layer.rotary_base,
            relative: (config.architecture == Architecture::DebertaV2)
                .then(|| RelativeAttention::load(weights, config, positions))
                .transpose()?,
        })
    }

    /// Keys and values of `input`: `[total_tokens, hidden_size]` -> `work.key_value`.
    pub(super) fn project_keys(
        &self,
        engine: Engine<'_>,
        operands: Operands,
        input: &Activations,
        cu_seqlens: &[usize],
        work: &mut Work,
    ) {
        let Work { key_value, rotaries, .. } = work;
        self.key_value.forward(engine.pool, input.operand(operands), Activation::Identity, key_value);
        if let Some(base) = self.rotary_base {
            rotaries.get(base).forward(engine.isa, engine.pool, self.heads, cu_seqlens, key_value);
        }
    }

    /// Attention of the queries of `input` to `work.key_value` -> `work.context`. `cu_lens` are the cumulative lengths of
    /// the texts, in rows of the queries and in tokens. The queries of a text are its first tokens.
    pub(super) fn forward(
        &self,
        engine: Engine<'_>,
        operands: Operands,
        input: &Activations,
        cu_lens: [&[usize]; 2],
        work: &mut Work,
    ) {
        let Work { query, key_value, rotaries, context, scratch, .. } = work;
        self.query.forward(engine.pool, input.operand(operands), Activation::Identity, query);
        if let Some(base) = self.rotary_base {
            rotaries.get(base).forward(engine.isa, engine.pool, self.heads, cu_lens[0], query);
        }
        let (queries_and_keys, values) = ([&*query, &*key_value], &mut context.values);
        match &self.relative {
            Some(relative) => relative.forward(engine, queries_and_keys, cu_lens, scratch, values),
            None => {
                let precision = operands.precision(engine);
                finsent_kernels::Attention { isa: engine.isa, heads: self.heads, reach: self.reach, precision }
                    .forward(engine.pool, queries_and_keys, cu_lens, scratch, values);
            }
        }
        context.round(engine, operands);
    }
}
