//! The prediction: the labels of a text with their probabilities.

use std::sync::Arc;

use crate::labels::LabelMap;

/// The prediction for one text, sentence or document.
#[derive(Debug, Clone, PartialEq)]
pub struct Prediction {
    labels: Arc<LabelMap>,
    probabilities: Vec<f32>,
    tokens: usize,
    truncated: bool,
}

impl Prediction {
    /// A prediction over `labels`; `probabilities` are in the order of the labels.
    ///
    /// # Panics
    /// If there is not one probability per label.
    pub fn new(labels: Arc<LabelMap>, probabilities: Vec<f32>, tokens: usize, truncated: bool) -> Self {
        assert_eq!(labels.labels().len(), probabilities.len(), "one probability per label");
        Self { labels, probabilities, tokens, truncated }
    }

    /// The probabilities, 0 to 1, in the order of the labels.
    pub fn probabilities(&self) -> &[f32] {
        &self.probabilities
    }

    /// The id of [`Prediction::label`].
    pub fn label_id(&self) -> usize {
        largest(&self.probabilities)
    }

    /// The label with the largest probability; the first one if several are equal.
    pub fn label(&self) -> &str {
        &self.labels.labels()[self.label_id()]
    }

    /// The probability of [`Prediction::label`].
    pub fn score(&self) -> f32 {
        self.probabilities[self.label_id()]
    }

    /// The largest probability minus the second largest; 1 if the model has only one label.
    pub fn margin(&self) -> f32 {
        margin(&self.probabilities)
    }

    /// Each label with its probability, in the order of the logits.
    pub fn scores(&self) -> impl ExactSizeIterator<Item = (&str, f32)> {
        self.labels.labels().iter().map(String::as_str).zip(self.probabilities.iter().copied())
    }

    /// P(positive) - P(negative), -1 to 1. `None` unless [`LabelMap::has_sentiment_score`].
    pub fn sentiment_score(&self) -> Option<f32> {
        let [positive, negative] = self.labels.sentiment_ids()?;
        Some(self.probabilities[positive] - self.probabilities[negative])
    }

    /// The ids of the positive and the negative label, if there is a sentiment score.
    pub(crate) fn sentiment_ids(&self) -> Option<[usize; 2]> {
        self.labels.sentiment_ids()
    }

    /// The number of tokens that the model read, `[CLS]` and `[SEP]` included.
    pub fn tokens(&self) -> usize {
        self.tokens
    }

    /// Whether the text was longer than the model's window, so that its end was not read.
    pub fn truncated(&self) -> bool {
        self.truncated
    }
}

/// The index of the largest probability; the first one if several are equal.
fn largest(probabilities: &[f32]) -> usize {
    (1..probabilities.len()).fold(0, |best, id| if probabilities[id] > probabilities[best] { id } else { best })
}

/// See [`Prediction::margin`].
pub(crate) fn margin(probabilities: &[f32]) -> f32 {
    let best = largest(probabilities);
    let others = probabilities.iter().enumerate().filter(|&(id, _)| id != best).map(|(_, &p)| p);
    others.reduce(f32::max).map_or(1.0, |second| probabilities[best] - second)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn prediction(labels: &[&str], probabilities: &[f32]) -> Prediction {
        let id2label = labels.iter().enumerate().map(|(id, label)| (id.to_string(), label.to_string())).collect();
        let labels = LabelMap::new(Some(&id2label), labels.len(), &BTreeMap::new()).unwrap();
        Prediction::new(Arc::new(labels), probabilities.into(), 3, false)
    }

    #[test]
    fn the_label_is_the_first_of_the_largest_probabilities() {
        let prediction = prediction(&["a", "b", "c"], &[0.25, 0.375, 0.375]);
        assert_eq!((prediction.label(), prediction.score(), prediction.margin()), ("b", 0.375, 0.0));
    }

    #[test]
    fn the_margin_of_a_single_label_is_1() {
        assert_eq!(prediction(&["a"], &[0.3]).margin(), 1.0);
        assert_eq!(prediction(&["a", "b"], &[0.25, 0.75]).margin(), 0.5);
    }

    #[test]
    fn the_sentiment_score_is_positive_minus_negative_or_absent() {
        assert_eq!(prediction(&["Positive", "NEGATIVE"], &[0.25, 0.75]).sentiment_score(), Some(-0.5));
        assert_eq!(prediction(&["bearish", "bullish"], &[0.25, 0.75]).sentiment_score(), Some(0.5));
        assert_eq!(prediction(&["positive", "other"], &[0.25, 0.75]).sentiment_score(), None);
    }
}
