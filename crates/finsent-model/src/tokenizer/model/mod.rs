//! What splits words into tokens: models of our own in the tokenizers library.

mod tokens;
mod trie;
mod unigram;
mod word_piece;

use std::borrow::Cow;
use std::collections::HashMap;
use std::path::{Path, PathBuf};

use serde::de::Error;
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;
use tokenizers::models::TrainerWrapper;
use tokenizers::models::wordlevel::WordLevel;
use tokenizers::{
    DecoderWrapper, Model, ModelWrapper, NormalizerWrapper, PostProcessorWrapper, PreTokenizerWrapper, Result, Token,
    TokenizerImpl,
};

pub(super) use self::tokens::Tokens;
use self::unigram::Piece;
pub(super) use self::unigram::UnigramModel;
pub(super) use self::word_piece::{Word, WordPieceModel, WordPieceSettings};

/// The library's tokenizer: it normalizes texts, finds words and added tokens, and puts special tokens around them.
pub(super) type Library =
    TokenizerImpl<AnyModel, NormalizerWrapper, PreTokenizerWrapper, PostProcessorWrapper, DecoderWrapper>;

/// What splits words into tokens.
#[derive(Debug)]
pub(super) enum AnyModel {
    /// A model of the library.
    Library(Box<ModelWrapper>),
    WordPiece(WordPieceModel),
    Unigram(UnigramModel),
}

impl AnyModel {
    /// The tokens with their ids, without added tokens.
    pub(super) fn vocabulary(&self) -> Vec<(Cow<'_, str>, u32)> {
        let own = match self {
            Self::Library(model) => {
                return model.get_vocab().into_iter().map(|(token, id)| (token.into(), id)).collect();
            }
            Self::WordPiece(model) => model.tokens(),
            Self::Unigram(model) => model.tokens(),
        };
        own.iter().map(|(token, id)| (token.into(), id)).collect()
    }
}

impl<M: Into<ModelWrapper>> From<M> for AnyModel {
    fn from(model: M) -> Self {
        Self::Library(Box::new(model.into()))
    }
}

impl From<WordPieceModel> for AnyModel {
    fn from(model: WordPieceModel) -> Self {
        Self::WordPiece(model)
    }
}

impl From<UnigramModel> for AnyModel {
    fn from(model: UnigramModel) -> Self {
        Self::Unigram(model)
    }
}

impl Model for AnyModel {
    type Trainer = TrainerWrapper;

    fn tokenize(&self, word: &str) -> Result<Vec<Token>> {
        let mut start = 0;
        let mut token = |id, end| {
            // Of the bytes of an unknown character, the first has all of it.
            let from = std::mem::replace(&mut start, end);
            Token::new(id, word[from..end].to_owned(), (from, end))
        };
        match self {
            Self::Library(model) => model.tokenize(word),
            Self::WordPiece(model) => Ok(model.split(word)?.into_iter().map(|(id, end)| token(id, end)).collect()),
            Self::Unigram(model) => {
                Ok(model.split(word)?.into_iter().map(|Piece { id, end }| token(id, end)).collect())
            }
        }
    }

    fn token_to_id(&self, token: &str) -> Option<u32> {
        match self {
            Self::Library(model) => model.token_to_id(token),
            Self::WordPiece(model) => model.id(token),
            Self::Unigram(model) => model.id(token),
        }
    }

    fn id_to_token(&self, id: u32) -> Option<String> {
        match self {
            Self::Library(model) => model.id_to_token(id),
            Self::WordPiece(model) => model.tokens().name(id).map(ToOwned::to_owned),
            Self::Unigram(model) => model.tokens().name(id).map(ToOwned::to_owned),
        }
    }

    fn get_vocab(&self) -> HashMap<String, u32> {
        self.vocabulary().into_iter().map(|(token, id)| (token.into_owned(), id)).collect()
    }

    fn get_vocab_size(&self) -> usize {
        match self {
            Self::Library(model) => model.get_vocab_size(),
            Self::WordPiece(model) => model.tokens().len(),
            Self::Unigram(model) => model.tokens().len(),
        }
    }

    fn save(&self, folder: &Path, prefix: Option<&str>) -> Result<Vec<PathBuf>> {
        match self {
            Self::Library(model) => model.save(folder, prefix),
            Self::WordPiece(_) | Self::Unigram(_) => Err("this model is only read".into()),
        }
    }

    fn get_trainer(&self) -> TrainerWrapper {
        match self {
            Self::Library(model) => model.get_trainer(),
            // Nothing is trained here.
            Self::WordPiece(_) | Self::Unigram(_) => WordLevel::default().get_trainer().into(),
        }
    }
}

/// The model of a `tokenizer.json` in its usual form. The library accepts more, and gives reasons for what it refuses.
#[derive(Deserialize)]
struct StoredWordPiece {
    #[serde(rename = "type")]
    _type: WordPieceType,
    unk_token: String,
    continuing_subword_prefix: String,
    max_input_chars_per_word: usize,
    vocab: HashMap<String, u32>,
}

#[derive(Deserialize)]
enum WordPieceType {
    WordPiece,
}

#[derive(Deserialize)]
struct StoredUnigram {
    /// Old files do not name it.
    #[serde(default, rename = "type")]
    _type: Option<UnigramType>,
    vocab: Vec<(String, f64)>,
    unk_id: Option<usize>,
    #[serde(default)]
    byte_fallback: bool,
}

#[derive(Deserialize)]
enum UnigramType {
    Unigram,
}

fn stored_word_piece(json: &str) -> Option<WordPieceModel> {
    let stored: StoredWordPiece = serde_json::from_str(json).ok()?;
    let tokens = stored.vocab.iter().map(|(token, id)| (&**token, *id));
    let settings = WordPieceSettings {
        unknown: &stored.unk_token,
        prefix: &stored.continuing_subword_prefix,
        max_letters: stored.max_input_chars_per_word,
    };
    WordPieceModel::new(Tokens::new(tokens)?, settings)
}

fn stored_unigram(json: &str) -> Option<UnigramModel> {
    let stored: StoredUnigram = serde_json::from_str(json).ok()?;
    UnigramModel::new(&stored.vocab, stored.unk_id, stored.byte_fallback).ok()
}

impl<'de> Deserialize<'de> for AnyModel {
    fn deserialize<D: Deserializer<'de>>(from: D) -> std::result::Result<Self, D::Error> {
        let json = Box::<RawValue>::deserialize(from)?;
        let own = stored_unigram(json.get()).map(Self::from);
        match own.or_else(|| stored_word_piece(json.get()).map(Self::from)) {
            Some(model) => Ok(model),
            None => serde_json::from_str::<ModelWrapper>(json.get()).map(Self::from).map_err(Error::custom),
        }
    }
}
