//! How large the vocabulary of a unigram model may be.

use crate::tokenizer::vocabulary::MAX_TOKENS;

/// The longest accepted piece in bytes. sentencepiece learns pieces of at most 16 characters unless it is told otherwise. A
/// `tokenizer.json` in an unusual form is read by the library, whose tree of pieces has a level for each byte, and whose
/// destructor calls itself for each level.
const MAX_PIECE_BYTES: usize = 512;
/// The largest accepted sum of the bytes of all pieces. The tree takes nine bytes for each of them, the library's up to
/// 400. XLM-RoBERTa's pieces have 2 MB.
const MAX_BYTES: usize = 4 << 20;

/// Counts pieces.
#[derive(Debug, Default)]
pub(super) struct Limits {
    pieces: usize,
    bytes: usize,
}

impl Limits {
    /// Counts one more piece.
    ///
    /// # Errors
    /// If it is too much, or the score is not a finite number; for the end of a message.
    pub(super) fn add(&mut self, text: &str, score: f64) -> Result<(), String> {
        let id = self.pieces;
        self.pieces += 1;
        self.bytes += text.len();
        if !score.is_finite() {
            return Err(format!("piece {id} has the score {score}, which is not a finite number"));
        }
        if text.len() > MAX_PIECE_BYTES {
            return Err(format!("piece {id} has {} bytes; at most {MAX_PIECE_BYTES} are read", text.len()));
        }
        if self.pieces > MAX_TOKENS {
            return Err(format!("it has more than {MAX_TOKENS} pieces"));
        }
        if self.bytes > MAX_BYTES {
            return Err(format!("its pieces have more than {MAX_BYTES} bytes together"));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_about_a_vocabulary_is_bounded() {
        let full = |piece: &str, count: usize| {
            let mut limits = Limits::default();
            (0..count).try_for_each(|_| limits.add(piece, -1.0))
        };
        assert!(full("", MAX_TOKENS).is_ok());
        assert!(full("", MAX_TOKENS + 1).unwrap_err().contains("pieces"));
        let longest = "x".repeat(MAX_PIECE_BYTES);
        assert!(full(&longest, MAX_BYTES / MAX_PIECE_BYTES).is_ok());
        assert!(full(&longest, MAX_BYTES / MAX_PIECE_BYTES + 1).unwrap_err().contains("together"));
        assert!(full(&format!("{longest}x"), 1).unwrap_err().contains("513 bytes"));
        for score in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            assert!(Limits::default().add("x", score).unwrap_err().contains("finite"));
        }
    }
}
