//! Self-attention: every token of a text attends to every token of the same text.

use finsent_kernels::{Activation, Linear};

use super::architecture::Names;
use super::arena::{Activations, Work};
use super::engine::{Engine, Operands};
use super::weights::Weights;
use crate::checkpoint::CheckpointError;

/// `BertSelfAttention`: the projections of queries, keys and values, and the attention, without the output projection.
#[derive(Debug)]
pub(super) struct Attention {
    query: Linear,
    /// The projection of the keys, then that of the values.
    key_value: Linear,
    heads: usize,
}

impl Attention {
    pub(super) fn load(
        weights: &Weights<'_>,
        names: &Names,
        hidden_size: usize,
        heads: usize,
    ) -> Result<Self, CheckpointError> {
        Ok(Self {
            query: weights.linear(names.query, hidden_size, hidden_size)?,
            key_value: weights.linears(&[names.key, names.value], hidden_size, hidden_size)?,
            heads,
        })
    }

    /// Keys and values: `[total_tokens, hidden_size]` -> `work.key_value`.
    pub(super) fn project_keys(&self, engine: Engine<'_>, operands: Operands, hidden: &Activations, work: &mut Work) {
        self.key_value.forward(engine.pool, hidden.operand(operands), Activation::Identity, &mut work.key_value);
    }

    /// Attention of the rows of `queries` to `work.key_value` -> `work.context`. `cu_lens` are the cumulative lengths
    /// of the texts, in rows of the queries and in tokens.
    pub(super) fn forward(
        &self,
        engine: Engine<'_>,
        operands: Operands,
        queries: &Activations,
        cu_lens: [&[usize]; 2],
        work: &mut Work,
    ) {
        let Work { query, key_value, context, scratch, .. } = work;
        self.query.forward(engine.pool, queries.operand(operands), Activation::Identity, query);
        finsent_kernels::Attention { isa: engine.isa, heads: self.heads }.forward(
            engine.pool,
            [query, key_value],
            cu_lens,
            scratch,
            &mut context.values,
        );
        context.round(engine, operands);
    }
}
