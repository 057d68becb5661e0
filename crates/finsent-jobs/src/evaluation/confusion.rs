//! The confusion matrix, and the metrics derived from it.

use serde::Serialize;

/// The two-sided 95 % quantile of the standard normal distribution.
const Z: f64 = 1.959_963_984_540_054;

/// How often each label was predicted for each true label.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfusionMatrix {
    size: usize,
    /// One row per true label, with one count per predicted label.
    counts: Vec<u64>,
}

/// The metrics of one label. 0 / 0 counts as 0, as in scikit-learn with `zero_division=0`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct ClassScores {
    /// The share of the predictions of this label that are right.
    pub precision: f64,
    /// The share of the rows with this label that were predicted right.
    pub recall: f64,
    /// The harmonic mean of the two: 2 TP / (2 TP + FP + FN).
    pub f1: f64,
    /// Rows with this label.
    pub support: u64,
    /// Predictions of this label.
    pub predicted: u64,
}

impl ConfusionMatrix {
    /// An empty matrix of `size` labels.
    pub fn new(size: usize) -> Self {
        Self { size, counts: vec![0; size * size] }
    }

    /// Counts a row.
    pub fn add(&mut self, truth: usize, predicted: usize) {
        self.counts[truth * self.size + predicted] += 1;
    }

    /// The counts, one row per true label.
    pub fn rows(&self) -> impl Iterator<Item = &[u64]> {
        self.counts.chunks_exact(self.size)
    }

