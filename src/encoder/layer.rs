//! One layer of the encoder.

use candle_core::Tensor;

use super::Config;
use super::attention::Attention;
use super::ops::{LayerNorm, Linear, gelu};
use super::weights::Weights;
use crate::checkpoint::CheckpointError;

/// `BertLayer`: attention, then a feed-forward block, each added to its input and normalised.
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
        Ok(Self {
            attention: Attention::load(&weights.at("attention.self"), hidden_size, num_attention_heads)?,
            attention_output: weights.linear("attention.output.dense", hidden_size, hidden_size)?,
            attention_norm: weights.layer_norm("attention.output.LayerNorm", hidden_size, layer_norm_eps)?,
            intermediate: weights.linear("intermediate.dense", hidden_size, intermediate_size)?,
            output: weights.linear("output.dense", intermediate_size, hidden_size)?,
            output_norm: weights.layer_norm("output.LayerNorm", hidden_size, layer_norm_eps)?,
        })
    }

    /// `[total_tokens, hidden_size]` -> the same.
    pub(super) fn forward(&self, hidden_states: &Tensor, cu_seqlens: &[usize]) -> candle_core::Result<Tensor> {
        self.forward_rows(hidden_states, cu_seqlens, hidden_states, cu_seqlens)
    }

    /// The row of each text's first token only: `[total_tokens, hidden_size]` -> `[texts, hidden_size]`.
    pub(super) fn forward_first(&self, hidden_states: &Tensor, cu_seqlens: &[usize]) -> candle_core::Result<Tensor> {
        let starts: Vec<u32> = cu_seqlens[..cu_seqlens.len() - 1].iter().map(|&start| start as u32).collect();
        let one_each: Vec<usize> = (0..cu_seqlens.len()).collect();
        let first = hidden_states.index_select(&Tensor::new(starts, hidden_states.device())?, 0)?;
        self.forward_rows(&first, &one_each, hidden_states, cu_seqlens)
    }

    fn forward_rows(
        &self,
        rows: &Tensor,
        cu_row_lens: &[usize],
        hidden_states: &Tensor,
        cu_seqlens: &[usize],
    ) -> candle_core::Result<Tensor> {
        let context = self.attention.forward(rows, cu_row_lens, hidden_states, cu_seqlens)?;
        let attended = self.attention_norm.forward(&(self.attention_output.forward(&context)? + rows)?)?;
        let intermediate = gelu(&self.intermediate.forward(&attended)?)?;
        self.output_norm.forward(&(self.output.forward(&intermediate)? + attended)?)
    }
}
