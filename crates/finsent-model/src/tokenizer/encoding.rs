//! The tokens of one text.

/// The token ids of one text.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Encoding {
    /// Ids of the vocabulary, `[CLS]` and `[SEP]` included.
    pub input_ids: Vec<u32>,
    /// The segment of each token; all 0 for a single text.
    pub token_type_ids: Vec<u32>,
    /// Whether the text is longer than the window, so that a part is left out: its end, or its beginning if the
    /// tokenizer's `truncation_side` is `left`.
    pub truncated: bool,
}

impl Encoding {
    /// The number of tokens.
    pub fn len(&self) -> usize {
        self.input_ids.len()
    }

    /// Whether there are no tokens.
    pub fn is_empty(&self) -> bool {
        self.input_ids.is_empty()
    }
}
