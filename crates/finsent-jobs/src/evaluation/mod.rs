//! The accuracy of a model on labelled texts, in one or more precisions. Memory does not grow with the rows.

mod calibration;
mod confusion;
mod error;
mod label_matcher;
mod labelled_file;
mod labels;
mod predict;
mod unknown_labels;

use finsent_model::Prediction;

pub use calibration::{Bin, Calibration};
pub use confusion::{ClassScores, ConfusionMatrix};
pub use error::EvaluationError;
pub use label_matcher::{LabelMatch, LabelMatcher, LabelTableError, MatchError, MatchedBy};
pub use labelled_file::{LabelledFile, RowError};
pub use labels::{FileLabels, RenamedLabel};
pub use predict::{check_model, predictions};
pub use unknown_labels::UnknownLabels;

/// The sums over all rows.
#[derive(Debug)]
pub struct Evaluation {
    performances: Vec<Performance>,
    agreements: Vec<Agreement>,
}

/// The metrics of one precision.
#[derive(Debug, Clone)]
pub struct Performance {
    /// True and predicted labels.
    pub confusion: ConfusionMatrix,
    /// How far the probabilities can be trusted.
    pub calibration: Calibration,
}

/// The agreement of two precisions.
#[derive(Debug)]
pub struct Agreement {
    /// The indexes of the two precisions.
    pub of: [usize; 2],
    /// The first one's labels as rows, the second one's as columns.
    pub labels: ConfusionMatrix,
}

impl Evaluation {
    /// An evaluation without rows, of a model with `labels` labels in `precisions` precisions.
    pub fn new(labels: usize, precisions: usize) -> Self {
        let performance = Performance { confusion: ConfusionMatrix::new(labels), calibration: Calibration::default() };
        let pairs = (0..precisions).flat_map(|one| (one + 1..precisions).map(move |other| [one, other]));
        Self {
            performances: vec![performance; precisions],
            agreements: pairs.map(|of| Agreement { of, labels: ConfusionMatrix::new(labels) }).collect(),
        }
    }

    /// Adds a row with the label id `truth`, and its prediction in each precision, in order.
    pub fn add(&mut self, truth: usize, predictions: &[Prediction]) {
        for (performance, prediction) in self.performances.iter_mut().zip(predictions) {
            performance.confusion.add(truth, prediction.label_id());
            performance.calibration.add(truth, prediction.label_id(), prediction.probabilities());
        }
        for Agreement { of: [one, other], labels } in &mut self.agreements {
            labels.add(predictions[*one].label_id(), predictions[*other].label_id());
        }
    }

    /// The metrics of each precision, in order.
    pub fn performances(&self) -> &[Performance] {
        &self.performances
    }

    /// The agreement of each pair of precisions.
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
    fn each_precision_is_measured_and_each_pair_is_compared() {
        let labels = Arc::new(LabelMap::new(None, 2, &BTreeMap::new()).unwrap());
        let prediction = |first: f32| Prediction::new(Arc::clone(&labels), vec![first, 1.0 - first], 3, false);
        let mut evaluation = Evaluation::new(2, 3);
        evaluation.add(0, &[prediction(0.75), prediction(0.75), prediction(0.25)]);
        evaluation.add(1, &[prediction(0.75), prediction(0.25), prediction(0.25)]);
        let accuracies: Vec<f64> = evaluation.performances().iter().map(|of| of.confusion.accuracy()).collect();
        assert_eq!(accuracies, [0.5, 1.0, 0.5]);
        let agreements: Vec<_> = evaluation.agreements().iter().map(|pair| (pair.of, pair.labels.accuracy())).collect();
        assert_eq!(agreements, [([0, 1], 0.5), ([0, 2], 0.0), ([1, 2], 0.5)]);
        assert_eq!(evaluation.performances()[1].calibration.ece(), 0.25);
    }
}
