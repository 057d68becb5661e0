//! What a model predicts, counted so that a change of the texts or of the model shows.

use finsent_model::Activation;
use prometheus::{Histogram, IntCounter};

use super::Metrics;

/// Models with more labels have no histograms: each label would add 16 series.
const MOST_HISTOGRAMS: usize = 64;

/// The metrics of one model's predictions, by label.
#[derive(Debug)]
pub(crate) struct PredictionMetrics {
    activation: Activation,
    /// How often each label was predicted.
    predictions: Vec<IntCounter>,
    /// The probabilities of each label; empty if they are none, or too many.
    probabilities: Vec<Histogram>,
}

impl PredictionMetrics {
    /// The metrics of a model with these labels. They exist from now on, at zero.
    pub(crate) fn new(metrics: &Metrics, model: &str, labels: &[String], activation: Activation) -> Self {
        let has_histograms = activation != Activation::Identity && labels.len() <= MOST_HISTOGRAMS;
        let of_histograms = if has_histograms { labels } else { &[] };
        Self {
            activation,
            predictions: labels.iter().map(|label| metrics.predictions.with_label_values(&[model, label])).collect(),
            probabilities: of_histograms
                .iter()
                .map(|label| metrics.label_probability.with_label_values(&[model, label]))
                .collect(),
        }
    }

    /// Counts one prediction.
    pub(crate) fn count(&self, logits: &[f32]) {
        let probabilities = self.activation.probabilities(logits);
        // The first of equal ones, as in a prediction.
        let largest = probabilities.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        if let Some(predicted) = probabilities.iter().position(|&probability| probability == largest) {
            self.predictions[predicted].inc();
        }
        for (histogram, probability) in self.probabilities.iter().zip(probabilities) {
            histogram.observe(f64::from(probability));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn metrics_of(activation: Activation, logits: &[f32]) -> String {
        let metrics = Metrics::new();
        let labels = ["up".to_owned(), "down".to_owned()];
        let predictions = PredictionMetrics::new(&metrics, "m", &labels, activation);
        predictions.count(logits);
        metrics.render()
    }

    fn assert_lines(text: &str, lines: &[&str]) {
        for line in lines {
            assert!(text.lines().any(|found| found == *line), "{line} in {text}");
        }
    }

    #[test]
    fn a_prediction_counts_for_its_label_and_its_probabilities_for_every_label() {
        assert_lines(
            &metrics_of(Activation::Softmax, &[0.0, 1.0]),
            &[
                "finsent_predictions_total{label=\"up\",model=\"m\"} 0",
                "finsent_predictions_total{label=\"down\",model=\"m\"} 1",
                "finsent_label_probability_bucket{label=\"up\",model=\"m\",le=\"0.2\"} 0",
                "finsent_label_probability_bucket{label=\"up\",model=\"m\",le=\"0.3\"} 1",
                "finsent_label_probability_count{label=\"down\",model=\"m\"} 1",
            ],
        );
    }

    #[test]
    fn equal_probabilities_count_for_the_first_label() {
        assert_lines(
            &metrics_of(Activation::Sigmoid, &[1.0, 1.0]),
            &["finsent_predictions_total{label=\"up\",model=\"m\"} 1"],
        );
    }

    #[test]
    fn the_values_of_a_regression_are_no_probabilities() {
        let text = metrics_of(Activation::Identity, &[0.0, 7.0]);
        assert_lines(&text, &["finsent_predictions_total{label=\"down\",model=\"m\"} 1"]);
        assert!(!text.contains("finsent_label_probability_count"), "{text}");
    }
}
