//! A text is cut into sentences.
//!
//! Line breaks are looked at first (`lines`), then what is left is cut at its full stops. The bounds of UAX #29 are not
//! used: they fall behind every `Corp.` that a capital letter follows, and the crate that finds them takes quadratic time
//! for a stop that many brackets or spaces follow. Every rule here looks at a bounded number of letters around a stop, but
//! for runs that it then skips, so that the time is linear in the text.

use std::ops::Range;

use super::lines::{blocks, is_bullet, is_line_break};
use super::words::{self, Abbreviation};

/// The sentences of `text` in order, as ranges of bytes.
///
/// Each begins and ends with a letter that is no white space; all that is no white space is in exactly one of them.
pub fn sentences(text: &str) -> Vec<Range<usize>> {
    let cased = text.contains(char::is_uppercase);
    let mut sentences = Vec::new();
    blocks(text, cased, |block| cut(text, block, cased, &mut sentences));
    sentences
}

/// Cuts a block, in which line breaks are nothing but white space, at its stops and bullets.
fn cut(text: &str, block: Range<usize>, cased: bool, sentences: &mut Vec<Range<usize>>) {
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

/// A stop of a script that puts no space behind it.
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

/// A place where a sentence may end.
struct Mark<'a> {
    /// The sentence so far.
    sentence: &'a str,
    /// The text from the mark on.
    rest: &'a str,
}

impl Mark<'_> {
    /// An item of a list on one line begins with a bullet that stands alone. The end of a sentence is before it, so that
    /// nothing of it is skipped.
    fn bullet(&self) -> (usize, bool) {
        let mut rest = self.rest.chars();
        let bullet = rest.next().map_or(0, char::len_utf8);
        let stands_alone = self.sentence.ends_with(char::is_whitespace) && rest.next().is_some_and(char::is_whitespace);
        if stands_alone { (0, true) } else { (bullet, false) }
    }

    /// The length of the stops here and of what they close, and whether the sentence ends with them.
    fn stop(&self, cased: bool) -> (usize, bool) {
        let behind = self.rest.trim_start_matches(is_stop);
        let stops = &self.rest[..self.rest.len() - behind.len()];
        let follows = behind.trim_start_matches(is_closer);
        let closers = &behind[..behind.len() - follows.len()];
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
                !matches!(next, Next::Small)
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
            (Abbreviation::None, Next::Small) => gap.contains(is_line_break),
            (_, Next::Small) => false,
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

/// Whether a sentence ends with stops that need no space. In Japanese, `」と` goes on with what was said, in small letters.
fn ends_wide(stops: &str, closers: &str, next: &str) -> bool {
    let next = next.chars().next();
    let is_decimal = stops == "．" && next.is_some_and(char::is_numeric);
    let goes_on = !closers.is_empty() && next.is_some_and(|letter| matches!(letter, '\u{3041}'..='\u{309f}'));
    !is_decimal && !goes_on && next.is_some_and(|letter| !matches!(letter, '、' | '，' | ','))
}

/// The word that `sentence` ends with; empty when that is white space. Of a word that is longer than any abbreviation
/// there is only the end.
fn last_word(sentence: &str) -> &str {
    let start = sentence.ceil_char_boundary(sentence.len().saturating_sub(words::LONGEST));
    let end = &sentence[start..];
    let is_outside =
        |letter: char| letter.is_whitespace() || is_opener(letter) || matches!(letter, '-' | '–' | '—' | '/');
    end.rfind(is_outside).map_or(end, |at| end[at..].trim_start_matches(is_outside))
}

/// What follows a stop and its white space.
#[derive(Debug, Clone, Copy)]
enum Next<'a> {
    /// What no sentence begins with.
    Continuation,
    /// A word that begins with a small letter, in a text that has capital ones.
    Small,
    /// A number or an amount of money.
    Number,
    /// Another word.
    Word {
        word: &'a str,
        /// What is behind it.
        rest: &'a str,
    },
    /// A sign, an emoji, a letter of a script without capitals.
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
            // Some brands have their capital letter further on.
            let is_small = cased && first.is_lowercase() && !word.contains(char::is_uppercase);
            return if is_small { Self::Small } else { Self::Word { word, rest: &start[end..] } };
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
