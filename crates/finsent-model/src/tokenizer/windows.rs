//! Windows: a text that is longer than the model's window is read in several overlapping ones.

use std::ops::Range;

use super::Tokenizer;
use super::encoding::Encoding;
use super::error::TokenizerError;
use super::piece::PIECE;
use super::unigram::SPACE;
use crate::catch_panic::catch_panic;

/// Adjacent windows share at least one in `OVERLAP` of their tokens.
pub const OVERLAP: usize = 4;

/// The beginning of a window moves back to the beginning of a word, by at most one in `LEEWAY` of its tokens.
const LEEWAY: usize = 8;

/// All of a text, in one or more windows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Windows {
    /// The windows in the order of the text. None is `truncated`.
    pub encodings: Vec<Encoding>,
    /// The tokens of the text, each counted once, and one set of special tokens.
    pub tokens: usize,
}

impl Tokenizer {
    /// Tokenizes all of `text`. If its tokens fit the window, the result is that of [`Tokenizer::encode`]. Otherwise
    /// the windows have the same length, are evenly spaced, share at least a quarter of their tokens with the next one,
    /// and each has special tokens.
    ///
    /// A text of more than 64 KiB is tokenized in pieces that are split at a space, or within a word if there is no
    /// space; the tokens beside such a split may then be others. With `WordPiece` and unigram pieces, windows begin at the
    /// beginning of a word if there is one near. They may end within a word.
    ///
    /// # Errors
    /// [`TokenizerError::Encode`] or [`TokenizerError::NoTokens`].
    pub fn windows(&self, text: &str) -> Result<Windows, TokenizerError> {
        catch_panic(|| self.windows_or_panic(text))
            .unwrap_or_else(|message| Err(TokenizerError::Encode(TokenizerError::panic_message(&message))))
    }

    fn windows_or_panic(&self, text: &str) -> Result<Windows, TokenizerError> {
        let text = &*self.compact(text);
        let ids = self.ids(text).map_err(|error| TokenizerError::encode(&error))?;
        if ids.len() <= self.text_tokens {
            // It fits: encode the text as a whole, without splitting it into pieces.
            let encoding = self.encode_str(text)?;
            return Ok(Windows { tokens: encoding.len(), encodings: vec![encoding] });
        }
        let continues = |token: usize| self.continues_word(ids[token]);
        let window = |range: Range<usize>| self.with_special_tokens(&ids[range], false);
        let encodings = ranges(ids.len(), self.text_tokens, continues).map(window).collect::<Result<_, _>>()?;
        Ok(Windows { encodings, tokens: ids.len() + self.max_length - self.text_tokens })
    }

    /// The ids of all of `text`, without special tokens.
    fn ids(&self, text: &str) -> tokenizers::Result<Vec<u32>> {
        let mut ids = Vec::new();
        self.each_piece(text, |tokenizer, piece| {
            tokenizer.append(&mut ids, piece)?;
            Ok(true)
        })?;
        Ok(ids)
    }

    /// The first ids of `text`, at least `count` of them or all if there are fewer, without special tokens.
    pub(super) fn first_ids(&self, text: &str, count: usize) -> tokenizers::Result<Vec<u32>> {
        let mut ids = Vec::new();
        self.each_piece(text, |tokenizer, piece| {
            tokenizer.append(&mut ids, piece)?;
            Ok(ids.len() < count)
        })?;
        Ok(ids)
    }

    /// The last `count` ids of `text`, or all if there are fewer, without special tokens.
    pub(super) fn last_ids(&self, text: &str, count: usize) -> tokenizers::Result<Vec<u32>> {
        let mut ids = Vec::new();
        self.each_piece(text, |tokenizer, piece| {
            tokenizer.append(&mut ids, piece)?;
            ids.drain(..ids.len().saturating_sub(count));
            Ok(true)
        })?;
        Ok(ids)
    }

