//! A text that is longer than the window becomes several windows that overlap.

use std::ops::Range;

use tokenizers::Token;

use super::{Encoding, Tokenizer, TokenizerError, given_up};
use crate::catch_panic::catch_panic;

/// Neighbouring windows share at least one in so many of their tokens.
pub const OVERLAP: usize = 4;

/// How far, as one in so many of its tokens, the beginning of a window may move to the beginning of a word.
const LEEWAY: usize = 8;

/// Bytes that are given to the library at once: it takes some hundred bytes of memory for each short word.
const PIECE: usize = 64 << 10;

/// A text in one or several windows, all of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Windows {
    /// In the order of the text; none of them says `truncated`.
    pub encodings: Vec<Encoding>,
    /// Tokens of the text, and the special ones once.
    pub tokens: usize,
}

impl Tokenizer {
    /// All tokens of `text`: as [`Tokenizer::encode`] has them when they fit the window, else in windows of one length that
    /// are evenly spaced, each with special tokens. Neighbours share a quarter of their text tokens or more.
    ///
    /// More than 64 KiB are tokenised in pieces, between which stands one space; without one there, words may be cut in two.
    /// With `WordPiece`, windows begin at the beginning of a word where there is one near; they may end within a word.
    ///
    /// # Errors
    /// [`TokenizerError::Encode`] or [`TokenizerError::NoTokens`].
    pub fn windows(&self, text: &str) -> Result<Windows, TokenizerError> {
        catch_panic(|| self.windows_unguarded(text))
            .unwrap_or_else(|words| Err(TokenizerError::Encode(given_up(&words))))
    }

    fn windows_unguarded(&self, text: &str) -> Result<Windows, TokenizerError> {
        let library = |error: tokenizers::Error| TokenizerError::Encode(error.to_string());
        let ids = self.ids(text).map_err(library)?;
        if ids.len() <= self.text_tokens {
            // The words of so few tokens are whole, whatever their length.
            let encoding = self.encode_str(text)?;
            return Ok(Windows { tokens: encoding.len(), encodings: vec![encoding] });
        }
        let continues = |token: usize| self.continues_word(ids[token]);
        let window = |range: Range<usize>| self.with_special_tokens(from_ids(&ids[range]), false);
        let encodings = ranges(ids.len(), self.text_tokens, continues).map(window).collect::<Result<_, _>>()?;
        Ok(Windows { encodings, tokens: ids.len() + self.max_length - self.text_tokens })
    }

    /// The ids of all of `text`, without special ones.
    fn ids(&self, mut text: &str) -> tokenizers::Result<Vec<u32>> {
        let mut ids = Vec::new();
        while !text.is_empty() {
            let (piece, rest) = text.split_at(piece(text));
            ids.extend_from_slice(self.inner.encode_fast(piece, false)?.get_ids());
            text = rest;
        }
        Ok(ids)
    }

    /// Whether the token is no first piece of a word, as far as its name says.
    fn continues_word(&self, id: u32) -> bool {
        self.inner.id_to_token(id).is_some_and(|token| token.starts_with("##"))
    }
}

/// Length of the first piece of `text`. It ends before a space that stands alone, so that the tokens on both sides are
/// those of the whole.
fn piece(text: &str) -> usize {
    if text.len() <= PIECE {
        return text.len();
    }
    let start = &text[..text.floor_char_boundary(PIECE)];
    let stands_alone = |&(space, _): &(usize, &str)| {
        let is_word = |letter: Option<char>| letter.is_some_and(|letter| !letter.is_whitespace());
        is_word(text[..space].chars().next_back()) && is_word(text[space + 1..].chars().next())
    };
    start.rmatch_indices(' ').find(stands_alone).map_or(start.len(), |(space, _)| space)
}

fn from_ids(ids: &[u32]) -> tokenizers::Encoding {
    let token = |&id: &u32| Token::new(id, String::new(), (0, 0));
    tokenizers::Encoding::from_tokens(ids.iter().map(token).collect(), 0)
}

/// Windows of `length` over more than that many tokens: the first begins with them, the last ends with them.
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
    fn windows_cover_all_tokens_and_share_a_quarter_or_more() {
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
    fn windows_begin_at_words_where_one_begins_near() {
        let begins = |token: usize| token.is_multiple_of(7);
        let windows: Vec<_> = ranges(1000, 100, |token| !begins(token)).collect();
        let inner = &windows[..windows.len() - 1];
        assert!(inner.iter().all(|window| begins(window.start)), "{windows:?}");
    }
}
