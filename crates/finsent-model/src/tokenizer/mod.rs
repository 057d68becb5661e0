//! Text becomes token ids, exactly as transformers would make them.

mod byte_level;
mod settings;
mod windows;
mod word_piece;

use thiserror::Error;
use tokenizers::{PreTokenizerWrapper, TruncationDirection};

use self::settings::Settings;
pub use self::windows::{OVERLAP, Windows};
use crate::catch_panic::catch_panic;
use crate::model_files::{FilesError, ModelFile, TokenizerFiles};
use crate::text::Text;

/// The token ids of one text.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Encoding {
    /// Ids in the vocabulary, `[CLS]` and `[SEP]` included.
    pub input_ids: Vec<u32>,
    /// Segment of each token; 0 throughout for single texts.
    pub token_type_ids: Vec<u32>,
    /// Whether tokens were left out because the text is longer than the window.
    pub truncated: bool,
}

impl Encoding {
    /// Number of tokens.
    pub fn len(&self) -> usize {
        self.input_ids.len()
    }

    /// Whether there is no token at all.
    pub fn is_empty(&self) -> bool {
        self.input_ids.is_empty()
    }
}

/// Why there is no tokeniser, or a text has no tokens.
#[derive(Debug, Error)]
pub enum TokenizerError {
    /// A file could not be read.
    #[error(transparent)]
    Files(#[from] FilesError),
    /// A settings file is no JSON of the expected form.
    #[error("`{file}` is not valid")]
    Json {
        /// The file.
        file: String,
        /// Where and why.
        source: serde_json::Error,
    },
    /// `tokenizer.json` was refused by the tokenizers library.
    #[error("`{file}` is not a tokenizer: {reason}")]
    Tokenizer {
        /// The file.
        file: String,
        /// The library's words.
        reason: String,
    },
    /// `vocab.txt` or `merges.txt` is not text.
    #[error("`{file}` line {line} is not UTF-8")]
    VocabNotUtf8 {
        /// The file.
        file: String,
        /// Line, from 1.
        line: usize,
    },
    /// A line of `merges.txt` is not a merge.
    #[error("`{file}` line {line} is no merge: expected two pieces and one space between them")]
    Merge {
        /// The file.
        file: String,
        /// Line, from 1.
        line: usize,
    },
    /// A token that every text needs is not in the vocabulary.
    #[error("`{file}` lacks the special token `{token}`")]
    NoSpecialToken {
        /// The file.
        file: String,
        /// The token.
        token: String,
    },
    /// An added token would get another id than its settings say.
    #[error("`{file}` gives the token `{token}` the id {expected}, the vocabulary makes it {found}")]
    AddedTokenId {
        /// The settings file.
        file: String,
        /// The token.
        token: String,
        /// Id in the settings.
        expected: u32,
        /// Id that it got.
        found: u32,
    },
    /// Only a vocabulary is there, but of a tokeniser that is not built here.
    #[error("`{file}` asks for `{class}`; from {from} can be built: {known}; others need tokenizer.json")]
    Class {
        /// The settings file.
        file: String,
        /// `tokenizer_class`.
        class: String,
        /// The vocabulary.
        from: &'static str,
        /// Classes that can be built from it.
        known: String,
    },
    /// The vocabulary is larger than the model's table of embeddings.
    #[error("`{file}` has {tokens} tokens, but config.json gives the model a vocabulary of {vocab_size}")]
    VocabSize {
        /// The file.
        file: String,
        /// Tokens of the tokeniser.
        tokens: usize,
        /// `vocab_size` in config.json.
        vocab_size: usize,
    },
    /// The window has no room for a text beside the special tokens.
    #[error("a window of {max_length} tokens has no room for text beside the special tokens")]
    Window {
        /// The window.
        max_length: usize,
    },
    /// The library failed on a text.
    #[error("the text cannot be tokenised: {0}")]
    Encode(String),
    /// Nothing is left of the text, and the tokeniser adds no special tokens.
    #[error("the text has no tokens")]
    NoTokens,
    /// All of a text has more tokens than are wanted.
    #[error("the text has more than {most} tokens; send it in parts")]
    TooManyTokens {
        /// The limit.
        most: usize,
    },
}

/// What a model demands of its tokeniser.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// `vocab_size` of config.json.
    pub vocab_size: usize,
    /// Longest input that the model reads, in tokens.
    pub max_length: usize,
}

/// Turns texts into [`Encoding`]s of at most [`Tokenizer::max_length`] tokens.
#[derive(Debug)]
pub struct Tokenizer {
    inner: tokenizers::Tokenizer,
    max_length: usize,
    /// Tokens of a window that are left for text.
    text_tokens: usize,
}

/// The library has panicked, with these words. What it was at is dropped, or a cache that is not read again.
fn given_up(words: &str) -> String {
    format!("the tokenizers library gave up: {words}")
}

