//! How the texts of a run are read by the model.

use finsent_model::{ClassifyError, EncodedText, Granularity, Pipeline, Text};
use finsent_table::ItemError;

/// How texts are read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct TextOptions {
    /// What a prediction is about.
    pub granularity: Granularity,
    /// Whether HTML entities are decoded, and tags left out.
    pub unescape_html: bool,
}

impl From<Granularity> for TextOptions {
    fn from(granularity: Granularity) -> Self {
        Self { granularity, unescape_html: false }
    }
}

impl TextOptions {
    /// The tokens of a text.
    pub(crate) fn encode(self, text: &Text, pipeline: &Pipeline) -> Result<EncodedText, ItemError> {
        let plain = if self.unescape_html { text.unescape_html()? } else { None };
        let encoded = pipeline.encode_text(plain.as_ref().unwrap_or(text), self.granularity, usize::MAX);
        Ok(encoded.map_err(ClassifyError::from)?)
    }
}
