//! Which tokens of an encoding belong to which word, and the encoding without some of the words.

use std::ops::Range;

use super::coalition::Coalition;
use super::error::ExplainError;
use super::words::{Word, words};
use crate::tokenizer::{Encoding, LocatedEncoding};

/// An encoding whose tokens are divided among the words of its text.
#[derive(Debug)]
pub(super) struct WordTokens {
    encoding: Encoding,
    /// The word of each token; `None` for the special tokens around the text.
    word_of: Vec<Option<usize>>,
    /// The bytes of each word.
    words: Vec<Range<usize>>,
}

impl WordTokens {
    /// Divides the tokens of `text`. Words that share a token are one word, and what has no tokens, such as what is beyond the
    /// window, is none.
    ///
    /// # Errors
    /// [`ExplainError::NoEmptyText`] if no token is left without words.
    pub(super) fn new(text: &str, located: LocatedEncoding) -> Result<Self, ExplainError> {
        let LocatedEncoding { encoding, bytes } = located;
        if bytes.iter().all(Option::is_some) {
            return Err(ExplainError::NoEmptyText);
        }
        let words = words(text);
        let touched: Vec<Option<Range<usize>>> =
            bytes.into_iter().map(|bytes| bytes.map(|bytes| touched(&words, text, bytes))).collect();
        let joined = join(words, &touched);
        let of_first = |touched: Range<usize>| joined.iter().position(|(range, _)| range.contains(&touched.start));
        let group_of: Vec<Option<usize>> = touched.into_iter().map(|touched| touched.and_then(of_first)).collect();
        Ok(Self::numbered(encoding, &group_of, joined.into_iter().map(|(_, bytes)| bytes).collect()))
    }

    /// Numbers the groups that have tokens.
    fn numbered(encoding: Encoding, group_of: &[Option<usize>], bytes: Vec<Range<usize>>) -> Self {
        let mut number = vec![None; bytes.len()];
        group_of.iter().flatten().for_each(|&group| number[group] = Some(0));
        let with_tokens = number.iter_mut().flatten();
        with_tokens.enumerate().for_each(|(word, number)| *number = word);
        let words =
            bytes.into_iter().zip(&number).filter(|(_, number)| number.is_some()).map(|(bytes, _)| bytes).collect();
        let word_of = group_of.iter().map(|group| group.and_then(|group| number[group])).collect();
        Self { encoding, word_of, words }
    }

    /// The bytes of each word, in order.
    pub(super) fn words(&self) -> &[Range<usize>] {
        &self.words
    }

    /// The encoding with only these words.
    pub(super) fn only(&self, words: &Coalition) -> Encoding {
        let stays = |&token: &usize| self.word_of[token].is_none_or(|word| words.contains(word));
        let tokens: Vec<usize> = (0..self.encoding.len()).filter(stays).collect();
        Encoding {
            input_ids: tokens.iter().map(|&token| self.encoding.input_ids[token]).collect(),
            token_type_ids: tokens.iter().map(|&token| self.encoding.token_type_ids[token]).collect(),
            truncated: self.encoding.truncated,
        }
    }
}

/// The words that a token touches. White space at its ends belongs to no word, but one that is nothing else goes with the word
/// before it.
fn touched(words: &[Word], text: &str, bytes: Range<usize>) -> Range<usize> {
    let part = text.get(bytes.clone()).unwrap_or_default();
    let end = bytes.start + part.trim_end().len();
    let start = (bytes.start + part.len() - part.trim_start().len()).min(end);
    let word_at = |byte: usize| words.partition_point(|word| word.span.end <= byte).min(words.len().saturating_sub(1));
    let first = word_at(start);
    first..word_at(end.saturating_sub(1).max(start)).max(first) + 1
}

/// Joins words that share a token: the range of words of each, and their bytes.
fn join(words: Vec<Word>, touched: &[Option<Range<usize>>]) -> Vec<(Range<usize>, Range<usize>)> {
    let mut continues = vec![false; words.len()];
    for touched in touched.iter().flatten() {
        continues[touched.start + 1..touched.end].fill(true);
    }
    let mut joined: Vec<(Range<usize>, Range<usize>)> = Vec::new();
    for (index, word) in words.into_iter().enumerate() {
        match joined.last_mut().filter(|_| continues[index]) {
            Some((range, bytes)) => (range.end, bytes.end) = (index + 1, word.bytes.end),
            None => joined.push((index..index + 1, word.bytes)),
        }
    }
    joined
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Token ids count from 1; special tokens are 0.
    fn word_tokens(text: &str, tokens: &[Range<usize>]) -> WordTokens {
        let mut bytes = vec![None];
        bytes.extend(tokens.iter().cloned().map(Some));
        bytes.push(None);
        let input_ids = bytes
            .iter()
            .scan(0, |id, bytes| {
                Some(bytes.as_ref().map_or(0, |_| {
                    *id += 1;
                    *id
                }))
            })
            .collect();
        let encoding = Encoding { input_ids, token_type_ids: vec![0; bytes.len()], truncated: false };
        WordTokens::new(text, LocatedEncoding { encoding, bytes }).unwrap()
    }

    fn without(tokens: &WordTokens, word: usize) -> Vec<u32> {
        tokens.only(&Coalition::without(tokens.words().len(), word)).input_ids
    }

    #[test]
    fn all_tokens_of_a_word_and_of_its_punctuation_are_left_out() {
        let tokens = word_tokens("Shares plunged, 12%", &[0..6, 7..11, 11..14, 14..15, 16..18, 18..19]);
        assert_eq!(tokens.words(), [0..6, 7..14, 16..19]);
        assert_eq!(without(&tokens, 0), [0, 2, 3, 4, 5, 6, 0]);
        assert_eq!(without(&tokens, 1), [0, 1, 5, 6, 0]);
        assert_eq!(tokens.only(&Coalition::empty(3)).input_ids, [0, 0]);
    }

    #[test]
    fn words_that_share_a_token_are_one() {
        let tokens = word_tokens("净利润 up", &[0..6, 6..9, 9..12]);
        assert_eq!(tokens.words(), [0..6, 6..9, 10..12]);
        assert_eq!(without(&tokens, 0), [0, 2, 3, 0]);
    }

    #[test]
    fn a_token_of_white_space_goes_with_the_word_before_it() {
        let tokens = word_tokens(" up\n\ndown", &[0..1, 1..3, 3..5, 5..9]);
        assert_eq!(without(&tokens, 0), [0, 4, 0]);
        assert_eq!(without(&tokens, 1), [0, 1, 2, 3, 0]);
    }

    #[test]
    fn words_beyond_the_window_and_without_tokens_are_left_out() {
        let tokens = word_tokens("a \u{301} b c", &[0..1, 5..6]);
        assert_eq!(tokens.words().len(), 2);
    }
}
