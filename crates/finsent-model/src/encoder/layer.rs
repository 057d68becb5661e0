//! One layer of the encoder.

use finsent_kernels::{Activation, LayerNorm, Linear};

use super::arena::{Activations, Arena, Work};
use super::attention::Attention;
use super::config::Config;
use super::engine::{Engine, Operands};
use super::weights::Weights;
use crate::checkpoint::CheckpointError;

/// `BertLayer`, DistilBERT's `TransformerBlock`, `RobertaLayer`: attention, then a feed-forward block. The result of
/// each is added to its input and normalized.
#[derive(Debug)]
pub(super) struct Layer {
    attention: Attention,
    attention_output: Linear,
    attention_norm: LayerNorm,
    intermediate: Linear,
    output: Linear,
    output_norm: LayerNorm,
}

impl Layer {
    pub(super) fn load(weights: &Weights<'_>, config: &Config) -> Result<Self, CheckpointError> {
        let &Config { hidden_size, intermediate_size, num_attention_heads, layer_norm_eps, .. } = config;
        let names = config.architecture.names();
        Ok(Self {
            attention: Attention::load(weights, names, hidden_size, num_attention_heads)?,
            attention_output: weights.linear(names.attention_output, hidden_size, hidden_size)?,
            attention_norm: weights.layer_norm(names.attention_norm, hidden_size, layer_norm_eps)?,
            intermediate: weights.linear(names.intermediate, hidden_size, intermediate_size)?,
            output: weights.linear(names.output, intermediate_size, hidden_size)?,
            output_norm: weights.layer_norm(names.output_norm, hidden_size, layer_norm_eps)?,
        })
    }

    /// Computes all tokens, in place: `arena.hidden`, `[total_tokens, hidden_size]`.
    pub(super) fn forward(&self, engine: Engine<'_>, operands: Operands, arena: &mut Arena, cu_seqlens: &[usize]) {
        self.attention.project_keys(engine, operands, &arena.hidden, &mut arena.work);
        self.forward_rows(engine, operands, &mut arena.hidden, [cu_seqlens, cu_seqlens], &mut arena.work);
    }

    /// Computes only the first token of each text: `arena.hidden` -> `arena.first`, `[texts, hidden_size]`.
    pub(super) fn forward_first(
        &self,
        engine: Engine<'_>,
        operands: Operands,
        arena: &mut Arena,
        cu_seqlens: &[usize],
    ) {
        let Arena { hidden, first, work } = arena;
        let starts = &cu_seqlens[..cu_seqlens.len() - 1];
        first.values.set_rows(starts.len());
        for (text, &start) in starts.iter().enumerate() {
            first.values.row_mut(text).copy_from_slice(hidden.values.row(start));
        }
        first.round(engine, operands);
        let one_each: Vec<usize> = (0..cu_seqlens.len()).collect();
        self.attention.project_keys(engine, operands, hidden, work);
        self.forward_rows(engine, operands, first, [&one_each, cu_seqlens], work);
    }

    /// Computes `rows` in place. Their queries attend to `work.key_value`.
    fn forward_rows(
        &self,
        engine: Engine<'_>,
        operands: Operands,
        rows: &mut Activations,
        cu_lens: [&[usize]; 2],
        work: &mut Work,
    ) {
        let Engine { isa, pool, .. } = engine;
        self.attention.forward(engine, operands, rows, cu_lens, work);
        let Work { context, projected, intermediate, .. } = work;
        let add_and_normalize = |norm: &LayerNorm, projected: &_, rows: &mut Activations| {
            let (values, rounded) = rows.parts(operands);
            norm.forward(isa, pool, Some(projected), values, rounded);
        };

        self.attention_output.forward(pool, context.operand(operands), Activation::Identity, projected);
        add_and_normalize(&self.attention_norm, projected, rows);

        self.intermediate.forward(pool, rows.operand(operands), Activation::Gelu, &mut intermediate.values);
        intermediate.round(engine, operands);
        self.output.forward(pool, intermediate.operand(operands), Activation::Identity, projected);
        add_and_normalize(&self.output_norm, projected, rows);
    }
}
