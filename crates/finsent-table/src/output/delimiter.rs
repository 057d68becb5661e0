//! What separates the values of an output.

use std::io::Write;

use csv::QuoteStyle;

/// What separates the values of an output.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Delimiter {
    /// As in CSV.
    Comma,
    /// As in TSV.
    Tab,
}

impl Delimiter {
    /// A writer of records, which quotes the values that need it.
    pub fn records<W: Write>(self, out: W) -> csv::Writer<W> {
        csv::WriterBuilder::new().delimiter(self.byte()).from_writer(out)
    }

    /// A writer of the header. That of tab-separated values is quoted: programs take quotes between tabs for a part of the
    /// values unless the first ones show that they are not.
    pub fn header<W: Write>(self, out: W) -> csv::Writer<W> {
        let style = if self == Self::Tab { QuoteStyle::Always } else { QuoteStyle::Necessary };
        csv::WriterBuilder::new().delimiter(self.byte()).quote_style(style).from_writer(out)
    }

    fn byte(self) -> u8 {
        match self {
            Self::Comma => b',',
            Self::Tab => b'\t',
        }
    }
}
