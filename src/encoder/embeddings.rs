//! Tokens become vectors.

use candle_core::{Device, Tensor};

use super::Config;
use super::ops::LayerNorm;
use super::weights::Weights;
use crate::batch::PackedBatch;
use crate::checkpoint::CheckpointError;

/// `BertEmbeddings`: the sum of word, position and segment, normalised.
#[derive(Debug)]
pub(super) struct Embeddings {
    word: Tensor,
    position: Tensor,
    token_type: Tensor,
    norm: LayerNorm,
}

impl Embeddings {
    pub(super) fn load(weights: &Weights<'_>, config: &Config) -> Result<Self, CheckpointError> {
        let table = |name: &str, rows| weights.tensor(&format!("{name}.weight"), &[rows, config.hidden_size]);
        Ok(Self {
            word: table("word_embeddings", config.vocab_size)?,
            position: table("position_embeddings", config.max_position_embeddings)?,
            token_type: table("token_type_embeddings", config.type_vocab_size)?,
            norm: weights.layer_norm("LayerNorm", config.hidden_size, config.layer_norm_eps)?,
        })
    }

    /// -> `[total_tokens, hidden_size]`
    pub(super) fn forward(&self, batch: &PackedBatch) -> candle_core::Result<Tensor> {
        let rows = |table: &Tensor, ids: &[u32]| table.index_select(&Tensor::new(ids, &Device::Cpu)?, 0);
        let words = rows(&self.word, &batch.input_ids)?;
        let token_types = rows(&self.token_type, &batch.token_type_ids)?;
        let positions = rows(&self.position, &batch.position_ids)?;
        self.norm.forward(&((words + token_types)? + positions)?)
    }
}
