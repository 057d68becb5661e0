//! The words of a text, as a person sees them.

use std::ops::Range;

use unicode_categories::UnicodeCategories;

/// A word of a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Word {
    /// The bytes that a person would call the word: `12%`, `U.S.`, `year-on-year`, without a comma or quotes beside it.
    pub(super) bytes: Range<usize>,
    /// Those bytes with the punctuation that goes with the word when it is left out. The spans of all words are the whole
    /// text.
    pub(super) span: Range<usize>,
}

/// The words of `text`, in order.
///
/// White space separates words, and so do dashes and dots between them. Chinese and Japanese characters are words of their own.
/// Punctuation belongs to the word before it if it ends it or stands alone, and to the word after it if it begins it. A text of
/// nothing but punctuation is one word.
pub(super) fn words(text: &str) -> Vec<Word> {
    let mut words: Vec<Word> = Vec::new();
    for piece in pieces(text) {
        let word = shown(text, piece.clone());
        // Punctuation between white space goes with the word before it, whose span ends where the next one begins.
        if word.is_empty() {
            continue;
        }
        let start = if words.is_empty() { 0 } else { piece.start };
        if let Some(last) = words.last_mut() {
            last.span.end = start;
        }
        words.push(Word { bytes: word, span: start..text.len() });
    }
    let all = text.len() - text.trim_start().len()..text.trim_end().len();
    if words.is_empty() && !all.is_empty() {
        words.push(Word { bytes: all, span: 0..text.len() });
    }
    words
}

/// The parts of a text between white space, and between what separates words without it.
fn pieces(text: &str) -> Vec<Range<usize>> {
    let mut pieces = Vec::new();
    let mut start = None;
    // Whether the piece has ended, so that only what closes it may follow.
    let mut is_closing = false;
    let mut push = |from: &mut Option<usize>, to: usize| pieces.extend(from.take().map(|from| from..to));
    for (at, letter) in text.char_indices() {
        if letter.is_whitespace() {
            push(&mut start, at);
            is_closing = false;
            continue;
        }
        let begins = is_own_word(letter) || (is_closing && is_core(letter));
        if begins && start.is_some_and(|start| has_core(&text[start..at])) {
            push(&mut start, at);
        }
        start.get_or_insert(at);
        is_closing = is_own_word(letter) || separates(letter) || (is_closing && !is_core(letter));
    }
    push(&mut start, text.len());
    pieces
}

/// A character of a script that is written without spaces, in which most characters mean something by themselves.
fn is_own_word(letter: char) -> bool {
    matches!(letter, '\u{3040}'..='\u{30ff}' | '\u{3400}'..='\u{4dbf}' | '\u{4e00}'..='\u{9fff}' | '\u{f900}'..='\u{faff}'
        | '\u{20000}'..='\u{3ffff}')
}

/// Punctuation after which another word begins without a space: `down—and`, `wait…what`.
fn separates(letter: char) -> bool {
    matches!(letter, '—' | '―' | '…')
}

/// Whether a letter can be all of a word: a letter, a digit, a currency, an emoji.
fn is_core(letter: char) -> bool {
    !(letter.is_whitespace() || letter.is_punctuation() || letter.is_other() || letter.is_mark())
}

fn has_core(piece: &str) -> bool {
    piece.contains(is_core)
}

/// The part of a piece that is shown as the word; empty if it is nothing but punctuation.
fn shown(text: &str, piece: Range<usize>) -> Range<usize> {
    let whole = &text[piece.clone()];
    let Some(first) = whole.find(is_core) else { return piece.start..piece.start };
    let last = whole.rfind(is_core).unwrap_or(first);
    let core_end = last + whole[last..].chars().next().map_or(0, char::len_utf8);
    let start = first - sign_before(&whole[..first], &whole[first..]);
    let end = core_end + ending_after(&whole[start..core_end], &whole[core_end..]);
    piece.start + start..piece.start + end
}

/// The bytes before the core that are part of the word: the sign of a number, the mark of a tag or a name.
fn sign_before(before: &str, core: &str) -> usize {
    let is_number = core.starts_with(|letter: char| letter.is_numeric() || letter.is_symbol_currency());
    match before.chars().next_back() {
        Some(sign @ ('-' | '‐' | '–' | '.')) if is_number => sign.len_utf8(),
        Some(mark @ ('#' | '@')) => mark.len_utf8(),
        _ => 0,
    }
}

