//! The packed batch: the tokens of all texts one after the other, without padding.

use crate::tokenizer::Encoding;

/// The most tokens of a packed batch, unless a single text is longer.
pub const MAX_BATCH_TOKENS: usize = 1024;

/// The input of the encoder. Text `i` has the tokens `cu_seqlens[i]..cu_seqlens[i + 1]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PackedBatch {
    /// Ids of the vocabulary, shape `[total_tokens]`.
    pub input_ids: Vec<u32>,
    /// The segment of each token, shape `[total_tokens]`.
    pub token_type_ids: Vec<u32>,
    /// The index of each token in its own text, shape `[total_tokens]`.
    pub position_ids: Vec<u32>,
    /// The cumulative lengths of the texts, shape `[texts + 1]`, starting with 0.
    pub cu_seqlens: Vec<usize>,
}

impl PackedBatch {
    /// Packs `encodings` in the given order.
    ///
    /// # Panics
    /// If an encoding has no tokens: the classifier reads the first token of each text.
    pub fn pack<'a>(encodings: impl IntoIterator<Item = &'a Encoding>) -> Self {
        let mut batch =
            Self { input_ids: Vec::new(), token_type_ids: Vec::new(), position_ids: Vec::new(), cu_seqlens: vec![0] };
        for encoding in encodings {
            assert!(!encoding.is_empty(), "an encoding has at least one token");
            batch.input_ids.extend(&encoding.input_ids);
            batch.token_type_ids.extend(&encoding.token_type_ids);
            batch.position_ids.extend((0..).take(encoding.len()));
            batch.cu_seqlens.push(batch.input_ids.len());
        }
        batch
    }
}

/// Divides texts with these numbers of tokens into batches of at most `max_batch_tokens`, similar lengths together.
///
/// A batch is a list of indices into `lengths`; every index is in exactly one batch. A text that is longer than the
/// limit is a batch of its own.
pub(crate) fn plan_batches(lengths: &[usize], max_batch_tokens: usize) -> Vec<Vec<usize>> {
    let mut order: Vec<usize> = (0..lengths.len()).collect();
    order.sort_by_key(|&text| lengths[text]);

    let mut batches: Vec<Vec<usize>> = Vec::new();
    let mut tokens_left = 0;
    for text in order {
        match batches.last_mut() {
            Some(batch) if lengths[text] <= tokens_left => batch.push(text),
            _ => {
                tokens_left = max_batch_tokens;
                batches.push(vec![text]);
            }
        }
        tokens_left = tokens_left.saturating_sub(lengths[text]);
    }
    batches
}

#[cfg(test)]
mod tests {
    use super::*;

    fn encoding(input_ids: &[u32]) -> Encoding {
        Encoding { input_ids: input_ids.to_vec(), token_type_ids: vec![0; input_ids.len()], truncated: false }
    }

    #[test]
    fn positions_start_at_0_in_every_text() {
        let batch = PackedBatch::pack([&encoding(&[7, 8, 9]), &encoding(&[5]), &encoding(&[1, 2])]);
        assert_eq!(batch.input_ids, [7, 8, 9, 5, 1, 2]);
        assert_eq!(batch.position_ids, [0, 1, 2, 0, 0, 1]);
        assert_eq!(batch.cu_seqlens, [0, 3, 4, 6]);
    }

    #[test]
    fn batches_have_every_text_once_and_at_most_the_limit_of_tokens() {
        let lengths = [5, 512, 3, 3, 40, 9, 128, 3, 64];
        let batches = plan_batches(&lengths, 100);
        for batch in &batches {
            assert!(batch.len() == 1 || batch.iter().map(|&t| lengths[t]).sum::<usize>() <= 100, "{batch:?}");
        }
        let mut seen = batches.concat();
        seen.sort_unstable();
        assert_eq!(seen, (0..lengths.len()).collect::<Vec<_>>());
    }

    #[test]
    fn a_batch_is_filled_before_the_next_one_begins() {
        assert_eq!(plan_batches(&[50, 50, 50], 100), [vec![0, 1], vec![2]]);
        assert_eq!(plan_batches(&[], 100), Vec::<Vec<usize>>::new());
        assert_eq!(plan_batches(&[200, 200], 100), [vec![0], vec![1]]);
    }
}
