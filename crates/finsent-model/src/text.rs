//! A text that can be classified.

use std::ops::Range;

use thiserror::Error;

use crate::html::{Offsets, unescape};

/// A text that is not blank and at most [`Text::MAX_BYTES`] long.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Text {
    text: String,
    /// Where its parts were before HTML was left out, if any was.
    offsets: Option<Box<Offsets>>,
}

/// Why a string is not a [`Text`].
#[derive(Debug, Clone, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum TextError {
    /// It is empty or only white space.
    #[error("the text is empty")]
    Blank,
    /// It is longer than [`Text::MAX_BYTES`], or than a smaller limit.
    #[error("the text has {bytes} bytes; the limit is {limit}")]
    TooLarge {
        /// The length of the string.
        bytes: usize,
        /// The limit.
        limit: usize,
    },
}

impl Text {
    /// The most bytes of a text: 32 MiB, far more than any model reads. The limit bounds memory.
    pub const MAX_BYTES: usize = 32 << 20;

    /// Checks `text` and keeps it as it is.
    ///
    /// # Errors
    /// [`TextError`] if it is blank or too large.
    pub fn parse(text: impl Into<String>) -> Result<Self, TextError> {
        let text = text.into();
        let (bytes, limit) = (text.len(), Self::MAX_BYTES);
        if bytes > limit {
            return Err(TextError::TooLarge { bytes, limit });
        }
        if text.trim().is_empty() {
            return Err(TextError::Blank);
        }
        Ok(Self { text, offsets: None })
    }

    /// The text with HTML entities decoded and tags left out; `None` if it has neither. The sentences of such a text have the
    /// offsets of the text that it was made from. What is escaped twice, as in many feeds, is decoded twice.
    ///
    /// # Errors
    /// [`TextError::Blank`] if nothing is left.
    pub fn unescape_html(&self) -> Result<Option<Self>, TextError> {
        let Some((plain, offsets)) = unescape(&self.text) else { return Ok(None) };
        Ok(Some(Self { offsets: Some(Box::new(offsets)), ..Self::parse(plain)? }))
    }

    /// The range in the text as it was given for a range in [`as_str`](Self::as_str).
    pub(crate) fn source_range(&self, range: Range<usize>) -> Range<usize> {
        self.offsets.as_ref().map_or(range.clone(), |offsets| offsets.source(range))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn white_space_of_any_kind_is_blank() {
        for blank in ["", " ", "\t\r\n", "\u{a0}\u{3000}\u{2028}"] {
            assert_eq!(Text::parse(blank), Err(TextError::Blank), "{blank:?}");
        }
    }

    #[test]
    fn a_text_keeps_its_bytes() {
        let given = " Löhne\0 steigen ";
        assert_eq!(Text::parse(given).unwrap().as_str(), given);
    }

    #[test]
    fn a_text_of_nothing_but_tags_is_blank() {
        assert_eq!(Text::parse("<p> &nbsp; </p>").unwrap().unescape_html(), Err(TextError::Blank));
        assert_eq!(Text::parse("a < b").unwrap().unescape_html(), Ok(None));
    }

    #[test]
    fn a_text_over_the_limit_is_an_error_with_its_size() {
        let bytes = Text::MAX_BYTES + 1;
        let refused = Err(TextError::TooLarge { bytes, limit: Text::MAX_BYTES });
        assert_eq!(Text::parse("a".repeat(bytes)), refused);
    }
}
