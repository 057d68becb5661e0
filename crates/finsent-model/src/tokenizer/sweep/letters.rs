//! What BERT's tokenizer makes of single characters.

use tokenizers::normalizers::BertNormalizer;
use tokenizers::{NormalizedString, Normalizer, Result};
use unicode_categories::UnicodeCategories;

/// The blocks whose characters are known: ASCII and Latin, then punctuation, currencies and symbols like `™`. None of
/// them combines with the character before it, so that what becomes of each does not depend on its neighbors.
const BLOCKS: [(u32, u32); 3] = [(0, 0x250), (0x2000, 0x20d0), (0x2100, 0x2150)];

/// How a character takes part in words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// A part of a word.
    Letter,
    /// A word by itself.
    Punctuation,
    /// Ends a word.
    Blank,
    /// Removed before words are found.
    Removed,
    /// Not known.
    Foreign,
}

/// What becomes of a character.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Letter {
    pub(super) kind: Kind,
    /// Whether it may be the first one of an added token.
    pub(super) may_begin_token: bool,
    /// The character in the normalized text.
    pub(super) normalized: char,
}

impl Letter {
    pub(super) const FOREIGN: Self = Self { kind: Kind::Foreign, may_begin_token: false, normalized: '\u{fffd}' };
}

/// All known characters.
#[derive(Debug)]
pub(super) struct Letters {
    table: Box<[Letter]>,
}

impl Letters {
    /// What the library makes of each character.
    pub(super) fn new(normalizer: &BertNormalizer) -> Result<Self> {
        let known = BLOCKS.into_iter().flat_map(|(from, to)| from..to);
        let letter = |code| char::from_u32(code).map_or(Ok(Letter::FOREIGN), |letter| ask(normalizer, letter));
        Ok(Self { table: known.map(letter).collect::<Result<_>>()? })
    }

    pub(super) fn get(&self, letter: char) -> Letter {
        Self::index(letter).map_or(Letter::FOREIGN, |index| self.table[index])
    }

    pub(super) fn ascii(&self, byte: u8) -> Letter {
        self.table[usize::from(byte)]
    }

    fn index(letter: char) -> Option<usize> {
        let code = u32::from(letter);
        let mut before = 0;
        for (from, to) in BLOCKS {
            if (from..to).contains(&code) {
                return Some((before + code - from) as usize);
            }
            before += to - from;
        }
        None
    }

    /// Marks the characters that a token with this name may begin with, before or after normalization.
    pub(super) fn mark(&mut self, name: char, normalized: char) {
        if let Some(index) = Self::index(name) {
            self.table[index].may_begin_token = true;
        }
        for letter in self.table.iter_mut().filter(|letter| letter.normalized == normalized) {
            letter.may_begin_token = true;
        }
    }
}

/// What the normalizer and the pre-tokenizer do with a single character.
fn ask(normalizer: &BertNormalizer, letter: char) -> Result<Letter> {
    let mut text = NormalizedString::from(letter.to_string());
    normalizer.normalize(&mut text)?;
    let mut normalized = text.get().chars();
    let (kind, normalized) = match (normalized.next(), normalized.next()) {
        (None, _) => (Kind::Removed, '\u{fffd}'),
        (Some(_), Some(_)) => return Ok(Letter::FOREIGN),
        (Some(one), None) if one.is_whitespace() => (Kind::Blank, one),
        (Some(one), None) if one.is_ascii_punctuation() || one.is_punctuation() => (Kind::Punctuation, one),
        (Some(one), None) => (Kind::Letter, one),
    };
    Ok(Letter { kind, may_begin_token: false, normalized })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn characters_are_known_by_their_blocks() {
        let letters = Letters::new(&BertNormalizer::new(true, true, None, true)).unwrap();
        for (letter, kind, normalized) in [
            ('a', Kind::Letter, 'a'),
            ('A', Kind::Letter, 'a'),
            ('É', Kind::Letter, 'e'),
            ('ß', Kind::Letter, 'ß'),
            ('İ', Kind::Letter, 'i'),
            ('ɏ', Kind::Letter, 'ɏ'),
            ('€', Kind::Letter, '€'),
            ('K', Kind::Letter, 'k'),
            ('\t', Kind::Blank, ' '),
            ('\u{a0}', Kind::Blank, ' '),
            ('\u{2028}', Kind::Blank, ' '),
            ('$', Kind::Punctuation, '$'),
            ('’', Kind::Punctuation, '’'),
        ] {
            let found = letters.get(letter);
            assert_eq!((found.kind, found.normalized), (kind, normalized), "{letter:?}");
        }
        for removed in ['\0', '\u{7f}', '\u{ad}', '\u{200b}'] {
            assert_eq!(letters.get(removed).kind, Kind::Removed, "{removed:?}");
        }
        for foreign in ['\u{250}', '\u{301}', 'я', '\u{20d0}', '⅐', '利', '\u{10ffff}'] {
            assert_eq!(letters.get(foreign).kind, Kind::Foreign, "{foreign:?}");
        }
        let cased = Letters::new(&BertNormalizer::new(false, true, Some(false), true)).unwrap();
        // It becomes two characters.
        assert_eq!(cased.get('İ').kind, Kind::Foreign);
        assert_eq!(cased.get('É').normalized, 'é');
        assert_eq!(cased.get('\t').kind, Kind::Blank);
        assert_eq!(cased.get('\0').kind, Kind::Letter);
    }
}
