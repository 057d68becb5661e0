//! The most probable pieces of a word.
//!
//! The library's model does the same, but keeps a hash map for each node of its tree: hundreds of megabytes for the 250,000
//! pieces of XLM-RoBERTa, where nine bytes per node are enough.

use super::tokens::Tokens;
use super::trie::Trie;

/// How much less probable an unknown character is than the least probable piece, as a logarithm.
const UNKNOWN_PENALTY: f64 = 10.0;

/// The pieces of a unigram model with the logarithms of their probabilities.
#[derive(Debug, PartialEq)]
pub(in super::super) struct UnigramModel {
    trie: Trie,
    scores: Box<[f64]>,
    pieces: Tokens,
    unknown: Option<u32>,
    unknown_score: f64,
    /// The pieces of bytes, if unknown characters are split into them.
    bytes: Option<Box<[Option<u32>; 256]>>,
    /// The longest piece in bytes.
    longest: usize,
}

/// A token of a word: its id, and where it ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) struct Piece {
    pub(in super::super) id: u32,
    pub(in super::super) end: usize,
}

/// The best way to a place in a word.
#[derive(Debug, Clone, Copy)]
struct Path {
    score: f64,
    /// Where its last piece begins; [`UNREACHED`] if there is no way.
    start: u32,
    id: u32,
}

impl Path {
    fn is_worse_than(self, score: f64) -> bool {
        self.start == UNREACHED || score > self.score
    }
}

const UNREACHED: u32 = u32::MAX;

impl UnigramModel {
    /// The model with these pieces and scores; the index is the id. Of a piece that appears twice, the last id counts.
    /// `bytes` says whether unknown characters are split into pieces of bytes, as in `<0x41>`.
    ///
    /// # Errors
    /// If there is no piece with the id `unknown`, or there are too many pieces.
    pub(in super::super) fn new(vocab: &[(String, f64)], unknown: Option<usize>, bytes: bool) -> Result<Self, String> {
        if unknown.is_some() && vocab.is_empty() {
            return Err("The vocabulary is empty but at least <unk> is needed".into());
        }
        if unknown.is_some_and(|id| id >= vocab.len()) {
            return Err("The `unk_id` is larger than vocabulary size".into());
        }
        let pieces = || vocab.iter().map(|(piece, _)| &**piece).zip(0..);
        let trie = Trie::new(pieces().map(|(piece, id)| (piece.as_bytes(), id)));
        let (trie, pieces) = trie.zip(Tokens::new(pieces())).ok_or("The vocabulary is too large")?;
        let min_score =
            vocab.iter().fold(f64::INFINITY, |least, (_, score)| if *score < least { *score } else { least });
        let of_byte = |byte| trie.id(format!("<0x{byte:02X}>").as_bytes());
        Ok(Self {
            scores: vocab.iter().map(|(_, score)| *score).collect(),
            pieces,
            unknown: unknown.map(|id| id as u32),
            unknown_score: min_score - UNKNOWN_PENALTY,
            bytes: bytes.then(|| Box::new(std::array::from_fn(of_byte))),
            longest: vocab.iter().map(|(piece, _)| piece.len()).max().unwrap_or(0),
            trie,
        })
    }

    /// All pieces, those that appear twice included.
    pub(super) fn tokens(&self) -> &Tokens {
        &self.pieces
    }

    /// The length of the longest piece in bytes.
    pub(in super::super) fn longest(&self) -> usize {
        self.longest
    }

    pub(in super::super) fn id(&self, piece: &str) -> Option<u32> {
        self.trie.id(piece.as_bytes())
    }