    /// Calls `take` with each piece of the text until it returns `false`.
    fn each_piece(
        &self,
        mut text: &str,
        mut take: impl FnMut(&Self, Piece<'_>) -> tokenizers::Result<bool>,
    ) -> tokenizers::Result<()> {
        let mut begins_within_word = false;
        while !text.is_empty() {
            let (length, ends_within_word) = self.piece(text);
            let (piece, rest) = text.split_at(length);
            if !take(self, Piece { text: piece, begins_within_word })? {
                return Ok(());
            }
            (text, begins_within_word) = (rest, ends_within_word);
        }
        Ok(())
    }

    fn append(&self, ids: &mut Vec<u32>, Piece { text, begins_within_word }: Piece<'_>) -> tokenizers::Result<()> {
        let found = self.all_ids(text)?;
        match self.unigram {
            Some(pieces) => pieces.join(ids, &found, begins_within_word),
            None => ids.extend_from_slice(&found),
        }
        Ok(())
    }

    /// Whether the token continues a word, by its name in `WordPiece` or among unigram pieces.
    fn continues_word(&self, id: u32) -> bool {
        let is_unigram = self.unigram.is_some();
        let continues = |token: &str| if is_unigram { !token.starts_with(SPACE) } else { token.starts_with("##") };
        self.inner.id_to_token(id).is_some_and(|token| continues(&token))
    }

    /// The length of the first piece of `text`, and whether it ends within a word. If possible it ends before a single
    /// space between words, or for unigram pieces between any blanks: then the tokens are the same as those of the whole
    /// text.
    fn piece(&self, text: &str) -> (usize, bool) {
        if text.len() <= PIECE {
            return (text.len(), false);
        }
        let start = &text[..text.floor_char_boundary(PIECE)];
        let last = |text: &str| text.chars().next_back();
        let next = |index: usize| text[index..].chars().next();
        let is_word = |letter: Option<char>| letter.is_some_and(|letter| !letter.is_whitespace());
        let is_single = |&(space, _): &(usize, &str)| is_word(last(&text[..space])) && is_word(next(space + 1));
        if let Some((space, _)) = start.rmatch_indices(' ').find(is_single) {
            return (space, false);
        }
        let is_blank = |letter: Option<char>| letter.is_some_and(|letter| matches!(letter, ' ' | '\n' | '\r' | '\t'));
        let is_blank_twice = |&(blank, _): &(usize, &str)| is_blank(last(&text[..blank]));
        let is_line = |(line, blank): &(usize, &str)| *blank == "\n" && is_single(&(*line, ""));
        let mut blanks = start.rmatch_indices([' ', '\n', '\r', '\t']);
        let found = blanks.find(|blank| is_blank_twice(blank) || is_line(blank)).filter(|_| self.unigram.is_some());
        found.map_or((start.len(), true), |(blank, _)| (blank, false))
    }
}

/// A part of a text that is tokenized at once.
#[derive(Debug, Clone, Copy)]
struct Piece<'a> {
    text: &'a str,
    begins_within_word: bool,
}

/// Windows of `length` over more tokens than that: the first one starts at the first token, the last one ends at the
/// last.
fn ranges(tokens: usize, length: usize, continues: impl Fn(usize) -> bool) -> impl Iterator<Item = Range<usize>> {
    let leeway = length / LEEWAY;
    let overlap = length.div_ceil(OVERLAP).min(length - 1) + leeway;
    let stride = length.saturating_sub(overlap).max(1);
    let gaps = (tokens - length).div_ceil(stride);
    (0..=gaps).map(move |window| {
        let start = window * (tokens - length) / gaps;
        let mut near = (start.saturating_sub(leeway)..=start).rev();
        let start = near.find(|&token| !continues(token)).unwrap_or(start);
        if window == gaps { tokens - length..tokens } else { start..start + length }
    })
}

#[cfg(test)]
mod tests {
    use super::super::Limits;
    use super::*;
    use crate::model_files::{ModelFile, TokenizerFiles, VocabularyFiles};

