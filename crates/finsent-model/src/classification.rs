//! What to predict for a text, the encodings that it takes, and the result.

use std::iter;
use std::sync::Arc;

use crate::document::{Aggregate, Document, Sentence, SplitText};
use crate::prediction::Prediction;
use crate::tokenizer::Encoding;

/// The unit of prediction.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Granularity {
    /// The text as a whole. Only the first window of a longer text is read.
    #[default]
    Text,
    /// Each sentence of the text.
    Sentence,
    /// All of the text, from the predictions of its sentences.
    Document(Aggregate),
}

/// A tokenized text, ready for the encoder.
#[derive(Debug, Clone)]
pub enum EncodedText {
    /// For [`Granularity::Text`]: one encoding, truncated to the window.
    Text(Arc<Encoding>),
    /// For [`Granularity::Sentence`].
    Sentences(SplitText),
    /// For [`Granularity::Document`].
    Document(SplitText, Aggregate),
}

/// The result of classifying a text, by its [`Granularity`].
#[derive(Debug, Clone, PartialEq)]
pub enum Classification {
    /// The prediction for the text.
    Text(Prediction),
    /// The predictions for its sentences, in order.
    Sentences(Vec<Sentence>),
    /// The prediction for the text as a document.
    Document(Document),
}

impl EncodedText {
    /// The encodings for the encoder, in order; at least one.
    pub fn encodings(&self) -> Box<dyn Iterator<Item = &Arc<Encoding>> + '_> {
        match self {
            Self::Text(encoding) => Box::new(iter::once(encoding)),
            Self::Sentences(text) | Self::Document(text, _) => Box::new(text.encodings()),
        }
    }

    /// The number of tokens of all encodings.
    pub fn tokens(&self) -> usize {
        self.encodings().map(|encoding| encoding.len()).sum()
    }

    /// Whether the end of the text is left out.
    pub fn is_truncated(&self) -> bool {
        self.encodings().any(|encoding| encoding.truncated)
    }
}
