//! Why a tokenizer cannot be built, or a text has no tokens.

use thiserror::Error;

use crate::json_error::JsonError;
use crate::model_files::FilesError;

/// Why a tokenizer cannot be built, or a text has no tokens.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum TokenizerError {
    /// A file could not be read.
    #[error(transparent)]
    Files(#[from] FilesError),
    /// A file is not the expected JSON.
    #[error("`{file}` is not valid")]
    Json {
        /// The file.
        file: String,
        /// Where and why.
        source: JsonError,
    },
    /// The tokenizers library refused a file.
    #[error("`{file}` is not a tokenizer: {reason}")]
    Tokenizer {
        /// The file.
        file: String,
        /// The library's message.
        reason: String,
    },
    /// The file of a sentencepiece model is damaged, or of a kind that is not supported.
    #[error("`{file}` is not a sentencepiece model that finsent reads: {reason}")]
    SentencePiece {
        /// The file.
        file: String,
        /// What is wrong with it.
        reason: String,
    },
    /// `vocab.txt` or `merges.txt` is not text.
    #[error("`{file}` line {line} is not UTF-8")]
    VocabNotUtf8 {
        /// The file.
        file: String,
        /// The line, from 1.
        line: usize,
    },
    /// A line of `merges.txt` is not a merge.
    #[error("`{file}` line {line} is not a merge: expected two tokens and one space between them")]
    Merge {
        /// The file.
        file: String,
        /// The line, from 1.
        line: usize,
    },
    /// The vocabulary lacks a token that every text needs.
    #[error("`{file}` lacks the special token `{token}`")]
    NoSpecialToken {
        /// The file.
        file: String,
        /// The token.
        token: String,
    },
    /// The settings and the vocabulary give an added token different ids.
    #[error("`{file}` gives the token `{token}` the id {expected}, but in the vocabulary it has the id {found}")]
    AddedTokenId {
        /// The settings file.
        file: String,
        /// The token.
        token: String,
        /// The id in the settings.
        expected: u32,
        /// The id in the vocabulary.
        found: u32,
    },
    /// A field of the settings has a value that finsent does not support.
    #[error("`{file}`: `{field}`: {reason}")]
    Field {
        /// The file.
        file: String,
        /// The field.
        field: String,
        /// What is wrong with its value.
        reason: String,
    },
    /// The settings name a class that finsent does not know.
    #[error(
        "`{file}` names the class `{class}`; finsent knows BertTokenizer, DistilBertTokenizer, RobertaTokenizer, \
         XLMRobertaTokenizer, CamembertTokenizer, DebertaV2Tokenizer, AlbertTokenizer and PreTrainedTokenizerFast, \
         which takes tokenizer.json as it is"
    )]
    Class {
        /// The file.
        file: String,
        /// `tokenizer_class`.
        class: String,
    },
    /// The vocabulary is not one of the tokenizer's class.
    #[error(
        "`{file}` has {found}, but the class of the tokenizer is {class}; name another `tokenizer_class` in \
         tokenizer_config.json (PreTrainedTokenizerFast takes tokenizer.json as it is)"
    )]
    Vocabulary {
        /// The file.
        file: String,
        /// The class that the files name, or that of the model.
        class: &'static str,
        /// What the file has.
        found: String,
    },
    /// The vocabulary is larger than the model's table of embeddings.
    #[error("`{file}` has {tokens} tokens, but `vocab_size` in config.json is {vocab_size}")]
    VocabSize {
        /// The file.
        file: String,
        /// Tokens of the tokenizer.
        tokens: usize,
        /// `vocab_size` in config.json.
        vocab_size: usize,
    },
    /// The special tokens fill the window.
    #[error("a window of {max_length} tokens has no room for text besides the special tokens")]
    Window {
        /// The window.
        max_length: usize,
    },
    /// The tokenizers library failed on a text.
    #[error("the text cannot be tokenized: {0}")]
    Encode(String),
    /// The text has a token that the model does not know.
    #[error("the text has the token `{token}` with the id {id}, but `vocab_size` in config.json is {vocab_size}")]
    UnknownId {
        /// The token.
        token: String,
        /// Its id.
        id: u32,
        /// `vocab_size` in config.json.
        vocab_size: usize,
    },
    /// The text has no tokens, and the tokenizer adds no special tokens.
    #[error("the text has no tokens")]
    NoTokens,
    /// The text is so long, and has so few tokens for its length, that they cannot be found in it.
    #[error(
        "the words of a text of more than 64 KiB cannot be told apart, because its beginning does not fill the window"
    )]
    NotLocated,
    /// The whole text has more tokens than the caller accepts.
    #[error("the text has more than {limit} tokens; split it and send the parts")]
    TooManyTokens {
        /// The limit.
        limit: usize,
    },
}

impl TokenizerError {
    /// The tokenizers library panicked with this message.
    pub(super) fn panic_message(message: &str) -> String {
        format!("the tokenizers library panicked: {message}")
    }

    /// The tokenizers library refused a text.
    pub(super) fn encode(error: &tokenizers::Error) -> Self {
        Self::Encode(error.to_string())
    }
}