    /// The number of rows.
    pub fn total(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// The number of rows whose prediction is right.
    pub fn correct(&self) -> u64 {
        (0..self.size).map(|id| self.counts[id * self.size + id]).sum()
    }

    /// The share of rows whose prediction is right; 0 without rows.
    pub fn accuracy(&self) -> f64 {
        ratio(self.correct(), self.total())
    }

    /// The 95 % confidence interval of the accuracy, if the rows are a random sample: the score interval (Wilson, 1927),
    /// (p + z²/2n ± z √(p (1 - p)/n + z²/4n²)) / (1 + z²/n).
    pub fn accuracy_interval(&self) -> [f64; 2] {
        let (p, n) = (self.accuracy(), self.total() as f64);
        if n == 0.0 {
            return [0.0, 1.0];
        }
        let (center, scale) = (p + Z * Z / (2.0 * n), 1.0 + Z * Z / n);
        let half = Z * (p * (1.0 - p) / n + Z * Z / (4.0 * n * n)).sqrt();
        [((center - half) / scale).max(0.0), ((center + half) / scale).min(1.0)]
    }

    /// The metrics of each label, in order.
    pub fn classes(&self) -> Vec<ClassScores> {
        let mut predicted = vec![0; self.size];
        for row in self.rows() {
            for (sum, count) in predicted.iter_mut().zip(row) {
                *sum += count;
            }
        }
        self.rows()
            .zip(predicted)
            .enumerate()
            .map(|(id, (row, predicted))| {
                let (hits, support) = (row[id], row.iter().sum());
                ClassScores {
                    precision: ratio(hits, predicted),
                    recall: ratio(hits, support),
                    f1: ratio(2 * hits, support + predicted),
                    support,
                    predicted,
                }
            })
            .collect()
    }

    /// The mean F1 over the labels that occur as true or predicted, as scikit-learn's `f1_score(average="macro")`.
    pub fn macro_f1(&self) -> f64 {
        let classes = self.classes();
        let present: Vec<f64> =
            classes.iter().filter(|class| class.support + class.predicted > 0).map(|class| class.f1).collect();
        if present.is_empty() { 0.0 } else { present.iter().sum::<f64>() / present.len() as f64 }
    }

    /// The mean F1, with each label weighted by its rows, as scikit-learn's `f1_score(average="weighted")`.
    pub fn weighted_f1(&self) -> f64 {
        let total = self.total();
        let sum: f64 = self.classes().iter().map(|class| class.f1 * class.support as f64).sum();
        if total == 0 { 0.0 } else { sum / total as f64 }
    }

    /// Agreement beyond chance (Cohen, 1960): (p - e) / (1 - e), where e is the sum over the labels of the product of both
    /// sides' shares. `None` if e is 1, or there are no rows.
    pub fn cohen_kappa(&self) -> Option<f64> {
        let total = self.total() as f64;
        let share = |count: u64| count as f64 / total;
        let by_chance: f64 = self.classes().iter().map(|class| share(class.support) * share(class.predicted)).sum();
        (by_chance < 1.0).then(|| (self.accuracy() - by_chance) / (1.0 - by_chance))
    }
}

/// `part / whole`; 0 if the whole is 0.
fn ratio(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matrix<const N: usize>(counts: [[u64; N]; N]) -> ConfusionMatrix {
        ConfusionMatrix { size: N, counts: counts.concat() }
    }

    #[track_caller]
    fn assert_near(found: f64, expected: f64) {
        assert!((found - expected).abs() < 1e-12, "{found} is not {expected}");
    }

    #[test]
    fn rows_are_true_labels_and_columns_predicted_ones() {
        let mut counted = ConfusionMatrix::new(2);
        for (truth, predicted) in [(0, 0), (0, 1), (0, 1), (1, 1)] {
            counted.add(truth, predicted);
        }
        assert_eq!(counted, matrix([[1, 2], [0, 1]]));
        assert_eq!((counted.total(), counted.correct(), counted.accuracy()), (4, 2, 0.5));
    }

    #[test]
    fn metrics_of_a_label_match_those_computed_by_hand() {
        // 10 rows of a, 5 of b, 5 of c.
        let matrix = matrix([[8, 1, 1], [2, 3, 0], [0, 4, 1]]);
        let [a, b, c] = matrix.classes().try_into().unwrap();
        assert_eq!((a.precision, a.recall, a.f1, a.support), (0.8, 0.8, 0.8, 10));
        assert_eq!((b.precision, b.recall, b.support, b.predicted), (3.0 / 8.0, 0.6, 5, 8));
        assert_near(b.f1, 6.0 / 13.0);
        assert_eq!((c.precision, c.recall), (0.5, 0.2));
        assert_near(c.f1, 2.0 / 7.0);
        assert_near(matrix.macro_f1(), (0.8 + 6.0 / 13.0 + 2.0 / 7.0) / 3.0);
        assert_near(matrix.weighted_f1(), (8.0 + 30.0 / 13.0 + 10.0 / 7.0) / 20.0);
        // Chance: 10/20 of 10/20, 5/20 of 8/20, 5/20 of 2/20.
        assert_near(matrix.cohen_kappa().unwrap(), (0.6 - 0.375) / 0.625);
    }

    #[test]
    fn the_macro_mean_skips_labels_that_do_not_occur_but_not_those_only_predicted() {
        assert_eq!(matrix([[2, 0, 0], [0, 2, 0], [0, 0, 0]]).macro_f1(), 1.0);
        // c is predicted once and never true: its F1 is 0 and counts.
        let matrix = matrix([[1, 0, 1], [0, 2, 0], [0, 0, 0]]);
        assert_near(matrix.macro_f1(), (2.0 / 3.0 + 1.0 + 0.0) / 3.0);
        assert_near(matrix.weighted_f1(), (4.0 / 3.0 + 2.0) / 4.0);
        assert_eq!(matrix.classes()[2], ClassScores { precision: 0.0, recall: 0.0, f1: 0.0, support: 0, predicted: 1 });
    }

    /// 81 of 263 is an example of Newcombe's (1998), with the interval 0.2553 to 0.3662.
    #[test]
    fn the_interval_is_wilsons() {
        let [low, high] = matrix([[81, 182], [0, 0]]).accuracy_interval();
        assert!((low - 0.2553).abs() < 5e-5 && (high - 0.3662).abs() < 5e-5, "{low} {high}");
        let [low, high] = matrix([[10]]).accuracy_interval();
        assert_near(low, 10.0 / (10.0 + Z * Z));
        assert_near(high, 1.0);
    }

    #[test]
    fn without_rows_metrics_are_0_and_kappa_is_absent() {
        let empty = ConfusionMatrix::new(3);
        assert_eq!((empty.accuracy(), empty.macro_f1(), empty.weighted_f1()), (0.0, 0.0, 0.0));
        assert_eq!((empty.accuracy_interval(), empty.cohen_kappa()), ([0.0, 1.0], None));
        assert_eq!(matrix([[5, 0], [0, 0]]).cohen_kappa(), None);
    }
}
