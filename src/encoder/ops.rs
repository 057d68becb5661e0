//! The operations of the encoder on tensors: the one seam where kernels enter.
//!
//! Everything above this file speaks of layers; everything below of numbers. Today the operations are candle's.

use candle_core::{D, Result, Tensor};

/// `x Wᵀ + b`, with `weight` as checkpoints store it.
#[derive(Debug)]
pub(super) struct Linear {
    /// `[out, in]`
    pub(super) weight: Tensor,
    /// `[out]`
    pub(super) bias: Tensor,
}

impl Linear {
    /// `[rows, in]` -> `[rows, out]`
    pub(super) fn forward(&self, x: &Tensor) -> Result<Tensor> {
        x.matmul(&self.weight.t()?)?.broadcast_add(&self.bias)
    }
}

/// Normalisation of each row to mean 0 and variance 1, then scaled and shifted.
#[derive(Debug)]
pub(super) struct LayerNorm {
    /// `[hidden_size]`
    pub(super) weight: Tensor,
    /// `[hidden_size]`
    pub(super) bias: Tensor,
    pub(super) eps: f64,
}

impl LayerNorm {
    /// `[rows, hidden_size]` -> the same. The variance is the mean of the squared deviations: the form with the mean of
    /// the squares cancels in f32 where a row's mean is large.
    pub(super) fn forward(&self, x: &Tensor) -> Result<Tensor> {
        candle_nn::ops::layer_norm_slow(x, &self.weight, &self.bias, self.eps as f32)
    }
}

/// `x Φ(x)` with the error function, not its tanh approximation.
pub(super) fn gelu(x: &Tensor) -> Result<Tensor> {
    x.gelu_erf()
}

/// Attention of each sequence to itself: `softmax(Q Kᵀ / √head_size) V`, head by head.
///
/// `query` is `[query_tokens, hidden_size]`, `key` and `value` are `[total_tokens, hidden_size]`. Sequence `i` owns the
/// rows `cu_seqlens[i]..cu_seqlens[i + 1]` of `key` and `value`, and those that `cu_query_lens` says of `query`. The
/// result has the shape of `query`.
pub(super) fn packed_attention(
    [query, key, value]: [&Tensor; 3],
    cu_query_lens: &[usize],
    cu_seqlens: &[usize],
    heads: usize,
) -> Result<Tensor> {
    let head_size = query.dim(1)? / heads;
    let query = (query * (1.0 / (head_size as f64).sqrt()))?;
    let by_head = |x: &Tensor, rows: &[usize]| {
        x.narrow(0, rows[0], rows[1] - rows[0])?.reshape(((), heads, head_size))?.transpose(0, 1)?.contiguous()
    };
    let contexts: Result<Vec<Tensor>> = std::iter::zip(cu_query_lens.windows(2), cu_seqlens.windows(2))
        .map(|(query_rows, rows)| {
            let attention_scores = by_head(&query, query_rows)?.matmul(&by_head(key, rows)?.t()?)?;
            let attention_probs = candle_nn::ops::softmax_last_dim(&attention_scores)?;
            attention_probs.matmul(&by_head(value, rows)?)?.transpose(0, 1)?.flatten_from(D::Minus2)
        })
        .collect();
    Tensor::cat(&contexts?, 0)
}
