//! Windows: a text that is longer than the model's window is read in several overlapping ones.

use std::ops::Range;

use tokenizers::Token;

use super::Tokenizer;
use super::encoding::Encoding;
use super::error::TokenizerError;
use crate::catch_panic::catch_panic;

/// Adjacent windows share at least one in `OVERLAP` of their tokens.
pub const OVERLAP: usize = 4;

/// The beginning of a window moves back to the beginning of a word, by at most one in `LEEWAY` of its tokens.
const LEEWAY: usize = 8;

/// The most bytes to tokenize at once: the library needs some hundred bytes of memory per word.
pub(super) const PIECE: usize = 64 << 10;

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
    /// space. With `WordPiece`, windows begin at the beginning of a word if there is one near. They may end within a
    /// word.
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
        let window = |range: Range<usize>| self.with_special_tokens(from_ids(&ids[range]), false);
        let encodings = ranges(ids.len(), self.text_tokens, continues).map(window).collect::<Result<_, _>>()?;
        Ok(Windows { encodings, tokens: ids.len() + self.max_length - self.text_tokens })
    }

    /// The ids of all of `text`, without special tokens.
    fn ids(&self, mut text: &str) -> tokenizers::Result<Vec<u32>> {
        let mut ids = Vec::new();
        while !text.is_empty() {
            let (piece, rest) = text.split_at(piece(text));
            ids.extend_from_slice(self.inner.encode_fast(piece, false)?.get_ids());
            text = rest;
        }
        Ok(ids)
    }

    /// The last `count` ids of `text`, or all if there are fewer, without special tokens.
    pub(super) fn last_ids(&self, mut text: &str, count: usize) -> tokenizers::Result<Vec<u32>> {
        let mut ids = Vec::new();
        while !text.is_empty() {
            let (piece, rest) = text.split_at(piece(text));
            ids.extend_from_slice(self.inner.encode_fast(piece, false)?.get_ids());
            ids.drain(..ids.len().saturating_sub(count));
            text = rest;
        }
        Ok(ids)
    }

    /// Whether the token continues a word, by its name in `WordPiece`.
    fn continues_word(&self, id: u32) -> bool {
        self.inner.id_to_token(id).is_some_and(|token| token.starts_with("##"))
    }
}

/// The length of the first piece of `text`. If possible it ends before a single space between words: then the tokens
/// are the same as those of the whole text.
fn piece(text: &str) -> usize {
    if text.len() <= PIECE {
        return text.len();
    }
    let start = &text[..text.floor_char_boundary(PIECE)];
    let is_single = |&(space, _): &(usize, &str)| {
        let is_word = |letter: Option<char>| letter.is_some_and(|letter| !letter.is_whitespace());
        is_word(text[..space].chars().next_back()) && is_word(text[space + 1..].chars().next())
    };
    start.rmatch_indices(' ').find(is_single).map_or(start.len(), |(space, _)| space)
}

pub(super) fn from_ids(ids: &[u32]) -> tokenizers::Encoding {
    let token = |&id: &u32| Token::new(id, String::new(), (0, 0));
    tokenizers::Encoding::from_tokens(ids.iter().map(token).collect(), 0)
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
    use super::*;

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
