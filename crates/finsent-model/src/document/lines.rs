//! Line breaks: which of them end a sentence, and which only wrap a line.

use std::ops::{Range, RangeInclusive};

use super::words::{is_counter, is_unfinished};

/// A paragraph is wrapped only if its widest line has a width in this range, in characters.
const WRAPPED_WIDTHS: RangeInclusive<usize> = 40..=160;

/// Calls `found` with each block in order, without the white space around it. A block is a run of lines whose line
/// breaks do not end a sentence. A blank line always ends a block.
pub(super) fn blocks(text: &str, cased: bool, mut found: impl FnMut(Range<usize>)) {
    let mut lines = Lines { text, at: 0 };
    while let Some(mut upper) = lines.next_line() {
        if upper.is_blank() {
            continue;
        }
        let width = lines.clone().paragraph_width().max(upper.width());
        let mut block = upper.range();
        while let Some(lower) = lines.next_line().filter(|line| !line.is_blank()) {
            if ends_block(&upper, &lower, width, cased) {
                found(block);
                block = lower.range();
            }
            block.end = lower.end;
            upper = lower;
        }
        found(block);
    }
}

/// Iterates over the lines of `text` from `at`.
#[derive(Clone)]
struct Lines<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Lines<'a> {
    fn next_line(&mut self) -> Option<Line<'a>> {
        let rest = &self.text[self.at..];
        if rest.is_empty() {
            return None;
        }
        let end = rest.find(is_line_break).unwrap_or(rest.len());
        let line = Line::new(self.at, &rest[..end]);
        let line_break =
            if rest[end..].starts_with("\r\n") { 2 } else { rest[end..].chars().next().map_or(0, char::len_utf8) };
        self.at += end + line_break;
        Some(line)
    }

    /// The width of the widest line before the next blank one.
    fn paragraph_width(mut self) -> usize {
        let mut widest = 0;
        while let Some(line) = self.next_line().filter(|line| !line.is_blank()) {
            widest = widest.max(line.width());
        }
        widest
    }
}

pub(super) fn is_line_break(letter: char) -> bool {
    matches!(letter, '\n' | '\r' | '\u{b}' | '\u{c}' | '\u{85}' | '\u{2028}' | '\u{2029}')
}

/// A line without the white space around it. `start` and `end` are offsets in the text.
struct Line<'a> {
    start: usize,
    end: usize,
    text: &'a str,
}

impl<'a> Line<'a> {
    fn new(start: usize, line: &'a str) -> Self {
        let text = line.trim_start();
        let start = start + line.len() - text.len();
        let text = text.trim_end();
        Self { start, end: start + text.len(), text }
    }

    fn range(&self) -> Range<usize> {
        self.start..self.end
    }

    fn is_blank(&self) -> bool {
        self.text.is_empty()
    }

    fn width(&self) -> usize {
        self.text.chars().count()
    }

    fn words(&self) -> impl Iterator<Item = &'a str> {
        self.text.split_whitespace()
    }

    /// Whether the line is a row of a table: cells between tabs, vertical bars or runs of spaces.
    fn is_row(&self) -> bool {
        let spaced = self.text.find("   ").is_some_and(|at| !self.text[..at].ends_with(['.', '!', '?', ':']));
        spaced || self.text.contains('\t') || self.text.bytes().filter(|&byte| byte == b'|').nth(1).is_some()
    }

    /// Whether the line is a heading in title case: no long word begins with a lower-case letter.
    fn is_title(&self) -> bool {
        let is_small = |word: &str| word.chars().count() > 3 && word.starts_with(char::is_lowercase);
        self.words().nth(1).is_some() && !self.words().any(is_small) && !self.text.ends_with(['.', '!', '?'])
    }

    /// Whether the sentence continues after this line of a paragraph of this width.
    fn is_open(&self, width: usize) -> bool {
        let is_unfinished = self.text.rsplit(char::is_whitespace).next().is_some_and(is_unfinished);
        (is_unfinished && width <= *WRAPPED_WIDTHS.end()) || self.text.ends_with([',', '&', '-', '(', '/'])
    }

    fn begins_lower_case(&self) -> bool {
        let word = self.text.trim_start_matches(|letter: char| !letter.is_alphanumeric());
        word.starts_with(char::is_lowercase)
    }
}

/// Whether the line break between `upper` and `lower` ends a sentence.
fn ends_block(upper: &Line<'_>, lower: &Line<'_>, width: usize, cased: bool) -> bool {
    if upper.is_row() || lower.is_row() {
        return true;
    }
    let is_wrapped = WRAPPED_WIDTHS.contains(&width) && {
        let first_word = lower.words().next().map_or(0, |word| word.chars().count());
        upper.width() + 1 + first_word > width
    };
    match item(lower.text) {
        Some(Item::Certain) => true,
        Some(Item::Number) if !is_wrapped => true,
        _ if upper.is_open(width) || (cased && lower.begins_lower_case()) => false,
        _ => !is_wrapped || (upper.is_title() && !lower.is_title()),
    }
}

/// The beginning of a list item.
enum Item {
    Certain,
    /// A number and a full stop, such as `31. `, may also be the wrapped end of a sentence.
    Number,
}

pub(super) fn is_bullet(letter: char) -> bool {
    matches!(letter, '•' | '▪' | '●' | '‣' | '◦' | '■' | '□' | '➢' | '✓')
}

fn item(line: &str) -> Option<Item> {
    let word = line.split_whitespace().next()?;
    if line.starts_with(is_bullet)
        || matches!(word, "-" | "–" | "—" | "*" | "·" | "o" | "+")
        || word.bytes().all(|byte| byte == b'#')
    {
        return Some(Item::Certain);
    }
    if let Some(counter) = word.strip_suffix(')') {
        return is_counter(counter.strip_prefix('(').unwrap_or(counter)).then_some(Item::Certain);
    }
    word.strip_suffix('.').filter(|counter| is_counter(counter)).map(|_| Item::Number)
}
