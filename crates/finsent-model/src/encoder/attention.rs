//! Self-attention: every token of a text looks at every token of the same text.

use finsent_kernels::{Activation, Linear};

use super::architecture::Names;
use super::arena::{Activations, Work};
use super::weights::Weights;
use super::{Engine, Operands};
use crate::checkpoint::CheckpointError;

/// `BertSelfAttention`: the projections and the attention itself, without the output projection.
#[derive(Debug)]
pub(super) struct Attention {
    query: Linear,
    /// The keys' projection, then the values'.
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

    /// What each token is looked at as: `[total_tokens, hidden_size]` -> `work.key_value`.
    pub(super) fn project_keys(&self, engine: Engine<'_>, operands: Operands, hidden: &Activations, work: &mut Work) {
        self.key_value.forward(engine.pool, hidden.operand(operands), Activation::Identity, &mut work.key_value);
    }

    /// What the rows of `queries` see of `work.key_value` -> `work.context`. `cu_lens` says which rows are one text, of
    /// the queries and of the tokens.
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