impl Tokenizer {
    /// Builds the tokeniser of a model; its window is the smaller of the model's and `model_max_length`.
    ///
    /// # Errors
    /// [`TokenizerError`] naming the file and what is wrong with it.
    pub fn load(files: &TokenizerFiles, limits: Limits) -> Result<Self, TokenizerError> {
        let file = files.vocabulary();
        catch_panic(|| Self::load_unguarded(files, limits))
            .unwrap_or_else(|words| Err(TokenizerError::Tokenizer { file: file.to_string(), reason: given_up(&words) }))
    }

    fn load_unguarded(files: &TokenizerFiles, limits: Limits) -> Result<Self, TokenizerError> {
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
        Ok(Self { inner, max_length, text_tokens: text_tokens.ok_or(TokenizerError::Window { max_length })? })
    }

    /// The window in tokens, special tokens included.
    pub fn max_length(&self) -> usize {
        self.max_length
    }

    /// The tokens of `text`. A text that is longer than the window keeps its beginning and says `truncated`.
    ///
    /// # Errors
    /// [`TokenizerError::Encode`] or [`TokenizerError::NoTokens`].
    pub fn encode(&self, text: &Text) -> Result<Encoding, TokenizerError> {
        catch_panic(|| self.encode_str(text.as_str()))
            .unwrap_or_else(|words| Err(TokenizerError::Encode(given_up(&words))))
    }

    fn encode_str(&self, text: &str) -> Result<Encoding, TokenizerError> {
        let library = |error: tokenizers::Error| TokenizerError::Encode(error.to_string());
        let mut encoding = self.tokenize_start(text).map_err(library)?;
        let truncated = encoding.len() > self.text_tokens;
        encoding.truncate(self.text_tokens, 0, TruncationDirection::Right);
        self.with_special_tokens(encoding, truncated)
    }

    fn with_special_tokens(&self, encoding: tokenizers::Encoding, truncated: bool) -> Result<Encoding, TokenizerError> {
        let library = |error: tokenizers::Error| TokenizerError::Encode(error.to_string());
        let encoding = self.inner.post_process(encoding, None, true).map_err(library)?;
        if encoding.is_empty() {
            return Err(TokenizerError::NoTokens);
        }
        Ok(Encoding {
            input_ids: encoding.get_ids().to_vec(),
            token_type_ids: encoding.get_type_ids().to_vec(),
            truncated,
        })
    }

    /// Tokens of as much of `text` as it takes to fill the window and to know whether something is left over.
    ///
    /// A 10 MB text need not be tokenised whole: see [`certain_tokens`].
    fn tokenize_start(&self, text: &str) -> tokenizers::Result<tokenizers::Encoding> {
        let mut bytes = self.max_length.saturating_mul(16);
        while bytes < text.len() {
            let start = &text[..text.floor_char_boundary(bytes)];
            let encoding = self.inner.encode(start, false)?;
            if certain_tokens(start, &encoding) > self.text_tokens {
                return Ok(encoding);
            }
            bytes = bytes.saturating_mul(4);
        }
        self.inner.encode_fast(text, false)
    }
}

/// Bytes in front of a cut that are not trusted although their words are complete: more than the name of a special token
/// has, or anything else that decides where words end (`'l` is two words of a byte-level tokeniser, `'ll` is one).
const CUT_MARGIN: usize = 64;

/// How many tokens stay the same whatever follows `start`, the text that was encoded.
///
/// A cut changes the tokens of the word that it goes through, and those of a special token's name, which may take the
/// white space before it; and none before that.
fn certain_tokens(start: &str, encoding: &tokenizers::Encoding) -> usize {
    let certain = start[..start.floor_char_boundary(start.len().saturating_sub(CUT_MARGIN))].trim_end().len();
    let words = encoding.get_word_ids();
    let ends_within = |token: &usize| encoding.get_offsets()[*token].1 <= certain;
    let mut tokens = (0..words.len()).take_while(ends_within).count();
    // The word that goes on behind the last of them, and the last word of all, are not complete.
    let open = [words.get(tokens), words.last()];
    while tokens > 0 && open.contains(&words.get(tokens - 1)) {
        tokens -= 1;
    }
    tokens
}

/// Checks that every id has a row in the table of embeddings, and that the tokeniser can encode at all.
fn check_ids(tokenizer: &tokenizers::Tokenizer, file: &ModelFile, vocab_size: usize) -> Result<(), TokenizerError> {
    /// Letters of several scripts, which no vocabulary has all of.
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
        tracing::warn!("`{file}` has {} tokens, the model knows {vocab_size}; is the file whole?", last + 1);
    }
    Ok(())
}

/// As the library reads it, but that a byte-level tokeniser puts a space before texts when the settings say so, and not
/// when they say otherwise: transformers has it from there.
fn from_tokenizer_json(file: &ModelFile, settings: &Settings) -> Result<tokenizers::Tokenizer, TokenizerError> {
    let mut tokenizer = tokenizers::Tokenizer::from_bytes(file.read()?)
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

    /// Such a string is no [`Text`], but what transformers would make of it still holds.
    #[test]
    fn nothing_but_white_space_is_the_special_tokens_alone() {
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
