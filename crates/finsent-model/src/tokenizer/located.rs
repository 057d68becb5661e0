//! An encoding whose tokens know where they are in their text.

use std::ops::Range;

use tokenizers::TruncationDirection;

use super::Tokenizer;
use super::encoding::Encoding;
use super::error::TokenizerError;
use super::piece::PIECE;
use crate::catch_panic::catch_panic;

/// The tokens of one text, and the bytes of the text that each stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LocatedEncoding {
    pub(crate) encoding: Encoding,
    /// `None` for special tokens that are not in the text.
    pub(crate) bytes: Vec<Option<Range<usize>>>,
}

impl Tokenizer {
    /// Tokenizes `text` as [`Tokenizer::encode`] does, and locates the tokens.
    ///
    /// # Errors
    /// As [`Tokenizer::encode`], and [`TokenizerError::NotLocated`].
    pub(crate) fn encode_located(&self, text: &str) -> Result<LocatedEncoding, TokenizerError> {
        catch_panic(|| self.encode_located_or_panic(text))
            .unwrap_or_else(|message| Err(TokenizerError::Encode(TokenizerError::panic_message(&message))))
    }

    fn encode_located_or_panic(&self, text: &str) -> Result<LocatedEncoding, TokenizerError> {
        // To know where tokens are takes more memory than they do. The window is hardly ever filled by more than this.
        let part = match self.truncation_side {
            TruncationDirection::Right => 0..text.floor_char_boundary(PIECE),
            TruncationDirection::Left => text.ceil_char_boundary(text.len().saturating_sub(PIECE))..text.len(),
        };
        let located = self.locate(&text[part.clone()], part.start)?;
        if part.len() == text.len() {
            return Ok(located);
        }
        let whole = self.encode_str(text)?;
        match whole.input_ids == located.encoding.input_ids {
            true => Ok(LocatedEncoding { encoding: whole, ..located }),
            false => Err(TokenizerError::NotLocated),
        }
    }

    /// Tokenizes a text that starts at the byte `offset` of another.
    fn locate(&self, text: &str, offset: usize) -> Result<LocatedEncoding, TokenizerError> {
        let mut encoding = self.inner.encode(text, false).map_err(|error| TokenizerError::encode(&error))?;
        let truncated = encoding.len() > self.text_tokens;
        encoding.truncate(self.text_tokens, 0, self.truncation_side);
        let processed = self.process(encoding)?;
        self.check_rows(processed.get_ids())?;
        let is_special = processed.get_special_tokens_mask().iter();
        let offsets = processed.get_offsets().iter().zip(is_special);
        let bytes = offsets.map(|(&(start, end), &special)| (special == 0).then(|| offset + start..offset + end));
        Ok(LocatedEncoding { bytes: bytes.collect(), encoding: ids(&processed, truncated) })
    }

    /// Adds the special tokens.
    pub(super) fn process(&self, encoding: tokenizers::Encoding) -> Result<tokenizers::Encoding, TokenizerError> {
        let processed = self.inner.post_process(encoding, None, true);
        let encoding = processed.map_err(|error| TokenizerError::encode(&error))?;
        if encoding.is_empty() { Err(TokenizerError::NoTokens) } else { Ok(encoding) }
    }
}

/// The ids of what the library has tokenized.
fn ids(encoding: &tokenizers::Encoding, truncated: bool) -> Encoding {
    Encoding { input_ids: encoding.get_ids().to_vec(), token_type_ids: encoding.get_type_ids().to_vec(), truncated }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::super::Limits;
    use super::*;
    use crate::model_files::{ModelFile, TokenizerFiles, VocabularyFiles};
    use crate::text::Text;

    fn tokenizer(vocabulary: fn(ModelFile) -> VocabularyFiles, file: &str, vocab_size: usize) -> Tokenizer {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(file);
        let files = TokenizerFiles::bare(vocabulary(ModelFile::Disk(file)));
        Tokenizer::load(&files, Limits { vocab_size, max_length: 24 }).unwrap()
    }

    #[test]
    fn located_tokens_are_those_of_the_text_and_stand_where_they_are() {
        let texts = [
            "Shares plunged 12% after the profit warning.",
            "  L\u{f6}hne  steigen\n\num 3,5 % ",
            "\u{51c0}\u{5229}\u{6da6} up \u{1f680}\u{1f680} [MASK] <mask>",
            "cafe\u{301} \u{fb01}nance \u{2122} \u{130}stanbul",
            &"profit ".repeat(40),
            &"profit ".repeat(20_000),
        ];
        let tokenizers = [
            tokenizer(VocabularyFiles::WordPiece, "models/mini/vocab.txt", 30_522),
            tokenizer(VocabularyFiles::SentencePiece, "tests/golden/unigram/xlm-roberta/sentencepiece.bpe.model", 700),
            tokenizer(VocabularyFiles::SentencePiece, "tests/golden/unigram/deberta-v2/spm.model", 700),
            tokenizer(VocabularyFiles::SentencePiece, "tests/golden/unigram/albert/spiece.model", 700),
        ];
        for tokenizer in &tokenizers {
            for text in texts {
                let located = tokenizer.encode_located(text).unwrap();
                assert_eq!(located.encoding, tokenizer.encode(&Text::parse(text).unwrap()).unwrap(), "{text:?}");
                assert_eq!(located.bytes.len(), located.encoding.len());
                assert!(located.bytes[0].is_none() && located.bytes[located.bytes.len() - 1].is_none());
                let mut start = 0;
                for bytes in located.bytes.iter().flatten() {
                    assert!(text.get(bytes.clone()).is_some() && bytes.start >= start, "{text:?} {bytes:?}");
                    start = bytes.start;
                }
            }
        }
    }

    #[test]
    fn tokens_of_a_long_text_that_does_not_fill_the_window_are_not_located() {
        let tokenizer = tokenizer(VocabularyFiles::WordPiece, "models/mini/vocab.txt", 30_522);
        let text = format!("up {}down", " ".repeat(2 * PIECE));
        assert!(matches!(tokenizer.encode_located(&text), Err(TokenizerError::NotLocated)));
    }
}