/// The bytes after the core that are part of the word: the marks of its last letter, a percent sign, and the last stop of an
/// abbreviation that has others.
fn ending_after(word: &str, after: &str) -> usize {
    let marks = after.find(|letter: char| !letter.is_mark()).unwrap_or(after.len());
    let percent = after[marks..].chars().next().filter(|letter| matches!(letter, '%' | '‰'));
    match percent {
        Some(sign) => marks + sign.len_utf8(),
        None if after[marks..].starts_with('.') && is_dotted(word) => marks + 1,
        None => marks,
    }
}

/// `U.S`, `a.m`, `S.p.A`: single letters or pairs with stops between them.
fn is_dotted(word: &str) -> bool {
    let is_part = |part: &str| (1..=2).contains(&part.chars().count()) && part.chars().all(char::is_alphabetic);
    word.contains('.') && word.split('.').all(is_part)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown_words(text: &str) -> Vec<&str> {
        let words = words(text);
        let mut end = 0;
        for word in &words {
            assert_eq!(word.span.start, end, "the spans have no gaps: {text:?}");
            assert!(word.span.start <= word.bytes.start && word.bytes.end <= word.span.end, "{text:?} {word:?}");
            end = word.span.end;
        }
        assert!(words.is_empty() || end == text.len(), "{text:?}");
        words.into_iter().map(|word| &text[word.bytes]).collect()
    }

    #[test]
    fn words_are_those_that_a_person_sees() {
        for (text, expected) in [
            ("Shares plunged 12%.", &["Shares", "plunged", "12%"][..]),
            ("  The U.S. Fed's rate (5.25%) , unchanged  ", &["The", "U.S.", "Fed's", "rate", "5.25%", "unchanged"]),
            ("\"Buy!\" he said: year-on-year growth", &["Buy", "he", "said", "year-on-year", "growth"]),
            ("$TSLA -3.5% to -$4 @elon #stocks +5", &["$TSLA", "-3.5%", "to", "-$4", "@elon", "#stocks", "+5"]),
            ("EUR 12.5 mn - up 20 %", &["EUR", "12.5", "mn", "up", "20"]),
            ("profit—and loss…again", &["profit", "and", "loss", "again"]),
            ("Löhne steigen um 3 Prozent", &["Löhne", "steigen", "um", "3", "Prozent"]),
            ("cafe\u{301} 🚀🚀 moon", &["cafe\u{301}", "🚀🚀", "moon"]),
            ("净利润 up", &["净", "利", "润", "up"]),
            ("利益。増加", &["利", "益", "増", "加"]),
            ("...", &["..."]),
            ("?! up", &["up"]),
            ("", &[]),
            (" \n", &[]),
        ] {
            assert_eq!(shown_words(text), expected, "{text:?}");
        }
    }

    #[test]
    fn punctuation_goes_with_the_word_that_it_touches() {
        let spans = |text: &'static str| words(text).into_iter().map(|word| &text[word.span]).collect::<Vec<_>>();
        assert_eq!(spans("(up) , \"down\"!"), ["(up) , ", "\"down\"!"]);
        assert_eq!(spans("- up - "), ["- up - "]);
    }

    #[test]
    fn every_text_is_divided_without_gaps() {
        let mut rng = fastrand::Rng::with_seed(3);
        let letters = ['a', 'B', ' ', '\n', '.', ',', '-', '—', '$', '%', '利', 'ン', '\u{301}', '\u{200d}', '🚀', '('];
        for _ in 0..3000 {
            let text: String = (0..rng.usize(..12)).map(|_| letters[rng.usize(..letters.len())]).collect();
            let words = words(&text);
            assert_eq!(words.is_empty(), text.trim().is_empty(), "{text:?}");
            assert!(words.iter().all(|word| !text[word.bytes.clone()].trim().is_empty()), "{text:?}");
            assert!(words.windows(2).all(|pair| pair[0].span.end == pair[1].span.start), "{text:?}");
        }
    }
}
