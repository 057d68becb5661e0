//! The vocabulary of a tokenizer that is built from its class and its settings, in any of its forms.

use std::collections::HashMap;

use serde::Deserialize;
use serde::de::{DeserializeOwned, IgnoredAny};
use tokenizers::{AddedToken, TruncationDirection};

use super::added_tokens::DescribedToken;
use super::class::Class;
use super::error::TokenizerError;
use super::model::Tokens;
use crate::json_error::JsonError;
use crate::model_files::{ModelFile, VocabularyFiles};

/// The largest accepted number of tokens, or of unigram pieces. LaBSE has 501,153 tokens, XLM-RoBERTa 250,000 pieces.
pub(super) const MAX_TOKENS: usize = 1 << 20;

/// What a class takes from the files of a vocabulary.
#[derive(Debug)]
pub(super) struct Vocabulary {
    /// The file, for messages.
    pub(super) file: String,
    /// In the order of their ids. Of a token that appears twice, the last id counts.
    pub(super) tokens: Tokens,
    /// Empty for `WordPiece`.
    pub(super) merges: Vec<(String, String)>,
    /// The file with the merges, for messages.
    pub(super) merges_file: String,
    /// The added tokens of `tokenizer.json`.
    pub(super) added: Vec<(u32, AddedToken)>,
    /// The side at which `tokenizer.json` cuts texts.
    pub(super) truncation_side: Option<TruncationDirection>,
}

impl Vocabulary {
    /// Reads what `class` needs.
    ///
    /// # Errors
    /// [`TokenizerError`] if the files belong to another class.
    pub(super) fn read(files: &VocabularyFiles, class: Class) -> Result<Self, TokenizerError> {
        match (files, class) {
            (VocabularyFiles::Json(file), Class::Bert | Class::Roberta) => {
                Self::check_kind(file, class, if class == Class::Bert { "WordPiece" } else { "BPE" })?;
                stored(file)
            }
            (VocabularyFiles::WordPiece(file), Class::Bert) => read_words(file),
            (VocabularyFiles::ByteLevel { vocab, merges }, Class::Roberta) => {
                let plain = read_ids(vocab)?;
                Ok(Self { merges: read_merges(merges)?, merges_file: merges.to_string(), ..plain })
            }
            (files, _) => Err(Self::mismatch(files, class)),
        }
    }

    /// Why the files of another class cannot be read.
    pub(super) fn mismatch(files: &VocabularyFiles, class: Class) -> TokenizerError {
        let (file, found) = match files {
            VocabularyFiles::WordPiece(file) => (file, "one token per line"),
            VocabularyFiles::ByteLevel { vocab, .. } => (vocab, "a byte-level vocabulary"),
            VocabularyFiles::SentencePiece(file) => (file, "a sentencepiece model"),
            VocabularyFiles::Json(file) => (file, "a whole tokenizer"),
        };
        TokenizerError::Vocabulary { file: file.to_string(), class: class.name(), found: found.into() }
    }

    /// Checks that `tokenizer.json` has the kind of model that the class needs.
    ///
    /// # Errors
    /// [`TokenizerError::Vocabulary`] with the kind that it has.
    pub(super) fn check_kind(file: &ModelFile, class: Class, needed: &str) -> Result<(), TokenizerError> {
        let kind = parse::<StoredKind>(file)?.model.kind();
        if kind == needed {
            return Ok(());
        }
        let (file, found) = (file.to_string(), format!("a {kind} model"));
        Err(TokenizerError::Vocabulary { file, class: class.name(), found })
    }

    fn plain<'a>(file: &ModelFile, tokens: impl Iterator<Item = (&'a str, u32)>) -> Result<Self, TokenizerError> {
        let tokens = Tokens::new(tokens.take(MAX_TOKENS + 1)).filter(|tokens| tokens.len() <= MAX_TOKENS);
        let tokens = tokens.ok_or_else(|| not_a_tokenizer(file, &format!("it has more than {MAX_TOKENS} tokens")))?;
        let file = file.to_string();
        Ok(Self {
            merges_file: file.clone(),
            file,
            tokens,
            merges: Vec::new(),
            added: Vec::new(),
            truncation_side: None,
        })
    }
}

/// The tokens of a map.
fn pairs(ids: &HashMap<String, u32>) -> impl Iterator<Item = (&str, u32)> {
    ids.iter().map(|(token, id)| (&**token, *id))
}

/// `tokenizer.json`, of which only the kind of its model is read.
#[derive(Deserialize)]
struct StoredKind {
    model: ModelKind,
}

/// Old files do not name the type.
#[derive(Deserialize)]
struct ModelKind {
    r#type: Option<String>,
    merges: Option<IgnoredAny>,
    unk_id: Option<IgnoredAny>,
}

impl ModelKind {
    fn kind(self) -> String {
        let guess = match (self.merges, self.unk_id) {
            (Some(_), _) => "BPE",
            (None, Some(_)) => "Unigram",
            (None, None) => "WordPiece",
        };
        self.r#type.unwrap_or_else(|| guess.into())
    }
}

