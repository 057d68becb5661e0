//! Tokenization: text becomes token ids, exactly as in transformers.

mod byte_level;
mod compact;
mod encoding;
mod error;
mod settings;
mod truncate;
mod windows;
mod word_piece;

use std::borrow::Cow;

use tokenizers::{PreTokenizerWrapper, TruncationDirection};

use self::compact::Compaction;
pub use self::encoding::Encoding;
pub use self::error::TokenizerError;
use self::settings::Settings;
use self::truncate::certain_tokens;
use self::windows::PIECE;
pub use self::windows::{OVERLAP, Windows};
use crate::catch_panic::catch_panic;
use crate::model_files::{ModelFile, TokenizerFiles};
use crate::text::Text;

/// The limits that a model sets its tokenizer.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// `vocab_size` of config.json.
    pub vocab_size: usize,
    /// The most tokens of an input.
    pub max_length: usize,
}

/// Turns texts into [`Encoding`]s of at most [`Tokenizer::max_length`] tokens.
#[derive(Debug)]
pub struct Tokenizer {
    inner: tokenizers::Tokenizer,
    /// `None` if all of a text may matter.
    compaction: Option<Compaction>,
    max_length: usize,
    /// Tokens of the window without the special tokens.
    text_tokens: usize,
}

impl Tokenizer {
    /// Builds the tokenizer of a model. Its window is the smaller of `limits` and `model_max_length`.
    ///
    /// # Errors
    /// [`TokenizerError`] with the file and what is wrong with it.
    pub fn load(files: &TokenizerFiles, limits: Limits) -> Result<Self, TokenizerError> {
        let file = files.vocabulary();
        catch_panic(|| Self::load_or_panic(files, limits)).unwrap_or_else(|message| {
            let reason = TokenizerError::panic_message(&message);
            Err(TokenizerError::Tokenizer { file: file.to_string(), reason })
        })
    }

    fn load_or_panic(files: &TokenizerFiles, limits: Limits) -> Result<Self, TokenizerError> {
        let (inner, settings, source) = match files {
            TokenizerFiles::Json { tokenizer, config } => {
                let settings = Settings::read(config.as_ref(), None)?;
                (from_tokenizer_json(tokenizer, &settings)?, settings, tokenizer)
            }
            TokenizerFiles::WordPiece { vocab, config, special_tokens } => {
                let settings = Settings::read(config.as_ref(), special_tokens.as_ref())?;
                settings.check_class(config.as_ref(), &word_piece::BERT, "vocab.txt")?;
                let mut tokenizer = word_piece::from_vocab(vocab, &settings)?;
                settings.add_tokens(config.as_ref(), &mut tokenizer)?;
                (tokenizer, settings, vocab)
            }
            TokenizerFiles::ByteLevel { vocab, merges, config, special_tokens } => {
                let settings = Settings::read(config.as_ref(), special_tokens.as_ref())?;
                settings.check_class(config.as_ref(), &byte_level::ROBERTA, "vocab.json and merges.txt")?;
                let mut tokenizer = byte_level::from_vocab_and_merges(vocab, merges, &settings)?;
                settings.add_tokens(config.as_ref(), &mut tokenizer)?;
                (tokenizer, settings, vocab)
            }
        };
        check_ids(&inner, source, limits.vocab_size)?;
        let max_length = settings.max_length().unwrap_or(usize::MAX).min(limits.max_length);
        let special_tokens =
            inner.get_post_processor().map_or(0, |post| tokenizers::PostProcessor::added_tokens(post, false));
        let text_tokens = max_length.checked_sub(special_tokens).filter(|&left| left > 0);
        let text_tokens = text_tokens.ok_or(TokenizerError::Window { max_length })?;
        Ok(Self { compaction: Compaction::of(&inner), inner, max_length, text_tokens })
    }

    /// The window in tokens, special tokens included.
    pub fn max_length(&self) -> usize {
        self.max_length
    }

    /// Tokenizes `text`. Of a text that is longer than the window, the beginning is kept, and the encoding says
    /// `truncated`.
    ///
    /// # Errors
    /// [`TokenizerError::Encode`] or [`TokenizerError::NoTokens`].
    pub fn encode(&self, text: &Text) -> Result<Encoding, TokenizerError> {
        catch_panic(|| self.encode_str(text.as_str()))
            .unwrap_or_else(|message| Err(TokenizerError::Encode(TokenizerError::panic_message(&message))))
    }

    fn encode_str(&self, text: &str) -> Result<Encoding, TokenizerError> {
        let mut encoding = self.tokenize_start(text).map_err(|error| TokenizerError::encode(&error))?;
        let truncated = encoding.len() > self.text_tokens;
        encoding.truncate(self.text_tokens, 0, TruncationDirection::Right);
        self.with_special_tokens(encoding, truncated)
    }

