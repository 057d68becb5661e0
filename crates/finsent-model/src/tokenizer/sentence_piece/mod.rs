//! Reads the file of a sentencepiece model: `sentencepiece.bpe.model`, `spm.model`, `spiece.model`.
//!
//! It is one message of protocol buffers, `ModelProto` in sentencepiece's `sentencepiece_model.proto`. Only the fields
//! that transformers uses are read: the pieces, the kind of the model, the id of the unknown piece, and the table of the
//! normalizer.

mod wire;

use self::wire::{Fields, Value};

/// What transformers uses of a sentencepiece model.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct SentencePieceModel {
    /// The pieces in the order of their ids.
    pub(super) pieces: Vec<Piece>,
    /// The id of the unknown piece, as the file says.
    pub(super) unk_id: i32,
    /// The table by which characters are replaced before the text is split. Empty if there is none.
    pub(super) charsmap: Vec<u8>,
}

/// An entry of the vocabulary.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Piece {
    pub(super) text: String,
    /// The logarithm of its probability.
    pub(super) score: f64,
    pub(super) kind: Kind,
}

/// What a piece stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// A part of a text.
    Normal,
    /// What is in no piece.
    Unknown,
    /// A token that no text has, such as the end of a sentence.
    Control,
    /// A part of a text that is never split.
    UserDefined,
    /// Not used for any text.
    Unused,
    /// A byte of a character that is in no piece.
    Byte,
}

impl SentencePieceModel {
    /// Reads a file.
    ///
    /// # Errors
    /// Why it is not a unigram model, for the end of a message.
    pub(super) fn parse(file: &[u8]) -> Result<Self, String> {
        let mut model = Self { pieces: Vec::new(), unk_id: 0, charsmap: Vec::new() };
        let mut algorithm = Self::UNIGRAM;
        for field in Fields::of(file) {
            match field? {
                (1, Value::Bytes(message)) => {
                    let id = model.pieces.len();
                    let piece = Piece::parse(message).map_err(|reason| format!("piece {id}: {reason}"))?;
                    model.pieces.push(piece);
                }
                (2, Value::Bytes(message)) => model.read_trainer(message, &mut algorithm)?,
                (3, Value::Bytes(message)) => model.read_normalizer(message)?,
                (number @ 1..=3, _) => return Err(wrong_type(number)),
                _ => {}
            }
        }
        match algorithm {
            Self::UNIGRAM if model.pieces.is_empty() => Err("it has no pieces".into()),
            Self::UNIGRAM => Ok(model),
            other => Err(format!(
                "its pieces are those of {}, and finsent splits only by unigrams; add the tokenizer.json that \
                 `save_pretrained` of transformers writes",
                match other {
                    2 => "byte pair encoding".into(),
                    3 => "whole words".into(),
                    4 => "single characters".into(),
                    other => format!("the unknown kind {other}"),
                }
            )),
        }
    }

    /// `TrainerSpec.UNIGRAM`, which is also the default.
    const UNIGRAM: u64 = 1;

    fn read_trainer(&mut self, message: &[u8], algorithm: &mut u64) -> Result<(), String> {
        for field in Fields::of(message) {
            match field? {
                (3, Value::Varint(value)) => *algorithm = value,
                // A negative number has the bits of its 64-bit form.
                (40, Value::Varint(value)) => self.unk_id = value as i32,
                (number @ (3 | 40), _) => return Err(wrong_type(number)),
                _ => {}
            }
        }
        Ok(())
    }

    fn read_normalizer(&mut self, message: &[u8]) -> Result<(), String> {
        for field in Fields::of(message) {
            match field? {
                (2, Value::Bytes(charsmap)) => self.charsmap = charsmap.to_vec(),
                (2, _) => return Err(wrong_type(2)),
                _ => {}
            }
        }
        Ok(())
    }
}

