//! A text that is fit to be classified.

use thiserror::Error;

/// A text that is not blank and not larger than [`Text::MAX_BYTES`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Text(String);

/// Why a string is no [`Text`].
#[derive(Debug, Clone, Error, PartialEq, Eq)]
pub enum TextError {
    /// Nothing, or white space only.
    #[error("the text is empty")]
    Blank,
    /// Longer than [`Text::MAX_BYTES`], or than a smaller limit.
    #[error("the text has {bytes} bytes; the limit is {limit}")]
    TooLarge {
        /// Length of the refused string.
        bytes: usize,
        /// The limit.
        limit: usize,
    },
}

impl Text {
    /// Largest text in bytes. Far more than any model reads; it bounds memory.
    pub const MAX_BYTES: usize = 32 << 20;

    /// Checks `text`.
    ///
    /// # Errors
    /// [`TextError`] when it is blank or too large.
    pub fn parse(text: impl Into<String>) -> Result<Self, TextError> {
        let text = text.into();
        let (bytes, limit) = (text.len(), Self::MAX_BYTES);
        if bytes > limit {
            return Err(TextError::TooLarge { bytes, limit });
        }
        if text.trim().is_empty() {
            return Err(TextError::Blank);
        }
        Ok(Self(text))
    }

    /// The text as it was given.
    pub fn as_str(&self) -> &str {
        &self.0
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
    fn a_text_over_the_limit_is_refused_with_its_size() {
        let bytes = Text::MAX_BYTES + 1;
        let refused = Err(TextError::TooLarge { bytes, limit: Text::MAX_BYTES });
        assert_eq!(Text::parse("a".repeat(bytes)), refused);
    }
}
