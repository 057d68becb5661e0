//! A sentence of a text.

use std::ops::Range;
use std::sync::Arc;

use super::mean::mean;
use crate::labels::LabelMap;
use crate::prediction::Prediction;

/// A sentence and its prediction.
#[derive(Debug, Clone, PartialEq)]
pub struct Sentence {
    bytes: Range<usize>,
    text: String,
    prediction: Prediction,
    windows: usize,
}

impl Sentence {
    /// Aggregates a sentence. `bytes` is the range of `text` in its document, `windows` has the probabilities and the
    /// number of tokens of each window, `tokens` is the number of tokens of the sentence, each counted once.
    ///
    /// # Panics
    /// If there is no window with tokens.
    pub fn new(
        bytes: Range<usize>,
        text: String,
        labels: &Arc<LabelMap>,
        windows: &[(Vec<f32>, usize)],
        tokens: usize,
    ) -> Self {
        let weighted = windows.iter().map(|(probabilities, tokens)| (probabilities.as_slice(), *tokens));
        let prediction = Prediction::new(Arc::clone(labels), mean(weighted), tokens, false);
        Self { bytes, text, prediction, windows: windows.len() }
    }

    /// The byte range of the sentence in its document.
    pub fn bytes(&self) -> Range<usize> {
        self.bytes.clone()
    }

    /// The sentence, unchanged.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The prediction: the mean of its windows, weighted by their tokens. It is never truncated.
    pub fn prediction(&self) -> &Prediction {
        &self.prediction
    }

    /// The number of windows in which the sentence was read; 1 unless it is longer than the model's window.
    pub fn windows(&self) -> usize {
        self.windows
    }
}
