//! Splits a text into sentences.
//!
//! First the text is split at line breaks (`lines`), then each block at its stops. The boundaries of UAX #29 are not
//! used: they split after every `Corp.` before a capital letter, and the crate that finds them takes quadratic time for
//! a stop followed by many brackets or spaces. Here every rule looks at a bounded number of letters around a stop, or
//! at a run that is then skipped, so that the time is linear in the text.

use std::ops::Range;

use super::lines::{blocks, is_bullet, is_line_break};
use super::words::{self, Abbreviation};

/// Splits `text` into sentences: their byte ranges, in order.
///
/// A sentence does not begin or end with white space. Everything but white space is in exactly one sentence.
pub fn sentences(text: &str) -> Vec<Range<usize>> {
    let cased = text.contains(char::is_uppercase);
    let mut sentences = Vec::new();
    blocks(text, cased, |block| split(text, block, cased, &mut sentences));
    sentences
}

/// Splits a block at its stops and bullets. Its line breaks are only white space.
fn split(text: &str, block: Range<usize>, cased: bool, sentences: &mut Vec<Range<usize>>) {
    let text = &text[..block.end];
    let (mut start, mut at) = (block.start, block.start);
    while let Some(found) = text[at..].find(is_mark) {
        let mark = Mark { sentence: &text[start..at + found], rest: &text[at + found..] };
        let (length, ends) = if mark.rest.starts_with(is_bullet) { mark.bullet() } else { mark.stop(cased) };
        at += found + length;
        if ends {
            sentences.push(start..start + text[start..at].trim_end().len());
            start = text.len() - text[at..].trim_start().len();
            at = at.max(start);
        }
    }
    if start < text.len() {
        sentences.push(start..text.len());
    }
}

fn is_mark(letter: char) -> bool {
    is_stop(letter) || is_bullet(letter)
}

fn is_stop(letter: char) -> bool {
    matches!(letter, '.' | '!' | '?' | '…' | '‼' | '⁇' | '⁈' | '⁉' | '؟' | '۔' | '।' | '॥' | '։')
        || is_wide_stop(letter)
}

/// A stop of a script that has no space after it.
fn is_wide_stop(letter: char) -> bool {
    matches!(letter, '。' | '｡' | '！' | '？' | '．')
}

fn is_closer(letter: char) -> bool {
    matches!(
        letter,
        '"' | '\'' | '”' | '’' | '»' | '›' | ')' | ']' | '}' | '」' | '』' | '）' | '】' | '］' | '〉' | '》'
    )
}

fn is_opener(letter: char) -> bool {
    matches!(
        letter,
        '"' | '\'' | '“' | '‘' | '„' | '«' | '‹' | '(' | '[' | '{' | '¿' | '¡' | '「' | '『' | '（' | '【' | '`'
    )
}

/// A position where a sentence may end.
struct Mark<'a> {
    /// The sentence so far.
    sentence: &'a str,
    /// The text from the mark.
    rest: &'a str,
}

