//! Shortens long texts without changing their tokens.
//!
//! The library needs a hundred bytes of memory and more for each byte of a text, also for what becomes no token: blanks,
//! control characters, accents that are stripped, and the rest of a word that is too long for the vocabulary. A text that
//! consists of these has to be tokenized to its end, because it does not fill the window.

use std::borrow::Cow;

use tokenizers::{NormalizerWrapper, PreTokenizerWrapper};
use unicode_categories::UnicodeCategories;

use super::model::{AnyModel, Library};

/// What BERT's tokenizer makes no token of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Compaction {
    strips_accents: bool,
    /// Longer words are the unknown token.
    max_word: usize,
}

/// How a character takes part in words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// A letter, or anything else that is surely a part of a word.
    Word,
    /// Ends a word.
    Blank,
    /// Removed before words are found.
    Removed,
    /// Perhaps a word by itself.
    Other,
}

impl Compaction {
    /// That of a tokenizer; `None` if it is not like BERT's.
    pub(super) fn of(tokenizer: &Library) -> Option<Self> {
        let Some(NormalizerWrapper::BertNormalizer(normalizer)) = tokenizer.get_normalizer() else { return None };
        let Some(PreTokenizerWrapper::BertPreTokenizer(_)) = tokenizer.get_pre_tokenizer() else { return None };
        let AnyModel::WordPiece(model) = tokenizer.get_model() else { return None };
        // Names of special tokens are found before anything else, so no part of them may be removed.
        let mut added = tokenizer.get_added_tokens_decoder().into_values();
        let is_bracketed = added.all(|token| token.content.starts_with(|first: char| first.is_ascii_punctuation()));
        (normalizer.clean_text && normalizer.handle_chinese_chars && is_bracketed).then(|| Self {
            strips_accents: normalizer.strip_accents.unwrap_or(normalizer.lowercase),
            max_word: model.max_letters,
        })
    }

    /// The text without further blanks after a blank, without further characters that are removed after such a one, and
    /// without the ends of words that are too long. Its tokens are those of `text`.
    pub(super) fn apply<'a>(self, text: &'a str) -> Cow<'a, str> {
        let mut compact = String::new();
        let mut word = 0;
        // Kinds that are there between the last character of another kind and the next.
        let (mut has_blank, mut has_removed) = (false, false);
        for letter in text.chars() {
            let kind = self.kind(letter);
            let is_needed = match kind {
                Kind::Blank => !has_blank,
                // One stays: without it, what is around it might be the name of a special token.
                Kind::Removed => !has_removed && word <= self.max_word,
                Kind::Word => word <= self.max_word,
                Kind::Other => true,
            };
            match kind {
                Kind::Blank => (has_blank, word) = (true, 0),
                Kind::Removed => has_removed = true,
                Kind::Word => {
                    (has_blank, has_removed) = (false, false);
                    word += 1;
                }
                Kind::Other => (has_blank, has_removed, word) = (false, false, 0),
            }
            if is_needed {
                compact.push(letter);
            }
        }
        if compact.len() < text.len() { Cow::Owned(compact) } else { Cow::Borrowed(text) }
    }

    fn kind(self, letter: char) -> Kind {
        match letter {
            'a'..='z' | 'A'..='Z' | '0'..='9' => Kind::Word,
            _ if letter.is_whitespace() => Kind::Blank,
            '\u{fffd}' => Kind::Removed,
            _ if letter.is_other() => Kind::Removed,
            _ if self.strips_accents && letter.is_mark_nonspacing() => Kind::Removed,
            // Each ideograph is a word.
            _ if is_ideograph(letter) => Kind::Other,
            _ if letter.is_alphanumeric() || letter.is_symbol_other() => Kind::Word,
            // Other symbols may become punctuation when their accents are stripped, as `≠` becomes `=`.
            _ => Kind::Other,
        }
    }
}

/// Every block of ideographs, also those that BERT does not know: it is right to take a word for several.
fn is_ideograph(letter: char) -> bool {
    matches!(letter, '\u{2e80}'..='\u{2fff}' | '\u{3400}'..='\u{9fff}' | '\u{f900}'..='\u{faff}' | '\u{20000}'..='\u{3ffff}')
}

#[cfg(test)]
mod tests {
    use super::super::{Limits, Tokenizer};
    use super::*;
    use crate::model_files::{ModelFile, TokenizerFiles, VocabularyFiles};

    fn bert() -> Tokenizer {
        let mini = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../models/mini");
        let vocab = ModelFile::Disk(mini.join("vocab.txt"));
        let files = TokenizerFiles::bare(VocabularyFiles::WordPiece(vocab));
        Tokenizer::load(&files, Limits { vocab_size: 30_522, max_length: 512 }).unwrap()
    }

    /// Parts of texts, of all kinds, and what could become something else when a part is missing.
    const PARTS: [&str; 26] = [
        " ", "\n", "\u{a0}", "\0", "\u{200b}", "\u{fffd}", "\u{e000}", "\u{301}", "\u{338}", "a", "profit", "É", "İ",
        "ß", "₂", "한", "漢", "🚀", "≠", "=", ".", "[MASK]", "[MA", "SK]", "[SEP", "\u{903}",
    ];

    #[test]
    fn the_tokens_are_the_same() {
        let tokenizer = bert();
        let compaction = Compaction::of(&tokenizer.inner).unwrap();
        let mut shortened = 0;
        for seed in 0..500 {
            let mut random = fastrand::Rng::with_seed(seed);
            let mut text = String::new();
            for _ in 0..random.usize(1..30) {
                let repeated = if random.bool() { 1 } else { random.usize(1..120) };
                text += &PARTS[random.usize(..PARTS.len())].repeat(repeated);
            }
            let compact = compaction.apply(&text);
            let ids = |text: &str| tokenizer.inner.encode_fast(text, false).unwrap().get_ids().to_vec();
            assert_eq!(ids(&compact), ids(&text), "seed {seed}: {text:?} became {compact:?}");
            shortened += usize::from(compact.len() < text.len());
        }
        assert!(shortened > 250, "only {shortened} texts became shorter");
    }

    #[test]
    fn what_becomes_no_token_takes_next_to_no_memory() {
        let tokenizer = bert();
        let compaction = Compaction::of(&tokenizer.inner).unwrap();
        for part in ["x", " ", "\n\t", "\0", "\u{301}", "\0 ", "🚀", "x\u{301}"] {
            let text = format!("a{}b", part.repeat(1_000_000 / part.len()));
            assert!(compaction.apply(&text).len() < 1000, "{part:?}");
            let encoding = tokenizer.encode_str(&text).unwrap();
            assert!(encoding.input_ids.len() <= 4 && !encoding.truncated, "{part:?}");
        }
    }

    #[test]
    fn an_ordinary_text_is_not_copied() {
        let compaction = Compaction { strips_accents: true, max_word: 100 };
        let text = "Operating profit rose to €13.1 mn.\nNet sales were flat.";
        assert!(matches!(compaction.apply(text), Cow::Borrowed(_)));
    }
}
