//! What each sentence adds to the probability of a document, which is a weighted mean over its sentences.

use super::method::ExplainMethod;
use crate::document::{Aggregate, Sentence};

/// The sentences of a document, as far as the probability of one label is concerned.
#[derive(Debug)]
pub(super) struct SentenceGame {
    /// The probability of the label for each sentence.
    probabilities: Vec<f64>,
    /// The share of each sentence in the mean; they add up to 1.
    shares: Vec<f64>,
    /// What the shares are if the only sentence that counts is left out: those of all by their tokens.
    fallback: Vec<f64>,
}

impl SentenceGame {
    pub(super) fn new(sentences: &[Sentence], aggregate: Aggregate, label: usize) -> Self {
        let probability = |sentence: &Sentence| f64::from(sentence.prediction().probabilities()[label]);
        Self {
            probabilities: sentences.iter().map(probability).collect(),
            shares: shares(&aggregate.weights(sentences)),
            fallback: shares(&Aggregate::TokenWeighted.weights(sentences)),
        }
    }

    /// The share of a sentence in the mean.
    pub(super) fn share(&self, sentence: usize) -> f64 {
        self.shares[sentence]
    }

    /// The probability of the label for a sentence.
    pub(super) fn probability(&self, sentence: usize) -> f64 {
        self.probabilities[sentence]
    }

    /// The weight of each sentence; `base` is the probability for the empty text.
    ///
    /// Occlusion leaves out the sentence, and takes the mean of the others. For the Shapley value, a sentence that is left out
    /// reads as an empty one and keeps its share. Then the sentences do not interact, and the value is the difference.
    pub(super) fn weights(&self, method: ExplainMethod, base: f64) -> Vec<f64> {
        let sentences = 0..self.shares.len();
        match method {
            ExplainMethod::Shapley => {
                sentences.map(|sentence| self.shares[sentence] * (self.probabilities[sentence] - base)).collect()
            }
            ExplainMethod::Occlusion => {
                let all = self.mean(&self.shares);
                sentences.map(|sentence| all - self.without(sentence, all, base)).collect()
            }
        }
    }

    /// The mean without a sentence. `all` is the one with it.
    fn without(&self, sentence: usize, all: f64, base: f64) -> f64 {
        let rest_of = |shares: &[f64], mean: f64| {
            let rest = 1.0 - shares[sentence];
            // Shares are quotients of whole numbers, so what is left of 1 is either nothing or far more than an error.
            (rest > 1e-12).then(|| (mean - shares[sentence] * self.probabilities[sentence]) / rest)
        };
        let fallback = || rest_of(&self.fallback, self.mean(&self.fallback));
        rest_of(&self.shares, all).or_else(fallback).unwrap_or(base)
    }

    fn mean(&self, shares: &[f64]) -> f64 {
        shares.iter().zip(&self.probabilities).map(|(share, probability)| share * probability).sum()
    }
}

fn shares(weights: &[usize]) -> Vec<f64> {
    let total: usize = weights.iter().sum();
    weights.iter().map(|&weight| weight as f64 / total as f64).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::sync::Arc;

    use super::*;
    use crate::document::Document;
    use crate::labels::LabelMap;

    fn labels() -> Arc<LabelMap> {
        let names = ["positive", "negative", "neutral"];
        let names: BTreeMap<_, _> =
            names.iter().enumerate().map(|(id, name)| (id.to_string(), name.to_string())).collect();
        Arc::new(LabelMap::new(Some(&names), 3, &BTreeMap::new()).unwrap())
    }

    fn sentence([positive, negative, neutral]: [f32; 3], tokens: usize) -> Sentence {
        Sentence::new(0..1, "a".into(), &labels(), &[(vec![positive, negative, neutral], tokens)], tokens)
    }

    fn sentences() -> Vec<Sentence> {
        vec![sentence([0.7, 0.1, 0.2], 10), sentence([0.1, 0.2, 0.7], 30), sentence([0.2, 0.1, 0.7], 7)]
    }

    fn probability(sentences: Vec<Sentence>, aggregate: Aggregate) -> f64 {
        f64::from(Document::new(sentences, &labels(), aggregate).unwrap().prediction().probabilities()[0])
    }

    #[test]
    fn occlusion_is_the_difference_to_the_document_without_the_sentence() {
        for aggregate in [Aggregate::TokenWeighted, Aggregate::Mean, Aggregate::Polar] {
            let weights = SentenceGame::new(&sentences(), aggregate, 0).weights(ExplainMethod::Occlusion, 0.3);
            for (left_out, weight) in weights.into_iter().enumerate() {
                let mut rest = sentences();
                rest.remove(left_out);
                let expected = probability(sentences(), aggregate) - probability(rest, aggregate);
                assert!((weight - expected).abs() < 1e-6, "{aggregate:?} {left_out}: {weight} {expected}");
            }
        }
        let one = SentenceGame::new(&sentences()[..1], Aggregate::Polar, 0).weights(ExplainMethod::Occlusion, 0.25);
        assert!((one[0] - 0.45).abs() < 1e-6, "{one:?}");
    }

    #[test]
    fn shapley_values_of_sentences_add_up_to_the_score_minus_the_base() {
        for aggregate in [Aggregate::TokenWeighted, Aggregate::Mean, Aggregate::Polar] {
            let sum: f64 =
                SentenceGame::new(&sentences(), aggregate, 0).weights(ExplainMethod::Shapley, 0.3).iter().sum();
            assert!((sum - (probability(sentences(), aggregate) - 0.3)).abs() < 1e-6, "{aggregate:?}");
        }
    }
}