    /// The most probable pieces of `word`. Unknown characters beside each other are one token.
    ///
    /// # Errors
    /// If a character is unknown and the model has no unknown piece.
    pub(in super::super) fn split(&self, word: &str) -> Result<Vec<Piece>, &'static str> {
        if word.len() >= UNREACHED as usize {
            return Err("a word has 4 GB");
        }
        let paths = self.best_paths(word).ok_or("Encountered an unknown token but `unk_id` is missing")?;
        let mut pieces = Vec::new();
        // The end of the unknown characters that follow.
        let mut unknown_end = None;
        let mut end = word.len();
        while end > 0 {
            let Path { start, id, .. } = paths[end];
            if Some(id) == self.unknown {
                unknown_end = unknown_end.or(Some(end));
            } else {
                self.push_unknown(word, end, unknown_end.take(), &mut pieces);
                pieces.push(Piece { id, end });
            }
            end = start as usize;
        }
        self.push_unknown(word, 0, unknown_end, &mut pieces);
        pieces.reverse();
        Ok(pieces)
    }

    /// Appends what becomes of unknown characters from `start` to `end`, in reverse order.
    fn push_unknown(&self, word: &str, start: usize, end: Option<usize>, pieces: &mut Vec<Piece>) {
        let Some(end) = end else { return };
        let unknown = &word[start..end];
        // The name of the unknown piece, or several characters that a piece has, but not alone.
        let own = self.trie.id(unknown.as_bytes());
        let bytes = self.bytes.as_ref().filter(|_| own.is_none());
        let bytes = bytes.and_then(|ids| unknown.bytes().rev().map(|byte| ids[usize::from(byte)]).collect());
        let ids: Vec<u32> = bytes.unwrap_or_else(|| own.or(self.unknown).into_iter().collect());
        pieces.extend(ids.into_iter().map(|id| Piece { id, end }));
    }

    /// The best way to each place in `word`; `None` if a character is unknown and there is no unknown piece.
    fn best_paths(&self, word: &str) -> Option<Vec<Path>> {
        let mut paths = vec![Path { score: 0.0, start: UNREACHED, id: 0 }; word.len() + 1];
        for (start, letter) in word.char_indices() {
            let (before, next) = (paths[start].score, start + letter.len_utf8());
            let mut is_known = false;
            self.trie.prefixes(&word.as_bytes()[start..], |length, id| {
                let (path, score) = (&mut paths[start + length], self.scores[id as usize] + before);
                if path.is_worse_than(score) {
                    *path = Path { score, start: start as u32, id };
                }
                is_known |= start + length == next;
            });
            let score = self.unknown_score + before;
            if !is_known && paths[next].is_worse_than(score) {
                paths[next] = Path { score, start: start as u32, id: self.unknown? };
            }
        }
        Some(paths)
    }
}

#[cfg(test)]
mod tests {
    use fastrand::Rng;
    use tokenizers::Model;
    use tokenizers::models::unigram::Unigram;

    use super::*;

    fn check(model: &UnigramModel, library: &Unigram, word: &str) {
        let expected = library.tokenize(word);
        let found = model.split(word);
        match (found, expected) {
            (Ok(found), Ok(expected)) => {
                let found: Vec<_> = found.iter().map(|piece| (piece.id, piece.end)).collect();
                let expected: Vec<_> = expected.iter().map(|token| (token.id, token.offsets.1)).collect();
                assert_eq!(found, expected, "{word:?} with {library:?}");
            }
            (Err(found), Err(expected)) => assert_eq!(found, expected.to_string()),
            (found, expected) => panic!("{found:?} instead of {expected:?}"),
        }
    }

    const LETTERS: [&str; 9] = ["a", "b", "ab", "c", "\u{2581}", "é", "日", "<unk>", "🚀"];

    fn word(random: &mut Rng, longest: usize) -> String {
        (0..random.usize(..longest)).map(|_| LETTERS[random.usize(..LETTERS.len())]).collect()
    }

    /// Scores that are often equal, so that it counts which of two ways is found first.
    fn vocabulary(random: &mut Rng) -> Vec<(String, f64)> {
        let count = random.usize(1..60);
        let piece = |random: &mut Rng| match random.u8(..12) {
            0 => (format!("<0x{:02X}>", [0xe6, 0x97, 0xa5, 0xc3, 0xa9, b'c'][random.usize(..6)]), -3.0),
            1 => ("<unk>".into(), 0.0),
            2 => (word(random, 4), f64::from(random.i8(..)) / 3.0),
            _ => (word(random, 4), f64::from(random.u8(..6)) / 10.0 - 4.0),
        };
        (0..count).map(|_| piece(random)).collect()
    }

    #[test]
    fn random_models_do_what_those_of_the_library_do() {
        for seed in 0..3000 {
            let mut random = Rng::with_seed(seed);
            let vocab = vocabulary(&mut random);
            let unknown = (random.u8(..5) > 0).then(|| random.usize(..vocab.len() + 1));
            let bytes = random.bool();
            let (ours, theirs) =
                (UnigramModel::new(&vocab, unknown, bytes), Unigram::from(vocab.clone(), unknown, bytes));
            let (ours, theirs) = match (ours, theirs) {
                (Ok(ours), Ok(theirs)) => (ours, theirs),
                (Err(ours), Err(theirs)) => {
                    assert_eq!(ours, theirs.to_string());
                    continue;
                }
                (ours, theirs) => panic!("{ours:?} instead of {theirs:?}"),
            };
            for _ in 0..20 {
                check(&ours, &theirs, &word(&mut random, 12));
            }
            assert_eq!(ours.tokens().len(), theirs.get_vocab_size());
            for (piece, _) in &vocab {
                assert_eq!(ours.id(piece), theirs.token_to_id(piece), "{piece:?}");
            }
            for id in 0..=vocab.len() as u32 {
                assert_eq!(ours.tokens().name(id), theirs.id_to_token(id).as_deref());
            }
        }
    }
}
