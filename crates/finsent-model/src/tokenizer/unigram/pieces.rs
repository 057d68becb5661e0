//! The vocabulary of a unigram model, from `tokenizer.json` or from the file of a sentencepiece model.

use tokenizers::normalizers::Precompiled;
use tokenizers::{AddedToken, PostProcessorWrapper, TruncationDirection};

use super::charsmap;
use super::limits::Limits;
use super::stored::Stored;
use crate::model_files::{ModelFile, VocabularyFiles};
use crate::tokenizer::class::Class;
use crate::tokenizer::error::TokenizerError;
use crate::tokenizer::sentence_piece::{Kind, SentencePieceModel};
use crate::tokenizer::vocabulary::{Vocabulary, parse};

/// What a class takes from the file of a vocabulary.
#[derive(Debug)]
pub(in super::super) struct Pieces {
    /// The file, for messages.
    pub(super) file: String,
    /// Each piece with the logarithm of its probability. The index is the id, if the pieces are those of
    /// `tokenizer.json`.
    pub(super) vocab: Vec<(String, f64)>,
    pub(super) charsmap: Option<Precompiled>,
    /// The added tokens of `tokenizer.json`.
    pub(super) added: Vec<(u32, AddedToken)>,
    pub(super) post_processor: Option<PostProcessorWrapper>,
    /// The side at which `tokenizer.json` cuts texts.
    pub(in super::super) truncation_side: Option<TruncationDirection>,
    /// What only the file of a sentencepiece model has.
    pub(super) of_model: Option<OfModel>,
}

/// What only the file of a sentencepiece model has.
#[derive(Debug)]
pub(super) struct OfModel {
    pub(super) unk_id: i32,
    /// The pieces that are found in a text before it is split.
    pub(super) tokens: Vec<AddedToken>,
}

impl Pieces {
    /// Reads what `class` needs.
    ///
    /// # Errors
    /// [`TokenizerError`] if the file is damaged or belongs to another class.
    pub(in super::super) fn read(files: &VocabularyFiles, class: Class) -> Result<Self, TokenizerError> {
        match files {
            VocabularyFiles::Json(file) => Self::stored(file, class),
            VocabularyFiles::SentencePiece(file) => Self::of_model(file),
            files => Err(Vocabulary::mismatch(files, class)),
        }
    }

    fn stored(file: &ModelFile, class: Class) -> Result<Self, TokenizerError> {
        Vocabulary::check_kind(file, class, "Unigram")?;
        let stored: Stored = parse(file)?;
        let refused = |reason| TokenizerError::Tokenizer { file: file.to_string(), reason };
        Ok(Self {
            file: file.to_string(),
            vocab: stored.model.vocab,
            charsmap: stored.normalizer.map_or(Ok(None), |normalizer| normalizer.charsmap()).map_err(refused)?,
            added: stored.added_tokens.into_iter().map(|token| token.into_pair()).collect(),
            post_processor: stored.post_processor,
            truncation_side: stored.truncation.and_then(|truncation| truncation.direction),
            of_model: None,
        })
    }

    fn of_model(file: &ModelFile) -> Result<Self, TokenizerError> {
        let refused = |reason| TokenizerError::SentencePiece { file: file.to_string(), reason };
        let SentencePieceModel { pieces, unk_id, charsmap } =
            SentencePieceModel::parse(&file.read_vocabulary()?).map_err(refused)?;
        let mut limits = Limits::default();
        pieces.iter().try_for_each(|piece| limits.add(&piece.text, piece.score)).map_err(refused)?;
        let token = |text: &str, is_special| AddedToken::from(text, is_special).normalized(false);
        let found = pieces.iter().filter_map(|piece| match piece.kind {
            Kind::Control => Some(token(&piece.text, true)),
            Kind::UserDefined => Some(token(&piece.text, false)),
            Kind::Normal | Kind::Unknown | Kind::Unused | Kind::Byte => None,
        });
        let of_model = OfModel { unk_id, tokens: found.collect() };
        Ok(Self {
            file: file.to_string(),
            vocab: pieces.into_iter().map(|piece| (piece.text, piece.score)).collect(),
            charsmap: match &*charsmap {
                [] => None,
                table => Some(charsmap::parse(table).map_err(refused)?),
            },
            added: Vec::new(),
            post_processor: None,
            truncation_side: None,
            of_model: Some(of_model),
        })
    }
}
