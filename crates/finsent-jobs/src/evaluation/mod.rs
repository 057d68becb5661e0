//! How good a model is on labelled texts, in one precision or several: sums of a size that does not grow with the rows.

mod calibration;
mod confusion;
mod truth;

pub use calibration::{Bin, Calibration};
pub use confusion::{ClassScores, ConfusionMatrix};
use finsent_model::Prediction;
pub use truth::{By, LabelMatcher, MatchError};

/// The sums over all rows.
#[derive(Debug)]
pub struct Evaluation {
    of_each: Vec<Performance>,
    /// The first one's labels as rows, the second one's as columns.
    of_pairs: Vec<Pair>,
}

/// How one precision did.
#[derive(Debug, Clone)]
pub struct Performance {
    pub confusion: ConfusionMatrix,
    pub calibration: Calibration,
}

/// How two precisions agree.
#[derive(Debug)]
pub struct Pair {
    /// Which two, by their places.
    pub of: [usize; 2],
    /// The first one's labels as rows, the second one's as columns.
    pub labels: ConfusionMatrix,
}

impl Evaluation {
    /// Of a model with so many labels, in so many precisions.
    pub fn new(labels: usize, precisions: usize) -> Self {
        let performance = Performance { confusion: ConfusionMatrix::new(labels), calibration: Calibration::default() };
        let pairs = (0..precisions).flat_map(|one| (one + 1..precisions).map(move |other| [one, other]));
        Self {
            of_each: vec![performance; precisions],
            of_pairs: pairs.map(|of| Pair { of, labels: ConfusionMatrix::new(labels) }).collect(),
        }
    }

    /// Counts a row whose label has the id `truth`, with a prediction of each precision, in their order.
    pub fn add(&mut self, truth: usize, predictions: &[Prediction]) {
        for (performance, prediction) in self.of_each.iter_mut().zip(predictions) {
            performance.confusion.add(truth, prediction.label_id());
            performance.calibration.add(truth, prediction.label_id(), prediction.probabilities());
        }
        for Pair { of: [one, other], labels } in &mut self.of_pairs {
            labels.add(predictions[*one].label_id(), predictions[*other].label_id());
        }
    }

    /// How each precision did, in their order.
    pub fn performances(&self) -> &[Performance] {
        &self.of_each
    }

    /// How each two precisions agree.
    pub fn pairs(&self) -> &[Pair] {
        &self.of_pairs
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::sync::Arc;

    use super::*;
    use finsent_model::LabelMap;

    #[test]
    fn each_precision_is_measured_and_each_two_are_compared() {
        let labels = Arc::new(LabelMap::new(None, 2, &BTreeMap::new()).unwrap());
        let prediction = |first: f32| Prediction::new(Arc::clone(&labels), vec![first, 1.0 - first], 3, false);
        let mut evaluation = Evaluation::new(2, 3);
        evaluation.add(0, &[prediction(0.75), prediction(0.75), prediction(0.25)]);
        evaluation.add(1, &[prediction(0.75), prediction(0.25), prediction(0.25)]);
        let accuracies: Vec<f64> = evaluation.performances().iter().map(|of| of.confusion.accuracy()).collect();
        assert_eq!(accuracies, [0.5, 1.0, 0.5]);
        let agreements: Vec<_> = evaluation.pairs().iter().map(|pair| (pair.of, pair.labels.accuracy())).collect();
        assert_eq!(agreements, [([0, 1], 0.5), ([0, 2], 0.0), ([1, 2], 0.5)]);
        assert_eq!(evaluation.performances()[1].calibration.ece(), 0.25);
    }
}
