//! The packed batch: all tokens of all texts one after the other, with no padding.

use crate::tokenizer::Encoding;

/// Tokens of one pass through the encoder.
pub const MAX_BATCH_TOKENS: usize = 1024;

/// The input of one encoder pass. Text `i` owns the tokens `cu_seqlens[i]..cu_seqlens[i + 1]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PackedBatch {
    /// Ids in the vocabulary, shape `[total_tokens]`.
    pub input_ids: Vec<u32>,
    /// Segment of each token, shape `[total_tokens]`.
    pub token_type_ids: Vec<u32>,
    /// Place of each token in its own text, shape `[total_tokens]`.
    pub position_ids: Vec<u32>,
    /// Cumulative lengths, shape `[texts + 1]`, starting with 0.
    pub cu_seqlens: Vec<usize>,
}

impl PackedBatch {
    /// Packs `encodings` in the given order.
    ///
    /// # Panics
    /// When an encoding has no tokens: it would have no `[CLS]` to answer for it.
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

/// Cuts texts of the given lengths in tokens into passes of at most `max_batch_tokens`, equal lengths near each other.
///
/// Each pass lists indices into `lengths`; together they hold every index once. A text that is longer than the budget
/// gets a pass of its own.
pub(crate) fn plan_passes(lengths: &[usize], max_batch_tokens: usize) -> Vec<Vec<usize>> {
    let mut order: Vec<usize> = (0..lengths.len()).collect();
    order.sort_by_key(|&text| lengths[text]);

    let mut passes: Vec<Vec<usize>> = Vec::new();
    let mut room = 0;
    for text in order {
        match passes.last_mut() {
            Some(pass) if lengths[text] <= room => pass.push(text),
            _ => {
                room = max_batch_tokens;
                passes.push(vec![text]);
            }
        }
        room = room.saturating_sub(lengths[text]);
    }
    passes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn encoding(input_ids: &[u32]) -> Encoding {
        Encoding { input_ids: input_ids.to_vec(), token_type_ids: vec![0; input_ids.len()], truncated: false }
    }

    #[test]
    fn positions_start_again_with_every_text() {
        let batch = PackedBatch::pack([&encoding(&[7, 8, 9]), &encoding(&[5]), &encoding(&[1, 2])]);
        assert_eq!(batch.input_ids, [7, 8, 9, 5, 1, 2]);
        assert_eq!(batch.position_ids, [0, 1, 2, 0, 0, 1]);
        assert_eq!(batch.cu_seqlens, [0, 3, 4, 6]);
    }

    #[test]
    fn passes_hold_every_text_once_and_keep_the_budget() {
        let lengths = [5, 512, 3, 3, 40, 9, 128, 3, 64];
        let passes = plan_passes(&lengths, 100);
        for pass in &passes {
            assert!(pass.len() == 1 || pass.iter().map(|&t| lengths[t]).sum::<usize>() <= 100, "{pass:?}");
        }
        let mut seen = passes.concat();
        seen.sort_unstable();
        assert_eq!(seen, (0..lengths.len()).collect::<Vec<_>>());
    }

    #[test]
    fn a_pass_is_filled_before_the_next_is_begun() {
        assert_eq!(plan_passes(&[50, 50, 50], 100), [vec![0, 1], vec![2]]);
        assert_eq!(plan_passes(&[], 100), Vec::<Vec<usize>>::new());
        assert_eq!(plan_passes(&[200, 200], 100), [vec![0], vec![1]]);
    }
}
