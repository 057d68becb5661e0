//! `WordPiece`: a word is split into the longest pieces, from its beginning.
//!
//! The library's model does the same, but keeps each token in two hash maps.

use super::tokens::Tokens;
use super::trie::Trie;

/// What a tokenizer says about its pieces.
#[derive(Debug, Clone, Copy)]
pub(in super::super) struct WordPieceSettings<'a> {
    /// The token of words that have no pieces.
    pub(in super::super) unknown: &'a str,
    /// What the pieces that continue a word begin with.
    pub(in super::super) prefix: &'a str,
    /// Longer words are unknown, in characters.
    pub(in super::super) max_letters: usize,
}

/// The pieces of a vocabulary.
#[derive(Debug, PartialEq)]
pub(in super::super) struct WordPieceModel {
    /// All tokens.
    all: Trie,
    /// Pieces that continue a word, without their prefix.
    next: Trie,
    tokens: Tokens,
    unknown: Option<u32>,
    pub(in super::super) max_letters: usize,
}

/// A word as far as it is known.
#[derive(Debug, Default)]
pub(in super::super) struct Word {
    bytes: Vec<u8>,
    letters: usize,
}

impl WordPieceModel {
    /// The model with these tokens. Of a token that appears twice, the last id counts.
    ///
    /// `None` if an id is [`u32::MAX`], or there are 4 GB of tokens.
    pub(in super::super) fn new(tokens: Tokens, settings: WordPieceSettings<'_>) -> Option<Self> {
        let all = Trie::new(tokens.iter().map(|(token, id)| (token.as_bytes(), id)))?;
        let tokens = match all.len() == tokens.len() {
            true => tokens,
            false => Tokens::new(tokens.iter().filter(|(token, id)| all.id(token.as_bytes()) == Some(*id)))?,
        };
        let next = tokens.iter().filter_map(|(token, id)| Some((token.strip_prefix(settings.prefix)?.as_bytes(), id)));
        Some(Self {
            next: Trie::new(next)?,
            unknown: all.id(settings.unknown.as_bytes()),
            max_letters: settings.max_letters,
            all,
            tokens,
        })
    }

    pub(super) fn tokens(&self) -> &Tokens {
        &self.tokens
    }

    pub(in super::super) fn id(&self, token: &str) -> Option<u32> {
        self.all.id(token.as_bytes())
    }

    /// Whether every word has ids.
    pub(in super::super) fn has_unknown(&self) -> bool {
        self.unknown.is_some()
    }

    /// The pieces of a word with the places where they end, or the unknown token.
    ///
    /// # Errors
    /// If the word has no pieces, and the vocabulary has no unknown token.
    pub(super) fn split(&self, word: &str) -> Result<Vec<(u32, usize)>, &'static str> {
        let mut pieces = Vec::new();
        let is_short = word.chars().nth(self.max_letters).is_none();
        if is_short && self.match_pieces(word.as_bytes(), |id, end| pieces.push((id, end))) {
            return Ok(pieces);
        }
        let unknown = self.unknown.ok_or("WordPiece error: Missing [UNK] token from the vocabulary")?;
        Ok(vec![(unknown, word.len())])
    }

    /// Calls `take` with the id and the end of each piece. Whether all of the word has pieces.
    fn match_pieces(&self, word: &[u8], mut take: impl FnMut(u32, usize)) -> bool {
        let (mut start, mut pieces) = (0, &self.all);
        while start < word.len() {
            let Some((length, id)) = pieces.longest(&word[start..]) else { return false };
            start += length;
            take(id, start);
            pieces = &self.next;
        }
        true
    }

    /// Appends a letter to a word, unless it is too long already.
    pub(in super::super) fn extend(&self, word: &mut Word, letter: char) {
        if word.letters <= self.max_letters {
            match u8::try_from(letter) {
                Ok(byte) if byte.is_ascii() => word.bytes.push(byte),
                _ => word.bytes.extend_from_slice(letter.encode_utf8(&mut [0; 4]).as_bytes()),
            }
            word.letters += 1;
        }
    }

    /// Appends the ids of `word` and empties it.
    pub(in super::super) fn finish(&self, word: &mut Word, ids: &mut Vec<u32>) {
        if word.letters == 0 {
            return;
        }
        let start = ids.len();
        let is_short = word.letters <= self.max_letters;
        if !(is_short && self.match_pieces(&word.bytes, |id, _| ids.push(id))) {
            ids.truncate(start);
            ids.extend(self.unknown);
        }
        word.bytes.clear();
        word.letters = 0;
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use fastrand::Rng;
    use tokenizers::Model;
    use tokenizers::models::wordpiece::WordPiece;

    use super::*;

    const LETTERS: [&str; 8] = ["a", "b", "ab", "é", "日", "#", "##", "##a"];

    fn word(random: &mut Rng, longest: usize) -> String {
        (0..random.usize(..longest)).map(|_| LETTERS[random.usize(..LETTERS.len())]).collect()
    }

    #[test]
    fn random_models_do_what_those_of_the_library_do() {
        for seed in 0..3000 {
            let mut random = Rng::with_seed(seed);
            let prefix = ["##", "", "#a", "é"][random.usize(..4)];
            let mut vocabulary: BTreeMap<String, u32> = BTreeMap::new();
            for _ in 0..random.usize(1..80) {
                let id = vocabulary.len() as u32 * if seed % 3 == 0 { 7 } else { 1 };
                let token =
                    if random.bool() { format!("{prefix}{}", word(&mut random, 4)) } else { word(&mut random, 4) };
                vocabulary.entry(token).or_insert(id);
            }
            let unknown = word(&mut random, 3);
            let max_letters = random.usize(..9);
            let settings = WordPieceSettings { unknown: &unknown, prefix, max_letters };
            let tokens = Tokens::new(vocabulary.iter().map(|(token, id)| (&**token, *id))).unwrap();
            let ours = WordPieceModel::new(tokens, settings).unwrap();
            let theirs = WordPiece::builder()
                .vocab(vocabulary.clone().into_iter().collect::<ahash::AHashMap<_, _>>())
                .unk_token(unknown.clone())
                .continuing_subword_prefix(prefix.into())
                .max_input_chars_per_word(max_letters)
                .build()
                .unwrap();
            for word in (0..20).map(|_| word(&mut random, 9)) {
                match (ours.split(&word), theirs.tokenize(&word)) {
                    (Ok(found), Ok(expected)) => {
                        let expected: Vec<_> = expected.iter().map(|token| (token.id, token.offsets.1)).collect();
                        assert_eq!(found, expected, "{word:?} with {vocabulary:?}");
                        let (mut letters, mut ids) = (Word::default(), Vec::new());
                        word.chars().for_each(|letter| ours.extend(&mut letters, letter));
                        ours.finish(&mut letters, &mut ids);
                        assert!(ids.into_iter().eq(found.iter().map(|(id, _)| *id)) || !ours.has_unknown());
                    }
                    (Err(found), Err(expected)) => assert_eq!(found, expected.to_string()),
                    (found, expected) => panic!("{found:?} instead of {expected:?}"),
                }
            }
            assert_eq!(ours.tokens().len(), theirs.get_vocab_size());
            for (token, id) in &vocabulary {
                assert_eq!((ours.id(token), ours.tokens().name(*id)), (Some(*id), Some(&**token)));
            }
        }
    }
}
