//! The accuracy of models on labelled texts, in one or more number formats, and their agreement, also without labels. Memory
//! does not grow with the rows.

mod calibration;
mod candidate;
mod confusion;
mod error;
mod label_matcher;
mod labelled_file;
mod labels;
mod permutation;
mod predict;
mod unknown_labels;

use finsent_model::Prediction;

pub use calibration::{Bin, Calibration};
pub use candidate::Candidate;
pub use confusion::{ClassScores, ConfusionMatrix};
pub use error::EvaluationError;
pub use label_matcher::{LabelMatch, LabelMatcher, LabelTableError, MatchError, MatchedBy};
pub use labelled_file::{LabelledFile, RowError};
pub use labels::{FileLabels, RenamedLabel};
pub use permutation::{BetterOrder, better_order};
pub use predict::{check_model, predictions};
pub use unknown_labels::UnknownLabels;

/// The sums over all rows.
#[derive(Debug)]
pub struct Evaluation {
    rows: u64,
    performances: Vec<Performance>,
    agreements: Vec<Agreement>,
}

/// The metrics of a candidate.
#[derive(Debug, Clone)]
pub struct Performance {
    /// True and predicted labels.
    pub confusion: ConfusionMatrix,
    /// How far the probabilities can be trusted.
    pub calibration: Calibration,
    /// How often each label was predicted, also for rows without a true one.
    pub predicted: Vec<u64>,
}

/// The agreement of two candidates.
#[derive(Debug)]
pub struct Agreement {
    /// The indexes of the two candidates.
    pub of: [usize; 2],
    /// The first one's labels as rows, the second one's as columns.
    pub labels: ConfusionMatrix,
    /// Rows on which only the first one is right, and only the second one.
    pub only_right: [u64; 2],
}

impl Evaluation {
    /// An evaluation without rows, of `candidates` candidates with `labels` labels.
    pub fn new(labels: usize, candidates: usize) -> Self {
        let performance = Performance {
            confusion: ConfusionMatrix::new(labels),
            calibration: Calibration::default(),
            predicted: vec![0; labels],
        };
        let pairs = (0..candidates).flat_map(|one| (one + 1..candidates).map(move |other| [one, other]));
        let agreement = |of| Agreement { of, labels: ConfusionMatrix::new(labels), only_right: [0, 0] };
        Self { rows: 0, performances: vec![performance; candidates], agreements: pairs.map(agreement).collect() }
    }

    /// Adds a row with the label id `truth`, if it has a label, and its prediction by each candidate, in order.
    pub fn add(&mut self, truth: Option<usize>, predictions: &[Prediction]) {
        self.rows += 1;
        for (performance, prediction) in self.performances.iter_mut().zip(predictions) {
            performance.predicted[prediction.label_id()] += 1;
            if let Some(truth) = truth {
                performance.confusion.add(truth, prediction.label_id());
                performance.calibration.add(truth, prediction.label_id(), prediction.probabilities());
            }
        }
        for Agreement { of, labels, only_right } in &mut self.agreements {
            let [one, other] = of.map(|index| predictions[index].label_id());
            labels.add(one, other);
            for (right, (this, that)) in only_right.iter_mut().zip([(one, other), (other, one)]) {
                *right += u64::from(Some(this) == truth && Some(that) != truth);
            }
        }
    }

    /// The number of rows.
    pub fn rows(&self) -> u64 {
        self.rows
    }

    /// The metrics of each candidate, in order.
    pub fn performances(&self) -> &[Performance] {
        &self.performances
    }

    /// The agreement of each pair of candidates.
    pub fn agreements(&self) -> &[Agreement] {
        &self.agreements
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::sync::Arc;

    use super::*;
    use finsent_model::LabelMap;

    #[test]
    fn each_candidate_is_measured_and_each_pair_is_compared() {
        let labels = Arc::new(LabelMap::new(None, 2, &BTreeMap::new()).unwrap());
        let prediction = |first: f32| Prediction::new(Arc::clone(&labels), vec![first, 1.0 - first], 3, false);
        let mut evaluation = Evaluation::new(2, 3);
        evaluation.add(Some(0), &[prediction(0.75), prediction(0.75), prediction(0.25)]);
        evaluation.add(Some(1), &[prediction(0.75), prediction(0.25), prediction(0.25)]);
        let accuracies: Vec<f64> = evaluation.performances().iter().map(|of| of.confusion.accuracy()).collect();
        assert_eq!(accuracies, [0.5, 1.0, 0.5]);
        let agreements: Vec<_> = evaluation.agreements().iter().map(|pair| (pair.of, pair.labels.accuracy())).collect();
        assert_eq!(agreements, [([0, 1], 0.5), ([0, 2], 0.0), ([1, 2], 0.5)]);
        assert_eq!(evaluation.performances()[1].calibration.ece(), 0.25);
        assert_eq!(evaluation.agreements()[0].only_right, [0, 1]);
        evaluation.add(None, &[prediction(0.75), prediction(0.75), prediction(0.25)]);
        assert_eq!((evaluation.rows(), evaluation.performances()[0].confusion.total()), (3, 2));
        assert_eq!(evaluation.performances()[0].predicted, [3, 0]);
    }
}