    fn unigram(file: &str) -> Tokenizer {
        let golden = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/golden/unigram");
        let files = TokenizerFiles::bare(VocabularyFiles::SentencePiece(ModelFile::Disk(golden.join(file))));
        Tokenizer::load(&files, Limits { vocab_size: 700, max_length: 300 }).unwrap()
    }

    /// What is tokenized in pieces has the tokens of the whole, unless a word is longer than a piece.
    #[test]
    fn unigram_pieces_of_a_long_text_are_those_of_the_whole() {
        let spaces = " ".repeat(PIECE + 100);
        let units = [
            "Operating profit rose, the company said.\n",
            "loss <mask>  rose\r\n\t[MASK] ",
            "a\n\n\nb\t\t",
            "profit\u{a0}\u{3000} loss ",
            &format!("profit{spaces}loss "),
            " \n",
            "profit\n",
        ];
        for file in ["xlm-roberta/sentencepiece.bpe.model", "deberta-v2/spm.model", "albert/spiece.model"] {
            let tokenizer = unigram(file);
            for unit in units {
                let text = unit.repeat(3 * PIECE / unit.len() + 1);
                let whole = tokenizer.inner.encode_fast(&*text, false).unwrap().get_ids().to_vec();
                assert_eq!(tokenizer.ids(&text).unwrap(), whole, "{file} {unit:?}");
                assert_eq!(tokenizer.last_ids(&text, 9).unwrap(), whole[whole.len().saturating_sub(9)..], "{unit:?}");
                let first = tokenizer.first_ids(&text, 9).unwrap();
                assert!(first.len() >= 9.min(whole.len()) && whole.starts_with(&first), "{unit:?}");
            }
        }
    }

    /// Characters that are in no piece are one unknown token, however many there are.
    #[test]
    fn a_long_word_of_unknown_characters_is_what_it_is_as_a_whole() {
        for file in ["xlm-roberta/sentencepiece.bpe.model", "deberta-v2/spm.model", "albert/spiece.model"] {
            let tokenizer = unigram(file);
            for unit in ["\u{e000}", "\u{e000}\u{e001}", "\0\u{e000}"] {
                let text = unit.repeat(3 * PIECE / unit.len());
                let whole = tokenizer.inner.encode_fast(&*text, false).unwrap().get_ids().to_vec();
                assert!((1..3).contains(&whole.len()));
                assert_eq!(tokenizer.ids(&text).unwrap(), whole, "{file} {unit:?}");
            }
        }
    }

    fn check(tokens: usize, length: usize, continues: impl Fn(usize) -> bool) {
        let windows: Vec<_> = ranges(tokens, length, &continues).collect();
        assert_eq!((windows[0].start, windows[windows.len() - 1].end), (0, tokens), "{tokens} by {length}");
        assert!(windows.iter().all(|window| window.len() == length), "{tokens} by {length}");
        for pair in windows.windows(2) {
            let shared = pair[0].end.saturating_sub(pair[1].start);
            assert!(pair[0].start < pair[1].start && pair[0].end < pair[1].end, "{tokens} by {length}");
            let least = length.div_ceil(OVERLAP).min(length - 1);
            assert!(shared >= least, "{tokens} by {length}: {shared} shared, not {least}");
        }
    }

    #[test]
    fn windows_cover_all_tokens_and_share_at_least_a_quarter() {
        for length in [1, 2, 3, 4, 5, 7, 8, 9, 46, 510] {
            for more in [1, 2, 3, length / 2, length, 3 * length + 1, 100 * length + 7] {
                check(length + more.max(1), length, |_| false);
                check(length + more.max(1), length, |_| true);
                check(length + more.max(1), length, |token| token % 3 != 0);
                check(length + more.max(1), length, |token| token % 11 != 0);
            }
        }
    }

    #[test]
    fn windows_begin_at_a_word_if_one_begins_near() {
        let begins = |token: usize| token.is_multiple_of(7);
        let windows: Vec<_> = ranges(1000, 100, |token| !begins(token)).collect();
        let inner = &windows[..windows.len() - 1];
        assert!(inner.iter().all(|window| begins(window.start)), "{windows:?}");
    }
}
