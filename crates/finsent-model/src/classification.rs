//! What is asked of a text, what the encoder has to read for it, and what comes of it.

use std::iter;
use std::sync::Arc;

use serde::ser::{Serialize, SerializeStruct, Serializer};

use crate::document::{Aggregate, Document, Sentence, SplitText};
use crate::prediction::Prediction;
use crate::tokenizer::Encoding;

/// What a prediction is about.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Granularity {
    /// The text as one: what is longer than the window is cut.
    #[default]
    Text,
    /// Each of its sentences.
    Sentence,
    /// All of it, by its sentences.
    Document(Aggregate),
}

/// A text as the encoder is to read it.
#[derive(Debug, Clone)]
pub enum EncodedText {
    Whole(Arc<Encoding>),
    Split(SplitText),
}

/// What came of a text.
#[derive(Debug, Clone, PartialEq)]
pub enum Classification {
    /// The prediction of the text.
    Text(Prediction),
    /// Those of its sentences, in order.
    Sentences(Vec<Sentence>),
    /// That of the text as a document.
    Document(Document),
}

impl EncodedText {
    /// What the encoder is to read, in order.
    pub fn encodings(&self) -> Box<dyn Iterator<Item = &Arc<Encoding>> + '_> {
        match self {
            Self::Whole(encoding) => Box::new(iter::once(encoding)),
            Self::Split(text) => Box::new(text.encodings()),
        }
    }

    /// Tokens that the encoder is to read.
    pub fn tokens(&self) -> usize {
        self.encodings().map(|encoding| encoding.len()).sum()
    }

    /// Whether the end of the text is left out.
    pub fn is_truncated(&self) -> bool {
        self.encodings().any(|encoding| encoding.truncated)
    }
}

/// A prediction, a document, or `{"sentences": [..], "windows": n}`, as they are by themselves.
impl Serialize for Classification {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Text(prediction) => prediction.serialize(serializer),
            Self::Document(document) => document.serialize(serializer),
            Self::Sentences(sentences) => {
                let mut out = serializer.serialize_struct("Sentences", 2)?;
                out.serialize_field("sentences", sentences)?;
                out.serialize_field("windows", &sentences.iter().map(Sentence::windows).sum::<usize>())?;
                out.end()
            }
        }
    }
}
