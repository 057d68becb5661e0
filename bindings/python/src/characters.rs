//! Places in a text as Python counts them: in characters, not in bytes.

use std::ops::Range;

/// Turns byte offsets into a text into offsets of characters. Those that come in order cost one pass over the text.
pub(crate) struct Characters<'a> {
    text: &'a str,
    bytes: usize,
    characters: usize,
}

impl<'a> Characters<'a> {
    pub(crate) fn of(text: &'a str) -> Self {
        Self { text, bytes: 0, characters: 0 }
    }

    pub(crate) fn range(&mut self, bytes: Range<usize>) -> Range<usize> {
        self.offset(bytes.start)..self.offset(bytes.end)
    }

    fn offset(&mut self, bytes: usize) -> usize {
        if bytes < self.bytes {
            *self = Self::of(self.text);
        }
        self.characters += self.text[self.bytes..bytes].chars().count();
        self.bytes = bytes;
        self.characters
    }
}
