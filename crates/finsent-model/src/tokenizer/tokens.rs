//! The tokens of a text by name and place, for people who want to see them.

use std::ops::Range;

use super::Tokenizer;
use super::error::TokenizerError;
use super::piece::PIECE;
use crate::catch_panic::catch_panic;
use crate::text::Text;

/// One token of a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token {
    /// Its number in the vocabulary.
    pub id: u32,
    /// Where it is.
    pub place: TokenPlace,
}

/// Where a token is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TokenPlace {
    /// These bytes of the text.
    Text(Range<usize>),
    /// Before or after the text: a special token with this name, such as `[CLS]`.
    Special(String),
}

impl Tokenizer {
    /// The longest text that [`Tokenizer::tokens`] takes, in bytes.
    pub const MAX_BYTES_OF_TOKENS: usize = PIECE;

    /// All tokens of `text`, also beyond the window, with their places. `special` adds the special tokens around it.
    ///
    /// # Errors
    /// [`TokenizerError::Encode`], also for a text of more than [`Tokenizer::MAX_BYTES_OF_TOKENS`]: to know where tokens
    /// are takes a hundred bytes of memory per byte.
    pub fn tokens(&self, text: &Text, special: bool) -> Result<Vec<Token>, TokenizerError> {
        if text.as_str().len() > Self::MAX_BYTES_OF_TOKENS {
            let (bytes, limit) = (text.as_str().len(), Self::MAX_BYTES_OF_TOKENS);
            let reason = format!("tokens are found in texts of up to {limit} bytes, and this one has {bytes}");
            return Err(TokenizerError::Encode(reason));
        }
        catch_panic(|| self.tokens_or_panic(text.as_str(), special))
            .unwrap_or_else(|message| Err(TokenizerError::Encode(TokenizerError::panic_message(&message))))
    }

    fn tokens_or_panic(&self, text: &str, special: bool) -> Result<Vec<Token>, TokenizerError> {
        let encoding = self.inner.encode(text, false).map_err(|error| TokenizerError::encode(&error))?;
        let encoding = if special { self.process(encoding)? } else { encoding };
        let is_special = encoding.get_special_tokens_mask().iter().map(|&special| special != 0);
        let names = encoding.get_tokens().iter().zip(is_special);
        let places = encoding.get_offsets().iter().zip(names).map(|(&(start, end), (name, is_special))| {
            if is_special { TokenPlace::Special(name.clone()) } else { TokenPlace::Text(start..end) }
        });
        Ok(encoding.get_ids().iter().zip(places).map(|(&id, place)| Token { id, place }).collect())
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::super::Limits;
    use super::*;
    use crate::model_files::{ModelFile, TokenizerFiles, VocabularyFiles};

    fn mini() -> Tokenizer {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../models/mini/vocab.txt");
        let files = TokenizerFiles::bare(VocabularyFiles::WordPiece(ModelFile::Disk(file)));
        Tokenizer::load(&files, Limits { vocab_size: 30_522, max_length: 512 }).unwrap()
    }

    #[test]
    fn tokens_are_those_that_the_model_reads_and_cut_from_the_text() {
        let (tokenizer, text) = (mini(), Text::parse("  L\u{f6}hne UP\n12%").unwrap());
        let tokens = tokenizer.tokens(&text, true).unwrap();
        let ids: Vec<u32> = tokens.iter().map(|token| token.id).collect();
        assert_eq!(ids, tokenizer.encode(&text).unwrap().input_ids);
        let words: Vec<&str> = tokens
            .iter()
            .map(|token| match &token.place {
                TokenPlace::Text(bytes) => &text.as_str()[bytes.clone()],
                TokenPlace::Special(name) => name,
            })
            .collect();
        assert_eq!(words, ["[CLS]", "L\u{f6}", "hn", "e", "UP", "12", "%", "[SEP]"]);
        assert_eq!(tokenizer.tokens(&text, false).unwrap(), tokens[1..tokens.len() - 1]);
    }

    #[test]
    fn all_of_a_text_has_tokens_up_to_a_bound() {
        let tokens = |words: usize| mini().tokens(&Text::parse("up ".repeat(words)).unwrap(), true);
        let most = Tokenizer::MAX_BYTES_OF_TOKENS / "up ".len();
        assert_eq!(tokens(most).unwrap().len(), most + 2);
        let error = tokens(most + 1).unwrap_err().to_string();
        assert!(error.contains(&format!("up to {} bytes", Tokenizer::MAX_BYTES_OF_TOKENS)), "{error}");
    }
}
