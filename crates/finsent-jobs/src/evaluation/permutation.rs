//! Numbers that stand for labels in another order than the model's.
//!
//! A file whose labels are 0, 1 and 2 does not say what they mean. Read as the ids of the model, they may give a low accuracy
//! that nobody questions. If another order would be right far more often, that is what the file means.

use super::confusion::ConfusionMatrix;

/// Most labels whose orders are tried: there are 40,320 of 8.
const MAX_LABELS: usize = 8;
/// By how much an order must raise the accuracy to be told.
const MIN_GAIN: f64 = 0.2;
/// By how many standard deviations it must be better to be sure: rows that only one of two orders gets right are a fair coin
/// if neither is better.
const SURE: f64 = 2.0;

/// An order of the labels that is right more often than the model's own.
#[derive(Debug, Clone, PartialEq)]
pub struct BetterOrder {
    /// For each id in the file, what it would be.
    pub ids: Vec<usize>,
    /// The accuracy in that order.
    pub accuracy: f64,
    /// Whether that can hardly be chance.
    pub is_sure: bool,
}

/// The best order of the true labels, if it is far better than the one that the matrix was counted with.
pub fn better_order(confusion: &ConfusionMatrix) -> Option<BetterOrder> {
    let rows: Vec<&[u64]> = confusion.rows().collect();
    if rows.len() > MAX_LABELS || confusion.total() == 0 {
        return None;
    }
    let mut best = Best { rows: &rows, correct: 0, ids: Vec::new() };
    best.extend(&mut Vec::new(), 0);
    let accuracy = best.correct as f64 / confusion.total() as f64;
    let moved = || rows.iter().zip(&best.ids).enumerate().filter(|(id, (_, other))| id != *other);
    let only_own: u64 = moved().map(|(id, (row, _))| row[id]).sum();
    let only_other: u64 = moved().map(|(_, (row, other))| row[*other]).sum();
    let (only_own, only_other) = (only_own as f64, only_other as f64);
    let is_sure = only_other - only_own >= SURE * (only_own + only_other).sqrt();
    let gain = accuracy - confusion.accuracy();
    (gain >= MIN_GAIN).then_some(BetterOrder { ids: best.ids, accuracy, is_sure })
}

/// The best order so far.
struct Best<'a> {
    rows: &'a [&'a [u64]],
    correct: u64,
    ids: Vec<usize>,
}

impl Best<'_> {
    /// Tries all orders that begin with `ids`, of which `correct` rows are right. Of equal ones the first counts, which begins
    /// with the model's own.
    fn extend(&mut self, ids: &mut Vec<usize>, correct: u64) {
        if ids.len() == self.rows.len() {
            if self.ids.is_empty() || correct > self.correct {
                (self.correct, self.ids) = (correct, ids.clone());
            }
            return;
        }
        let row = self.rows[ids.len()];
        for (id, count) in row.iter().enumerate() {
            if !ids.contains(&id) {
                ids.push(id);
                self.extend(ids, correct + count);
                ids.pop();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The matrix of rows of (id in the file, predicted id, how often).
    fn matrix(counts: [(usize, usize, u64); 4]) -> ConfusionMatrix {
        let mut matrix = ConfusionMatrix::new(3);
        for (truth, predicted, count) in counts {
            (0..count).for_each(|_| matrix.add(truth, predicted));
        }
        matrix
    }

    #[test]
    fn another_order_that_is_far_better_is_found() {
        let order = better_order(&matrix([(0, 1, 8), (1, 0, 7), (2, 2, 9), (0, 0, 2)])).unwrap();
        assert_eq!((order.ids, order.is_sure), (vec![1, 0, 2], true));
        assert!((order.accuracy - 24.0 / 26.0).abs() < 1e-12);
    }

    #[test]
    fn a_few_rows_are_no_proof() {
        assert!(!better_order(&matrix([(0, 1, 1), (1, 0, 1), (2, 2, 1), (0, 0, 0)])).unwrap().is_sure);
    }

    #[test]
    fn the_models_own_order_is_kept_if_no_other_is_far_better() {
        assert_eq!(better_order(&matrix([(0, 0, 8), (1, 1, 7), (2, 2, 9), (0, 1, 5)])), None);
        assert_eq!(better_order(&matrix([(0, 0, 5), (0, 1, 6), (1, 1, 5), (1, 0, 5)])), None);
        assert_eq!(better_order(&ConfusionMatrix::new(3)), None);
        assert_eq!(better_order(&ConfusionMatrix::new(100)), None);
    }
}
