//! How the values of a sample are quoted, if they are.

use crate::input::dialect::{DialectChoice, Quote, TAB};
use crate::input::sample::Sample;

/// The quotes of a sample, read with one delimiter, quote and escape.
#[derive(Debug, Default)]
struct Marks {
    /// Values that begin with a quote.
    opened: usize,
    /// Closing quotes that something other than a delimiter or a line end follows.
    stray: usize,
    /// Values without a closing quote.
    unclosed: usize,
    /// Values that go over a line end and hold a delimiter after it.
    with_rows: usize,
    /// The line of the first value that goes over a line end to a stray quote.
    swallows: Option<u64>,
}

impl Marks {
    fn is_clean(&self) -> bool {
        self.opened > 0 && self.stray == 0 && self.unclosed == 0
    }
}

/// How values are quoted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Quoting {
    pub(super) quote: Option<u8>,
    pub(super) escape: Option<u8>,
    /// The line in which a quoted value starts that seems to have swallowed rows.
    pub(super) swallows: Option<u64>,
    /// Whether values begin with quotes that are read as a part of them.
    pub(super) ignores_quotes: bool,
}

/// Settles how the values are quoted if this separates them.
pub(super) fn settle(sample: &Sample, delimiter: u8, choice: &DialectChoice) -> Quoting {
    let marks = |quote, escape| scan(sample, delimiter, quote, escape);
    match choice.quote.map(Quote::byte) {
        Some(None) => return Quoting::default(),
        Some(Some(quote)) => return Quoting { swallows: None, ..with_escape(quote, choice, marks) },
        None => (),
    }
    let quoted = with_escape(b'"', choice, marks);
    let of_quoted = marks(b'"', quoted.escape);
    if delimiter == TAB && choice.escape.is_none() {
        // Posts have quotes of their own, and programs that write tabs seldom quote.
        let is_quoted = of_quoted.is_clean() && (of_quoted.with_rows == 0 || has_quoted_header(sample));
        return if is_quoted { quoted } else { Quoting { ignores_quotes: of_quoted.opened > 0, ..Quoting::default() } };
    }
    let apostrophes = marks(b'\'', choice.escape);
    let lines = sample.lines().filter(|line| !line.is_empty()).count();
    if of_quoted.opened == 0 && apostrophes.is_clean() && apostrophes.opened >= 2 && apostrophes.opened * 2 >= lines {
        return Quoting { quote: Some(b'\''), escape: choice.escape, ..Quoting::default() };
    }
    quoted
}

/// Whether all values of the first line are quoted, as programs do that quote where it is needed.
fn has_quoted_header(sample: &Sample) -> bool {
    let is_quoted = |name: &[u8]| name.len() >= 2 && name.starts_with(b"\"") && name.ends_with(b"\"");
    sample.lines().next().is_some_and(|line| line.split(|&byte| byte == TAB).all(is_quoted))
}

/// The escape of quotes in quoted values: the user's, or a backslash if only that makes sense of them.
fn with_escape(quote: u8, choice: &DialectChoice, marks: impl Fn(u8, Option<u8>) -> Marks) -> Quoting {
    // A quote before a quote is understood anyway.
    let chosen = choice.escape.filter(|&escape| escape != quote);
    let plain = marks(quote, chosen);
    let is_backslash = choice.escape.is_none() && plain.stray > 0 && marks(quote, Some(b'\\')).is_clean();
    let escape = if is_backslash { Some(b'\\') } else { chosen };
    let swallows = if is_backslash { None } else { plain.swallows };
    Quoting { quote: Some(quote), escape, swallows, ignores_quotes: false }
}

fn scan(sample: &Sample, delimiter: u8, quote: u8, escape: Option<u8>) -> Marks {
    let bytes = &sample.bytes[..];
    let (mut marks, mut line, mut at, mut is_start) = (Marks::default(), 1, 0, true);
    while let Some(&byte) = bytes.get(at) {
        if is_start && byte == quote {
            marks.opened += 1;
            let value = quoted(&bytes[at + 1..], delimiter, quote, escape);
            at += 1 + value.length;
            match value.end {
                End::Closed => (),
                End::Stray => {
                    marks.stray += 1;
                    if value.lines > 0 {
                        marks.swallows.get_or_insert(line);
                    }
                }
                End::Missing => marks.unclosed += usize::from(sample.is_whole),
            }
            marks.with_rows += usize::from(value.has_row);
            line += value.lines;
            is_start = false;
            continue;
        }
        line += u64::from(byte == b'\n');
        is_start = byte == delimiter || byte == b'\n' || byte == b'\r';
        at += 1;
    }
    marks
}

enum End {
    Closed,
    Stray,
    Missing,
}

/// A quoted value.
struct Quoted {
    /// Bytes after the opening quote, the closing one among them.
    length: usize,
    end: End,
    /// Line ends in it.
    lines: u64,
    /// Whether it holds a delimiter after a line end.
    has_row: bool,
}

fn quoted(bytes: &[u8], delimiter: u8, quote: u8, escape: Option<u8>) -> Quoted {
    let (mut at, mut lines, mut has_row) = (0, 0, false);
    while let Some(&byte) = bytes.get(at) {
        if byte == quote && bytes.get(at + 1) != Some(&quote) {
            let is_end = |next: &u8| *next == delimiter || matches!(next, b'\n' | b'\r');
            let end = if bytes.get(at + 1).is_none_or(is_end) { End::Closed } else { End::Stray };
            return Quoted { length: at + 1, end, lines, has_row };
        }
        lines += u64::from(byte == b'\n');
        has_row |= lines > 0 && byte == delimiter;
        at += if byte == quote || Some(byte) == escape { 2 } else { 1 };
    }
    Quoted { length: at, end: End::Missing, lines, has_row }
}
