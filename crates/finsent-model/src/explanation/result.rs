//! The explanation of a prediction.

use std::ops::Range;

use super::method::ExplainMethod;

/// How much the words of a text, and the sentences of a document, add to the probability of a label.
#[derive(Debug, Clone, PartialEq)]
pub struct Explanation {
    pub(super) label: String,
    pub(super) method: ExplainMethod,
    pub(super) score: f32,
    pub(super) base: f32,
    pub(super) words: Vec<ExplainedPart>,
    pub(super) sentences: Option<Vec<ExplainedPart>>,
    pub(super) passes: usize,
    pub(super) standard_error: Option<f32>,
}

/// A word or a sentence, and its weight.
#[derive(Debug, Clone, PartialEq)]
pub struct ExplainedPart {
    pub(super) bytes: Range<usize>,
    pub(super) text: String,
    pub(super) weight: f32,
}

impl Explanation {
    /// The label whose probability is explained.
    pub fn label(&self) -> &str {
        &self.label
    }

    /// How the weights were computed.
    pub fn method(&self) -> ExplainMethod {
        self.method
    }

    /// The probability of the label for the text.
    pub fn score(&self) -> f32 {
        self.score
    }

    /// The probability of the label for the empty text.
    pub fn base(&self) -> f32 {
        self.base
    }

    /// The words, in the order of the text. Those of a document are of its strongest sentences, and their weights are parts
    /// of the sentences' weights.
    pub fn words(&self) -> &[ExplainedPart] {
        &self.words
    }

    /// The sentences of a document, in order; `None` for a text that was read as a whole.
    pub fn sentences(&self) -> Option<&[ExplainedPart]> {
        self.sentences.as_deref()
    }

    /// The token sequences that the model read for it.
    pub fn passes(&self) -> usize {
        self.passes
    }

    /// The largest standard error of the words' weights; `None` if they are exact.
    pub fn standard_error(&self) -> Option<f32> {
        self.standard_error
    }
}

impl ExplainedPart {
    /// Its bytes in the text.
    pub fn bytes(&self) -> Range<usize> {
        self.bytes.clone()
    }

    /// The word or the sentence.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// What it adds to the probability of the label, -1 to 1. With [`ExplainMethod::Shapley`] all weights add up to
    /// [`score`](Explanation::score) - [`base`](Explanation::base).
    pub fn weight(&self) -> f32 {
        self.weight
    }
}
