//! Self-attention: every token of a text looks at every token of the same text.

use candle_core::Tensor;

use super::ops::{Linear, packed_attention};
use super::weights::Weights;
use crate::checkpoint::CheckpointError;

/// `BertSelfAttention`: the projections and the attention itself, without the output projection.
#[derive(Debug)]
pub(super) struct Attention {
    query: Linear,
    key: Linear,
    value: Linear,
    heads: usize,
}

impl Attention {
    pub(super) fn load(weights: &Weights<'_>, hidden_size: usize, heads: usize) -> Result<Self, CheckpointError> {
        let projection = |name| weights.linear(name, hidden_size, hidden_size);
        Ok(Self { query: projection("query")?, key: projection("key")?, value: projection("value")?, heads })
    }

    /// What the rows of `queries` see of `hidden_states`; `cu_query_lens` and `cu_seqlens` say which rows are one text.
    pub(super) fn forward(
        &self,
        queries: &Tensor,
        cu_query_lens: &[usize],
        hidden_states: &Tensor,
        cu_seqlens: &[usize],
    ) -> candle_core::Result<Tensor> {
        let query = self.query.forward(queries)?;
        let key = self.key.forward(hidden_states)?;
        let value = self.value.forward(hidden_states)?;
        packed_attention([&query, &key, &value], cu_query_lens, cu_seqlens, self.heads)
    }
}
