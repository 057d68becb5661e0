//! A text that can be classified.

use thiserror::Error;

/// A text that is not blank and at most [`Text::MAX_BYTES`] long.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Text(String);

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
        Ok(Self(text))
    }

    /// The unchanged text.
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
    fn a_text_over_the_limit_is_an_error_with_its_size() {
        let bytes = Text::MAX_BYTES + 1;
        let refused = Err(TextError::TooLarge { bytes, limit: Text::MAX_BYTES });
        assert_eq!(Text::parse("a".repeat(bytes)), refused);
    }
}