impl Piece {
    fn parse(message: &[u8]) -> Result<Self, String> {
        let mut piece = Self { text: String::new(), score: 0.0, kind: Kind::Normal };
        for field in Fields::of(message) {
            match field? {
                (1, Value::Bytes(text)) => {
                    piece.text = str::from_utf8(text).map_err(|_| "its text is not UTF-8")?.to_owned();
                }
                (2, Value::Fixed32(score)) => piece.score = f64::from(f32::from_le_bytes(score)),
                (3, Value::Varint(kind)) => {
                    piece.kind = Kind::of(kind).ok_or_else(|| format!("it has the unknown type {kind}"))?;
                }
                (number @ 1..=3, _) => return Err(wrong_type(number)),
                _ => {}
            }
        }
        Ok(piece)
    }
}

impl Kind {
    fn of(value: u64) -> Option<Self> {
        let kinds = [Self::Normal, Self::Unknown, Self::Control, Self::UserDefined, Self::Unused, Self::Byte];
        usize::try_from(value).ok()?.checked_sub(1).and_then(|index| kinds.get(index).copied())
    }
}

fn wrong_type(number: u64) -> String {
    format!("field {number} has a value of another type")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A field with bytes.
    fn bytes(number: u8, content: &[u8]) -> Vec<u8> {
        [&[number << 3 | 2, content.len() as u8], content].concat()
    }

    fn piece(text: &str, score: f32, kind: u8) -> Vec<u8> {
        bytes(1, &[bytes(1, text.as_bytes()), vec![0x15], score.to_le_bytes().to_vec(), vec![0x18, kind]].concat())
    }

    #[test]
    fn pieces_and_what_belongs_to_them_are_read() {
        let trainer = bytes(2, &[0x18, 1, 0xc0, 2, 1]);
        let normalizer = bytes(3, &[bytes(1, b"identity"), bytes(2, &[4, 0, 0, 0])].concat());
        let unknown_field = bytes(7, b"ignored");
        let file = [unknown_field, piece("<s>", 0.0, 3), piece("<unk>", 0.0, 2), piece("\u{2581}a", -1.5, 1)].concat();
        let model = SentencePieceModel::parse(&[file, trainer, normalizer].concat()).unwrap();
        let kinds: Vec<Kind> = model.pieces.iter().map(|piece| piece.kind).collect();
        assert_eq!(kinds, [Kind::Control, Kind::Unknown, Kind::Normal]);
        assert_eq!((&*model.pieces[2].text, model.pieces[2].score), ("\u{2581}a", -1.5));
        assert_eq!((model.unk_id, &model.charsmap[..]), (1, &[4, 0, 0, 0][..]));
    }

    #[test]
    fn other_files_are_refused_with_a_reason() {
        let one = piece("a", 0.0, 1);
        for (file, reason) in [
            (vec![], "no pieces"),
            (bytes(2, &[0x18, 2]), "byte pair encoding"),
            (bytes(2, &[0x18, 3]), "whole words"),
            (bytes(2, &[0x18, 9]), "unknown kind 9"),
            (bytes(2, &bytes(3, b"x")), "field 3 has a value of another type"),
            (vec![0x08, 1], "field 1 has a value of another type"),
            ([&one[..], &piece("b", 0.0, 7)].concat(), "piece 1: it has the unknown type 7"),
            ([&one[..], &bytes(1, &bytes(1, b"\xff"))].concat(), "piece 1: its text is not UTF-8"),
            (bytes(1, &[0x10, 1]), "piece 0: field 2 has a value of another type"),
            (one[..one.len() - 1].to_vec(), "truncated"),
            (bytes(3, &[0x10, 1]), "field 2 has a value of another type"),
            (b"{\"version\": \"1.0\"}".to_vec(), "wire type"),
        ] {
            let error = SentencePieceModel::parse(&file).unwrap_err();
            assert!(error.contains(reason), "{error} is not about {reason}");
        }
    }

    #[test]
    fn no_damage_is_a_panic() {
        let file = [piece("<unk>", 0.0, 2), piece("ab", -1.0, 1), bytes(2, &[0x18, 1]), bytes(3, &bytes(2, &[1; 9]))];
        let file = file.concat();
        for end in 0..file.len() {
            let _ = SentencePieceModel::parse(&file[..end]);
            for bit in 0..8 {
                let mut damaged = file.clone();
                damaged[end] ^= 1 << bit;
                let _ = SentencePieceModel::parse(&damaged);
            }
        }
    }
}
