//! Unigram pieces of a word that is not complete.
//!
//! A text without spaces, as Chinese and Japanese are written, is one word. Its most probable pieces depend on all of it,
//! but a change at its end changes only the last few.

use super::model::UnigramModel;
use super::model::{AnyModel, Library};
use super::unigram::SPACE;

/// What is special about a unigram model.
#[derive(Debug, Clone, Copy)]
pub(super) struct UnigramPieces {
    /// The longest piece in bytes.
    longest: usize,
    /// The piece that is only a space.
    space: Option<u32>,
    unknown: Option<u32>,
}

impl UnigramPieces {
    /// `None` if the tokenizer has another model.
    pub(super) fn of(tokenizer: &Library) -> Option<Self> {
        let AnyModel::Unigram(model) = tokenizer.get_model() else { return None };
        // The model does not say which piece is unknown. No text has this character.
        let unknown = model.split("\u{10ffff}").ok().filter(|pieces| pieces.len() == 1).map(|pieces| pieces[0].id);
        Some(Self { longest: model.longest(), space: model.id(SPACE.encode_utf8(&mut [0; 4])), unknown })
    }

    /// How many tokens at the beginning of a word stay the same whatever follows its tokens `pieces` with `ids`.
    ///
    /// The most probable pieces of the whole word include a best path to some place among the last `longest` bytes of what is
    /// known, or to its end. So they begin with what the best paths to all these places have in common.
    pub(super) fn settled(self, tokenizer: &Library, pieces: &[String], ids: &[u32]) -> usize {
        let AnyModel::Unigram(model) = tokenizer.get_model() else { return 0 };
        let word = pieces.concat();
        let from = word.floor_char_boundary(word.len().saturating_sub(self.longest));
        let ends = (from..=word.len()).filter(|&end| word.is_char_boundary(end));
        // The path to the furthest place is most like the one that is known, and the first shared token is all that counts.
        ends.rev().try_fold(ids.len(), |settled, end| shared(model, &word[..end], &ids[..settled])).unwrap_or(0)
    }

    /// Appends the ids of a part of a text. If the part begins within a word, the space that the tokenizer puts before it
    /// is left out, and an unknown piece that goes on is one.
    pub(super) fn join(self, ids: &mut Vec<u32>, mut part: &[u32], begins_within_word: bool) {
        if begins_within_word {
            part = part.strip_prefix(self.space.as_slice()).filter(|_| self.space.is_some()).unwrap_or(part);
            let is_unknown = |id: Option<&u32>| id.is_some() && id == self.unknown.as_ref();
            part = &part[usize::from(is_unknown(ids.last()) && is_unknown(part.first()))..];
        }
        ids.extend_from_slice(part);
    }
}

/// How many ids at the beginning of `word` are those of `ids`; `None` if none is.
fn shared(model: &UnigramModel, word: &str, ids: &[u32]) -> Option<usize> {
    let found = model.split(word).ok()?;
    let shared = found.iter().zip(ids).take_while(|(piece, id)| piece.id == **id).count();
    (shared > 0).then_some(shared)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A model whose best pieces change far back when one letter is added.
    fn tokenizer() -> Library {
        let pieces = [
            ("<unk>", 0.0),
            ("\u{2581}", -3.0),
            ("a", -2.0),
            ("b", -2.0),
            ("ab", -2.5),
            ("ba", -2.4),
            ("abab", -4.0),
            ("babb", -3.0),
            ("c", -3.0),
        ];
        let pieces = pieces.map(|(piece, score)| (piece.to_owned(), score)).to_vec();
        Library::new(UnigramModel::new(&pieces, Some(0), false).unwrap().into())
    }

    fn tokens(tokenizer: &Library, word: &str) -> (Vec<String>, Vec<u32>) {
        let encoding = tokenizer.encode(word, false).unwrap();
        (encoding.get_tokens().to_vec(), encoding.get_ids().to_vec())
    }

    #[test]
    fn what_is_settled_stays_whatever_follows() {
        let tokenizer = tokenizer();
        let pieces = UnigramPieces::of(&tokenizer).unwrap();
        assert_eq!((pieces.longest, pieces.space, pieces.unknown), (5, Some(1), Some(0)));
        let mut settled_in_all = 0;
        for seed in 0..300 {
            let mut random = fastrand::Rng::with_seed(seed);
            let mut letters =
                |count: usize| (0..count).map(|_| ["a", "b", "c", "x"][random.usize(..4)]).collect::<String>();
            let word = letters(14);
            let (known, ids) = tokens(&tokenizer, &word);
            let settled = pieces.settled(&tokenizer, &known, &ids);
            settled_in_all += settled;
            for count in [0, 1, 2, 3, 5, 8, 13] {
                let longer = tokens(&tokenizer, &format!("{word}{}", letters(count))).1;
                assert_eq!(longer[..settled], ids[..settled], "{word}, then {count}");
            }
        }
        assert!(settled_in_all > 1000, "{settled_in_all} tokens are settled");
    }

    #[test]
    fn parts_within_a_word_are_joined() {
        let pieces = UnigramPieces::of(&tokenizer()).unwrap();
        let joined = |part: &[u32], within| {
            let mut ids = vec![1, 0];
            pieces.join(&mut ids, part, within);
            ids
        };
        assert_eq!(joined(&[1, 0, 2], false), [1, 0, 1, 0, 2]);
        assert_eq!(joined(&[1, 0, 2], true), [1, 0, 2]);
        assert_eq!(joined(&[1, 2, 0], true), [1, 0, 2, 0]);
        assert_eq!(joined(&[3, 0], true), [1, 0, 3, 0]);
        assert_eq!(joined(&[], true), [1, 0]);
    }
}
