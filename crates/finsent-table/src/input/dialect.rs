//! The dialect of separated values: what separates, quotes and escapes, and whether the first line has the names.

use crate::error::TableError;

/// What separates the values of a file by its name.
pub(super) const COMMA: u8 = b',';
pub(super) const TAB: u8 = b'\t';

/// The dialect of a file of separated values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Dialect {
    pub(super) delimiter: u8,
    /// `None` if quotes are part of the values.
    pub(super) quote: Option<u8>,
    /// What stands before a quote inside a quoted value, besides a second quote.
    pub(super) escape: Option<u8>,
    pub(super) has_header: bool,
}

/// What the user says of the dialect; the rest is settled on the first rows.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct DialectChoice {
    /// What separates the values, an ASCII character.
    pub delimiter: Option<u8>,
    /// How values are quoted.
    pub quote: Option<Quote>,
    /// What stands before a quote inside a quoted value.
    pub escape: Option<u8>,
    /// Whether the first line is data.
    pub no_header: bool,
}

/// How values are quoted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Quote {
    /// They are not: quotes are part of them.
    None,
    /// With this ASCII character.
    With(u8),
}

impl DialectChoice {
    /// Checks that what is said can be true at once.
    ///
    /// # Errors
    /// [`TableError::SameCharacter`] or [`TableError::EscapeWithoutQuotes`].
    pub fn check(&self) -> Result<(), TableError> {
        let quote = self.quote.and_then(Quote::byte);
        let same = |one: Option<u8>, other: Option<u8>, meanings| match (one, other) {
            (Some(one), Some(other)) if one == other => {
                Err(TableError::SameCharacter { character: char::from(one), meanings })
            }
            _ => Ok(()),
        };
        same(self.delimiter, quote, ["the delimiter", "the quote"])?;
        same(self.delimiter, self.escape, ["the delimiter", "the escape"])?;
        match (self.quote, self.escape) {
            (Some(Quote::None), Some(_)) => Err(TableError::EscapeWithoutQuotes),
            _ => Ok(()),
        }
    }
}

impl Quote {
    pub(super) fn byte(self) -> Option<u8> {
        match self {
            Self::None => None,
            Self::With(byte) => Some(byte),
        }
    }
}

impl Dialect {
    /// The dialect that most files with this delimiter have.
    pub(super) fn plain(delimiter: u8) -> Self {
        Self { delimiter, quote: (delimiter != TAB).then_some(b'"'), escape: None, has_header: true }
    }

    /// A reader of records, the header among them.
    pub(super) fn reader(self) -> csv::ReaderBuilder {
        let mut builder = csv::ReaderBuilder::new();
        builder.delimiter(self.delimiter).flexible(true).has_headers(false).escape(self.escape);
        match self.quote {
            Some(quote) => builder.quote(quote),
            None => builder.quoting(false),
        };
        builder
    }

    /// How the dialect differs from the plain one with the delimiter `expected`; empty if it does not.
    pub(super) fn describe(self, expected: u8) -> Vec<String> {
        let plain = Self::plain(expected);
        let mut words = Vec::new();
        if self.delimiter != plain.delimiter {
            words.push(format!("{}-separated", name(self.delimiter)));
        }
        match self.quote {
            quote if quote == Self::plain(self.delimiter).quote => (),
            None => words.push("not quoted".into()),
            Some(quote) => words.push(format!("quoted with {}", char::from(quote))),
        }
        words.extend(self.escape.map(|escape| format!("quotes escaped with {}", char::from(escape))));
        if !self.has_header {
            words.push("no header".into());
        }
        words
    }
}

/// The name of a delimiter.
pub(super) fn name(delimiter: u8) -> String {
    match delimiter {
        COMMA => "comma".into(),
        TAB => "tab".into(),
        b';' => "semicolon".into(),
        b'|' => "pipe".into(),
        b' ' => "space".into(),
        byte if byte.is_ascii_graphic() => format!("{:?}", char::from(byte)),
        byte => format!("\\x{byte:02x}"),
    }
}