impl Mark<'_> {
    /// Items of a list on one line begin with a bullet between spaces. The sentence ends before the bullet, which
    /// belongs to the next sentence.
    fn bullet(&self) -> (usize, bool) {
        let mut rest = self.rest.chars();
        let bullet = rest.next().map_or(0, char::len_utf8);
        let is_separate = self.sentence.ends_with(char::is_whitespace) && rest.next().is_some_and(char::is_whitespace);
        if is_separate { (0, true) } else { (bullet, false) }
    }

    /// The length of the stops and of the closing quotes and brackets after them, and whether the sentence ends with
    /// them.
    fn stop(&self, cased: bool) -> (usize, bool) {
        let after = self.rest.trim_start_matches(is_stop);
        let stops = &self.rest[..self.rest.len() - after.len()];
        let follows = after.trim_start_matches(is_closer);
        let closers = &after[..after.len() - follows.len()];
        let next = follows.trim_start();
        let gap = &follows[..follows.len() - next.len()];
        let ends = if stops.ends_with(is_wide_stop) {
            ends_wide(stops, closers, next)
        } else {
            !gap.is_empty() && !gap.contains('\t') && self.ends(stops, closers, gap, Next::of(next, cased))
        };
        (stops.len() + closers.len(), ends)
    }

    fn ends(&self, stops: &str, closers: &str, gap: &str, next: Next<'_>) -> bool {
        match next {
            Next::Continuation => false,
            _ if stops != "." && stops.contains(['!', '?', '‼', '⁇', '⁈', '⁉', '؟', '۔', '।', '॥', '։']) => {
                !matches!(next, Next::LowerCase)
            }
            _ if stops != "." => matches!(next, Next::Word { .. } | Next::Other),
            _ => self.full_stop_ends(closers, gap, next),
        }
    }

    fn full_stop_ends(&self, closers: &str, gap: &str, next: Next<'_>) -> bool {
        let word = last_word(self.sentence);
        if word.is_empty() {
            return matches!(next, Next::Word { .. } | Next::Other);
        }
        if word.len() == self.sentence.len() && words::is_counter(word) {
            return false;
        }
        let abbreviation = Abbreviation::of(word);
        if abbreviation != Abbreviation::None && closers.contains(')') {
            return false;
        }
        match (abbreviation, next) {
            (Abbreviation::Leads, _) => false,
            (Abbreviation::None, Next::LowerCase) => gap.contains(is_line_break),
            (_, Next::LowerCase) => false,
            (Abbreviation::None, _) => true,
            (Abbreviation::Numbered, Next::Word { word, rest }) => {
                let is_date = rest.starts_with('.') && Abbreviation::of(word) == Abbreviation::Numbered;
                !is_date && !words::is_number_like(word)
            }
            (Abbreviation::Clock, Next::Word { word, .. }) => !words::is_of_a_time(word),
            (Abbreviation::MayEnd, Next::Word { word, rest }) => words::starts_sentence(word, rest),
            (_, next) => matches!(next, Next::Other),
        }
    }
}

/// Whether a sentence ends with stops that need no space. In Japanese, `」と` continues a sentence after a quotation.
fn ends_wide(stops: &str, closers: &str, next: &str) -> bool {
    let next = next.chars().next();
    let is_decimal = stops == "．" && next.is_some_and(char::is_numeric);
    let continues = !closers.is_empty() && next.is_some_and(|letter| matches!(letter, '\u{3041}'..='\u{309f}'));
    !is_decimal && !continues && next.is_some_and(|letter| !matches!(letter, '、' | '，' | ','))
}

/// The last word of `sentence`; empty if the sentence ends with white space. A word that is longer than any
/// abbreviation is cut off at its beginning.
fn last_word(sentence: &str) -> &str {
    let start = sentence.ceil_char_boundary(sentence.len().saturating_sub(words::LONGEST));
    let end = &sentence[start..];
    let is_outside =
        |letter: char| letter.is_whitespace() || is_opener(letter) || matches!(letter, '-' | '–' | '—' | '/');
    end.rfind(is_outside).map_or(end, |at| end[at..].trim_start_matches(is_outside))
}

/// The text after a stop and its white space.
#[derive(Debug, Clone, Copy)]
enum Next<'a> {
    /// No sentence begins like this.
    Continuation,
    /// A word that begins with a lower-case letter, in a text that has upper-case letters.
    LowerCase,
    /// A number or an amount of money.
    Number,
    /// Another word.
    Word {
        word: &'a str,
        /// The text after the word.
        rest: &'a str,
    },
    /// A sign, an emoji, or a letter of a script without case.
    Other,
}

impl<'a> Next<'a> {
    fn of(next: &'a str, cased: bool) -> Self {
        let start = next.trim_start_matches(is_opener);
        let Some(first) = start.chars().next() else { return Self::Other };
        if first.is_uppercase() || first.is_lowercase() {
            let bounded = &start[..start.floor_char_boundary(words::LONGEST)];
            let end = bounded.find(|letter: char| !letter.is_alphanumeric()).unwrap_or(bounded.len());
            let word = &start[..end];
            // Some brands have their upper-case letter later: iPhone.
            let is_lower_case = cased && first.is_lowercase() && !word.contains(char::is_uppercase);
            return if is_lower_case { Self::LowerCase } else { Self::Word { word, rest: &start[end..] } };
        }
        match first {
            _ if first.is_numeric() => Self::Number,
            '.' if start[1..].starts_with(char::is_numeric) => Self::Number,
            '$' | '€' | '£' | '¥' | '₹' | '₿' => Self::Number,
            ',' | ';' | ':' | ')' | ']' | '}' | '|' | '%' | '&' | '/' | '=' | '”' | '’' | '»' => {
                Self::Continuation
            }
            _ if is_stop(first) => Self::Continuation,
            _ => Self::Other,
        }
    }
}
