//! Embeddings: token ids become vectors.

use std::borrow::Cow;

use finsent_kernels::{Activation, EmbeddingTable, LayerNorm, Linear, Operand};

use super::arena::Arena;
use super::config::Config;
use super::engine::{Engine, Operands};
use super::error::EncoderError;
use super::structure::{EmbeddingProjection, Positions};
use super::weights::{Part, Weights};
use crate::batch::PackedBatch;
use crate::checkpoint::CheckpointError;

/// `BertEmbeddings`: the normalized sum of the embeddings of word, segment and position. DistilBERT has no segments,
/// RoBERTa counts positions differently, ModernBERT has words only, and ELECTRA and DeBERTa may project the sum to another
/// width.
#[derive(Debug)]
pub(super) struct Embeddings {
    word: EmbeddingTable,
    token_type: Option<EmbeddingTable>,
    /// `None` if the layers see to positions.
    position: Option<EmbeddingTable>,
    /// The padding id: positions count from the number after it, and it is not counted. `None` if positions count from
    /// 0.
    padding: Option<u32>,
    norm: LayerNorm,
    /// From the width of the embeddings to that of the layers, if it is another. Always in f32.
    projection: Option<Linear>,
    /// Whether the projection follows the norm.
    is_normalized_first: bool,
}

impl Embeddings {
    pub(super) fn load(root: &Weights<'_>, config: &Config) -> Result<Self, CheckpointError> {
        let &Config { vocab_size, type_vocab_size, max_position_embeddings, hidden_size, layer_norm_eps, .. } = config;
        let (names, structure, width) = (config.architecture.names(), config.structure(), config.embedding_size());
        let weights = root.at("embeddings");
        let position = || weights.in_f32().table("position_embeddings", max_position_embeddings, width);
        let token_type = || weights.in_f32().table("token_type_embeddings", type_vocab_size, width);
        let is_normalized_first = structure.embedding_projection == EmbeddingProjection::AfterNorm;
        let part = [Part::whole(names.projection, hidden_size)];
        let projection = || root.in_f32().linear(&part, width, is_normalized_first);
        let norm_size = if is_normalized_first { width } else { hidden_size };
        Ok(Self {
            word: weights.table(names.word_embeddings, vocab_size, width)?,
            token_type: config.has_token_types().then(token_type).transpose()?,
            position: (structure.positions == Positions::Table).then(position).transpose()?,
            padding: config.architecture.counts_after_padding().then_some(config.pad_token_id),
            norm: weights.layer_norm(names.embeddings_norm, norm_size, layer_norm_eps, structure.biases.norm)?,
            projection: (width != hidden_size).then(projection).transpose()?,
            is_normalized_first,
        })
    }

    /// The row of `position` for each token.
    fn position_rows<'a>(&self, batch: &'a PackedBatch) -> Cow<'a, [u32]> {
        match self.padding {
            None => Cow::Borrowed(&batch.position_ids),
            Some(padding) => Cow::Owned(positions_after(padding, batch)),
        }
    }

    /// Each table with the ids to look up in it.
    fn lookups<'a>(&'a self, batch: &'a PackedBatch, position_rows: &'a [u32]) -> Vec<(&'a EmbeddingTable, &'a [u32])> {
        let token_type = self.token_type.as_ref().map(|table| (table, batch.token_type_ids.as_slice()));
        let word = (&self.word, batch.input_ids.as_slice());
        let position = self.position.as_ref().map(|table| (table, position_rows));
        [Some(word), token_type, position].into_iter().flatten().collect()
    }

    /// # Errors
    /// [`EncoderError::Id`] if a table has no row for an id of `batch`.
    pub(super) fn check(&self, batch: &PackedBatch) -> Result<(), EncoderError> {
        let within =
            |name, table: &EmbeddingTable, ids: &[u32]| match ids.iter().find(|&&id| id as usize >= table.rows()) {
                Some(&id) => Err(EncoderError::Id { name, id, rows: table.rows() }),
                None => Ok(()),
            };
        within("input_ids", &self.word, &batch.input_ids)?;
        if let Some(table) = &self.token_type {
            within("token_type_ids", table, &batch.token_type_ids)?;
        }
        match &self.position {
            Some(table) => within("position_ids", table, &self.position_rows(batch)),
            None => Ok(()),
        }
    }

    /// -> `arena.hidden.states`, `[total_tokens, hidden_size]`
    pub(super) fn forward(&self, engine: Engine<'_>, operands: Operands, batch: &PackedBatch, arena: &mut Arena) {
        let Engine { isa, pool, .. } = engine;
        let (embedded, hidden) = (&mut arena.embedded, &mut arena.hidden.states);
        let position_rows = self.position_rows(batch);
        let lookups = self.lookups(batch, &position_rows);
        let Some(projection) = &self.projection else {
            let (values, rounded) = hidden.parts(operands);
            EmbeddingTable::sum_rows(pool, &lookups, values);
            return self.norm.forward(isa, pool, None, values, rounded);
        };
        EmbeddingTable::sum_rows(pool, &lookups, embedded);
        if self.is_normalized_first {
            self.norm.forward(isa, pool, None, embedded, None);
        }
        projection.forward(pool, Operand::F32(embedded), Activation::Identity, &mut hidden.values);
        if self.is_normalized_first {
            return hidden.round(engine, operands);
        }
        let (values, rounded) = hidden.parts(operands);
        self.norm.forward(isa, pool, None, values, rounded);
    }
}

/// RoBERTa's `create_position_ids_from_input_ids`: the n-th token of a text, from 1, has the position `padding` + n.
/// Tokens with the id `padding`, which a text can contain by name, are not counted and have the position `padding`.
fn positions_after(padding: u32, batch: &PackedBatch) -> Vec<u32> {
    let mut positions = Vec::with_capacity(batch.input_ids.len());
    for text in batch.cu_seqlens.windows(2) {
        let mut last = padding;
        for &id in &batch.input_ids[text[0]..text[1]] {
            let is_counted = id != padding;
            last += u32::from(is_counted);
            positions.push(if is_counted { last } else { padding });
        }
    }
    positions
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tokenizer::Encoding;

    #[test]
    fn positions_after_the_padding_id_restart_in_every_text_and_do_not_count_padding() {
        let encoding =
            |ids: &[u32]| Encoding { input_ids: ids.to_vec(), token_type_ids: vec![0; ids.len()], truncated: false };
        let batch = PackedBatch::pack(&[encoding(&[0, 7, 1, 8, 2]), encoding(&[0, 2])]);
        assert_eq!(positions_after(1, &batch), [2, 3, 1, 4, 5, 2, 3]);
    }
}