    fn with_special_tokens(&self, encoding: tokenizers::Encoding, truncated: bool) -> Result<Encoding, TokenizerError> {
        let processed = self.inner.post_process(encoding, None, true);
        let encoding = processed.map_err(|error| TokenizerError::encode(&error))?;
        if encoding.is_empty() {
            return Err(TokenizerError::NoTokens);
        }
        Ok(Encoding {
            input_ids: encoding.get_ids().to_vec(),
            token_type_ids: encoding.get_type_ids().to_vec(),
            truncated,
        })
    }

    /// Tokenizes as much of `text` as it takes to fill the window and to know whether more follows: a text of 10 MB is
    /// not tokenized whole. One that does not fill the window soon is shortened first.
    fn tokenize_start(&self, text: &str) -> tokenizers::Result<tokenizers::Encoding> {
        let start = &text[..text.floor_char_boundary(PIECE)];
        if let Some(full) = self.fill_window(start, self.max_length.saturating_mul(16))? {
            return Ok(full);
        }
        let text = self.compact(text);
        match self.fill_window(&text, PIECE)? {
            Some(full) => Ok(full),
            None => self.inner.encode_fast(&*text, false),
        }
    }

    /// Tokenizes beginnings of `text`, the first of so many bytes and each longer than the one before, until one fills the
    /// window and more follows.
    fn fill_window(&self, text: &str, mut bytes: usize) -> tokenizers::Result<Option<tokenizers::Encoding>> {
        while bytes < text.len() {
            let start = &text[..text.floor_char_boundary(bytes)];
            let encoding = self.inner.encode(start, false)?;
            if certain_tokens(start, &encoding) > self.text_tokens {
                return Ok(Some(encoding));
            }
            bytes = bytes.saturating_mul(4);
        }
        Ok(None)
    }

    /// A long text without parts that make no difference.
    fn compact<'a>(&self, text: &'a str) -> Cow<'a, str> {
        match self.compaction {
            Some(compaction) if text.len() > PIECE => compaction.apply(text),
            _ => Cow::Borrowed(text),
        }
    }
}

/// Checks that every id has a row in the table of embeddings, and that the tokenizer works.
fn check_ids(tokenizer: &tokenizers::Tokenizer, file: &ModelFile, vocab_size: usize) -> Result<(), TokenizerError> {
    /// Letters of several scripts, so that no vocabulary has all of them.
    const PROBE: &str = "profit \u{1f680} \u{5229} \u{10ffff}";
    let probe = tokenizer
        .encode_fast(PROBE, true)
        .map_err(|error| TokenizerError::Tokenizer { file: file.to_string(), reason: error.to_string() })?;
    let vocab = tokenizer.get_vocab(true);
    let last = vocab.values().chain(probe.get_ids()).max().map_or(0, |&id| id as usize);
    if last >= vocab_size {
        return Err(TokenizerError::VocabSize { file: file.to_string(), tokens: last + 1, vocab_size });
    }
    if last + 1 < vocab_size {
        tracing::warn!(
            "`{file}` has {} tokens, but the model knows {vocab_size}; the file may be incomplete",
            last + 1
        );
    }
    Ok(())
}

/// The tokenizer as the library reads it, except that `add_prefix_space` of the settings overrides that of a byte-level
/// tokenizer, as in transformers.
fn from_tokenizer_json(file: &ModelFile, settings: &Settings) -> Result<tokenizers::Tokenizer, TokenizerError> {
    let mut tokenizer = tokenizers::Tokenizer::from_bytes(file.read_vocabulary()?)
        .map_err(|error| TokenizerError::Tokenizer { file: file.to_string(), reason: error.to_string() })?;
    tokenizer
        .with_padding(None)
        .with_truncation(None)
        .map_err(|error| TokenizerError::Tokenizer { file: file.to_string(), reason: error.to_string() })?;
    if let (Some(PreTokenizerWrapper::ByteLevel(own)), Some(add)) =
        (tokenizer.get_pre_tokenizer(), settings.add_prefix_space)
    {
        let pre_tokenizer = own.add_prefix_space(add);
        tokenizer.with_pre_tokenizer(Some(pre_tokenizer));
    }
    Ok(tokenizer)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// These strings are not a [`Text`], but the tokenizer agrees with transformers on them, too.
    #[test]
    fn white_space_becomes_only_special_tokens() {
        let mini = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../models/mini");
        let vocab = ModelFile::Disk(mini.join("vocab.txt"));
        let files = TokenizerFiles::WordPiece { vocab, config: None, special_tokens: None };
        let tokenizer = Tokenizer::load(&files, Limits { vocab_size: 30_522, max_length: 512 }).unwrap();
        for blank in ["", " ", " \t\r\n ", "\0"] {
            let encoding = tokenizer.encode_str(blank).unwrap();
            assert_eq!((encoding.input_ids.as_slice(), encoding.truncated), (&[101, 102][..], false), "{blank:?}");
        }
    }
}
