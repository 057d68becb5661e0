//! Tokens become vectors.

use super::arena::Activations;
use super::weights::Weights;
use super::{Config, EncoderError, Engine, Operands};
use crate::batch::PackedBatch;
use crate::checkpoint::CheckpointError;
use crate::kernels::{LayerNorm, Table};

/// `BertEmbeddings`: the sum of word, segment and position, normalised.
#[derive(Debug)]
pub(super) struct Embeddings {
    word: Table,
    token_type: Table,
    position: Table,
    norm: LayerNorm,
}

impl Embeddings {
    pub(super) fn load(weights: &Weights<'_>, config: &Config) -> Result<Self, CheckpointError> {
        let &Config { vocab_size, type_vocab_size, max_position_embeddings, hidden_size, layer_norm_eps, .. } = config;
        Ok(Self {
            word: weights.table("word_embeddings", vocab_size, hidden_size)?,
            token_type: weights.in_f32().table("token_type_embeddings", type_vocab_size, hidden_size)?,
            position: weights.in_f32().table("position_embeddings", max_position_embeddings, hidden_size)?,
            norm: weights.layer_norm("LayerNorm", hidden_size, layer_norm_eps)?,
        })
    }

    /// The tables, and the ids that look something up in them.
    fn lookups<'a>(&'a self, batch: &'a PackedBatch) -> [(&'a Table, &'a [u32]); 3] {
        let PackedBatch { input_ids, token_type_ids, position_ids, .. } = batch;
        [(&self.word, input_ids), (&self.token_type, token_type_ids), (&self.position, position_ids)]
    }

    /// # Errors
    /// [`EncoderError::Id`] when a table has no row for an id of `batch`.
    pub(super) fn check(&self, batch: &PackedBatch) -> Result<(), EncoderError> {
        for ((table, ids), name) in self.lookups(batch).into_iter().zip(["input_ids", "token_type_ids", "position_ids"])
        {
            if let Some(&id) = ids.iter().find(|&&id| id as usize >= table.rows()) {
                return Err(EncoderError::Id { name, id, rows: table.rows() });
            }
        }
        Ok(())
    }

    /// -> `hidden`, `[total_tokens, hidden_size]`
    pub(super) fn forward(&self, engine: Engine, operands: Operands, batch: &PackedBatch, hidden: &mut Activations) {
        let (values, rounded) = hidden.parts(operands);
        Table::sum_rows(engine.team, &self.lookups(batch), values);
        self.norm.forward(engine.isa, engine.team, None, values, rounded);
    }
}