/// The parts of `tokenizer.json` that the classes use.
#[derive(Deserialize)]
struct Stored {
    model: StoredModel,
    #[serde(default)]
    added_tokens: Vec<StoredToken>,
    truncation: Option<StoredTruncation>,
}

#[derive(Deserialize)]
struct StoredModel {
    vocab: HashMap<String, u32>,
    #[serde(default)]
    merges: Vec<StoredMerge>,
}

/// A merge is a string with one space in old files.
#[derive(Deserialize)]
#[serde(untagged)]
enum StoredMerge {
    Pair(String, String),
    Text(String),
}

impl StoredMerge {
    fn into_pair(self) -> Option<(String, String)> {
        match self {
            Self::Pair(left, right) => Some((left, right)),
            Self::Text(text) => text.split_once(' ').map(|(left, right)| (left.into(), right.into())),
        }
    }
}

#[derive(Deserialize)]
pub(super) struct StoredToken {
    id: u32,
    #[serde(flatten)]
    token: DescribedToken,
}

impl StoredToken {
    /// The id and the token.
    pub(super) fn into_pair(self) -> (u32, AddedToken) {
        (self.id, self.token.into_token())
    }
}

#[derive(Deserialize)]
pub(super) struct StoredTruncation {
    pub(super) direction: Option<TruncationDirection>,
}

fn stored(file: &ModelFile) -> Result<Vocabulary, TokenizerError> {
    let Stored { model: StoredModel { vocab, merges }, added_tokens, truncation } = parse(file)?;
    let reason = "`merges` has an entry that is not two tokens";
    let pair = |merge: StoredMerge| merge.into_pair().ok_or_else(|| not_a_tokenizer(file, reason));
    Ok(Vocabulary {
        merges: merges.into_iter().map(pair).collect::<Result<_, _>>()?,
        added: added_tokens.into_iter().map(StoredToken::into_pair).collect(),
        truncation_side: truncation.and_then(|truncation| truncation.direction),
        ..Vocabulary::plain(file, pairs(&vocab))?
    })
}

/// Parses `tokenizer.json`.
pub(super) fn parse<T: DeserializeOwned>(file: &ModelFile) -> Result<T, TokenizerError> {
    serde_json::from_slice(&file.read_vocabulary()?).map_err(|error| not_a_tokenizer(file, &error.to_string()))
}

fn not_a_tokenizer(file: &ModelFile, reason: &str) -> TokenizerError {
    TokenizerError::Tokenizer { file: file.to_string(), reason: reason.into() }
}

/// Parses `vocab.json`.
fn read_ids(file: &ModelFile) -> Result<Vocabulary, TokenizerError> {
    let ids: HashMap<String, u32> = serde_json::from_slice(&file.read_vocabulary()?)
        .map_err(|source| TokenizerError::Json { file: file.to_string(), source: JsonError::new(source) })?;
    Vocabulary::plain(file, pairs(&ids))
}

/// One token per line; its id is the index of the line. White space at the end of a line is no part of the token.
fn read_words(file: &ModelFile) -> Result<Vocabulary, TokenizerError> {
    let bytes = file.read_vocabulary()?;
    let text = text_of(file, &bytes)?;
    let lines = text.strip_suffix('\n').unwrap_or(text).split('\n');
    Vocabulary::plain(file, lines.map(str::trim_end).zip(0..))
}

/// The text of a file that has one entry per line.
fn text_of<'a>(file: &ModelFile, bytes: &'a [u8]) -> Result<&'a str, TokenizerError> {
    str::from_utf8(bytes).map_err(|error| {
        let line = bytes[..error.valid_up_to()].iter().filter(|&&byte| byte == b'\n').count() + 1;
        TokenizerError::VocabNotUtf8 { file: file.to_string(), line }
    })
}

/// Two tokens per line, in the order of the merges.
fn read_merges(file: &ModelFile) -> Result<Vec<(String, String)>, TokenizerError> {
    let bytes = file.read_vocabulary()?;
    let lines = text_of(file, &bytes)?
        .lines()
        .enumerate()
        .filter(|(_, line)| !line.is_empty() && !line.starts_with("#version"));
    lines
        .map(|(index, line)| match line.split_once(' ') {
            Some((left, right)) if !right.contains(' ') => Ok((left.into(), right.into())),
            _ => Err(TokenizerError::Merge { file: file.to_string(), line: index + 1 }),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_number_of_tokens_is_bounded() {
        let file = ModelFile::Embedded { name: "vocab.txt", bytes: b"" };
        let vocabulary = |tokens| Vocabulary::plain(&file, std::iter::repeat_n("a", tokens).zip(0..));
        assert_eq!(vocabulary(MAX_TOKENS).unwrap().tokens.len(), MAX_TOKENS);
        let error = vocabulary(MAX_TOKENS + 1).unwrap_err().to_string();
        assert_eq!(error, "`embedded vocab.txt` is not a tokenizer: it has more than 1048576 tokens");
    }
}
