//! A text split into sentences, and each sentence into windows for the encoder.

use std::ops::Range;
use std::sync::Arc;

use super::sentence::Sentence;
use super::sentences::sentences;
use crate::activation::Activation;
use crate::labels::LabelMap;
use crate::text::Text;
use crate::tokenizer::{Encoding, Tokenizer, TokenizerError};

/// A text split into sentences, each tokenized in windows.
#[derive(Debug, Clone)]
pub struct SplitText {
    sentences: Vec<SplitSentence>,
}

#[derive(Debug, Clone)]
struct SplitSentence {
    bytes: Range<usize>,
    text: String,
    tokens: usize,
    windows: Vec<Arc<Encoding>>,
}

impl SplitText {
    /// Splits and tokenizes all of `text`.
    ///
    /// # Errors
    /// [`TokenizerError`] if a sentence has no tokens, or all sentences have more than `max_tokens` in all.
    pub(crate) fn new(text: &Text, tokenizer: &Tokenizer, max_tokens: usize) -> Result<Self, TokenizerError> {
        let (source, text) = (text, text.as_str());
        let mut tokens = 0;
        let split = |bytes: Range<usize>| {
            let windows = tokenizer.windows(&text[bytes.clone()])?;
            tokens += windows.tokens;
            if tokens > max_tokens {
                return Err(TokenizerError::TooManyTokens { limit: max_tokens });
            }
            Ok(SplitSentence {
                text: text[bytes.clone()].to_owned(),
                bytes: source.source_range(bytes),
                tokens: windows.tokens,
                windows: windows.encodings.into_iter().map(Arc::new).collect(),
            })
        };
        Ok(Self { sentences: sentences(text).into_iter().map(split).collect::<Result<_, TokenizerError>>()? })
    }

    /// The windows of all sentences, in order.
    pub fn encodings(&self) -> impl Iterator<Item = &Arc<Encoding>> {
        self.sentences.iter().flat_map(|sentence| &sentence.windows)
    }

    /// The sentences with their predictions. `logits` are those of each window, in the order of
    /// [`SplitText::encodings`].
    ///
    /// # Panics
    /// If there is not one row of logits per window.
    pub(crate) fn into_sentences(
        self,
        logits: &[impl AsRef<[f32]>],
        activation: Activation,
        labels: &Arc<LabelMap>,
    ) -> Vec<Sentence> {
        assert_eq!(logits.len(), self.encodings().count(), "one row of logits per window");
        let mut logits = logits.iter();
        let predict = |sentence: SplitSentence| {
            let row = |(encoding, logits): (&Arc<Encoding>, _)| {
                let logits: &[f32] = AsRef::as_ref(logits);
                (activation.probabilities(logits), encoding.len())
            };
            let windows: Vec<_> = sentence.windows.iter().zip(logits.by_ref()).map(row).collect();
            Sentence::new(sentence.bytes, sentence.text, labels, &windows, sentence.tokens)
        };
        self.sentences.into_iter().map(predict).collect()
    }
}
