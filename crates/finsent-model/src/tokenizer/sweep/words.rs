//! `WordPiece`: a word is split into the longest pieces, from its beginning.

use std::collections::HashMap;

use tokenizers::models::wordpiece::WordPiece;

use crate::tokenizer::trie::Trie;

/// The pieces of a vocabulary.
#[derive(Debug)]
pub(super) struct Words {
    /// Pieces at the beginning of a word.
    first: Trie,
    /// Pieces that continue a word, without their prefix.
    next: Trie,
    unknown: u32,
    /// Longer words are unknown.
    max_letters: usize,
}

impl Words {
    /// `None` if the vocabulary has no unknown token.
    pub(super) fn new(model: &WordPiece, vocabulary: &HashMap<String, u32>) -> Option<Self> {
        let unknown = *vocabulary.get(&model.unk_token)?;
        let prefix = model.continuing_subword_prefix.as_bytes();
        let pieces = || vocabulary.iter().map(|(piece, &id)| (piece.as_bytes(), id));
        let next = pieces().filter_map(|(piece, id)| Some((piece.strip_prefix(prefix)?, id)));
        // A word of several letters has no punctuation, so that none begins like the usual prefix.
        let is_first = |(piece, _): &(&[u8], u32)| prefix != b"##" || !piece.starts_with(prefix);
        let (first, next) = (Trie::new(pieces().filter(is_first))?, Trie::new(next)?);
        Some(Self { first, next, unknown, max_letters: model.max_input_chars_per_word })
    }

    /// Appends the ids of `word` and empties it.
    pub(super) fn take(&self, word: &mut Word, ids: &mut Vec<u32>) {
        if word.letters > 0 {
            self.append(word, ids);
            word.bytes.clear();
            word.letters = 0;
        }
    }

    fn append(&self, word: &Word, ids: &mut Vec<u32>) {
        let start = ids.len();
        let mut rest = &word.bytes[..];
        let mut pieces = &self.first;
        while !rest.is_empty() && word.letters <= self.max_letters {
            let Some((length, id)) = pieces.longest(rest) else { break };
            ids.push(id);
            rest = &rest[length..];
            pieces = &self.next;
        }
        if !rest.is_empty() {
            ids.truncate(start);
            ids.push(self.unknown);
        }
    }

    /// Appends a letter to a word, unless it is too long already.
    pub(super) fn extend(&self, word: &mut Word, letter: char) {
        if word.letters <= self.max_letters {
            match u8::try_from(letter) {
                Ok(byte) if byte.is_ascii() => word.bytes.push(byte),
                _ => word.bytes.extend_from_slice(letter.encode_utf8(&mut [0; 4]).as_bytes()),
            }
            word.letters += 1;
        }
    }
}

/// A word up to some letter.
#[derive(Debug, Default)]
pub(super) struct Word {
    bytes: Vec<u8>,
    letters: usize,
}
