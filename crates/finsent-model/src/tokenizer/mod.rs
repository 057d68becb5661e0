//! Tokenization: text becomes token ids, exactly as in transformers.

mod added_tokens;
mod byte_level;
mod class;
mod compact;
mod encoding;
mod ends;
mod error;
mod fields;
mod frame;
mod located;
mod model;
mod piece;
mod pieces_of_word;
mod sentence_piece;
mod settings;
mod sweep;
mod tokens;
mod truncate;
mod unigram;
mod vocabulary;
mod windows;
mod word_piece;

use std::borrow::Cow;

use tokenizers::TruncationDirection;

use self::class::Class;
pub use self::class::ClassOfModel;
use self::compact::Compaction;
pub use self::encoding::Encoding;
pub use self::error::TokenizerError;
use self::frame::{Frame, post_process};
pub(crate) use self::located::LocatedEncoding;
use self::model::Library;
use self::piece::PIECE;
use self::pieces_of_word::UnigramPieces;
use self::settings::Settings;
use self::sweep::Sweep;
pub use self::tokens::{Token, TokenPlace};
use self::truncate::{certain_tokens, has_certain_pieces};
use self::unigram::Pieces;
use self::vocabulary::Vocabulary;
pub use self::windows::{OVERLAP, Windows};
use crate::catch_panic::catch_panic;
use crate::model_files::{ModelFile, TokenizerFiles, VocabularyFiles};
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
    inner: Library,
    /// The fast way to the ids of ordinary text, if the tokenizer is like BERT's.
    sweep: Option<Sweep>,
    /// `None` if the post-processor does more than to put special tokens around a text.
    frame: Option<Frame>,
    /// `None` if all of a text may matter.
    compaction: Option<Compaction>,
    /// If texts are split into the most probable pieces.
    unigram: Option<UnigramPieces>,
    /// The side at which a text is cut to the window.
    truncation_side: TruncationDirection,
    /// The rows of the model's table of embeddings, if the tokenizer has a token without one.
    rows: Option<usize>,
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
        Self::load_as(files, limits, ClassOfModel::default())
    }

    /// Like [`Tokenizer::load`], with the class that config.json names.
    ///
    /// # Errors
    /// As [`Tokenizer::load`], also if the class is not supported.
    pub fn load_as(files: &TokenizerFiles, limits: Limits, model: ClassOfModel<'_>) -> Result<Self, TokenizerError> {
        catch_panic(|| Self::load_or_panic(files, limits, model)).unwrap_or_else(|message| {
            let reason = TokenizerError::panic_message(&message);
            Err(TokenizerError::Tokenizer { file: files.vocabulary_file().to_string(), reason })
        })
    }

    fn load_or_panic(files: &TokenizerFiles, limits: Limits, model: ClassOfModel<'_>) -> Result<Self, TokenizerError> {
        let settings = Settings::read(files)?;
        let class = Class::choose(&settings, files, model)?;
        let class = class.unwrap_or_else(|| Class::of_vocabulary(&files.vocabulary));
        let (mut inner, stored_side) = match (&files.vocabulary, class) {
            (VocabularyFiles::Json(file), Class::AsStored) => as_stored(file, &settings)?,
            (vocabulary, class) if class.is_unigram() => {
                let pieces = Pieces::read(vocabulary, class)?;
                let side = pieces.truncation_side;
                (unigram::build(pieces, class, &settings)?, side)
            }
            (vocabulary, class) => {
                let vocabulary = Vocabulary::read(vocabulary, class)?;
                let side = vocabulary.truncation_side;
                let build = if class == Class::Roberta { byte_level::build } else { word_piece::build };
                (build(vocabulary, &settings)?, side)
            }
        };
        inner.set_encode_special_tokens(settings.split_special_tokens);
        let rows = check_ids(&inner, files.vocabulary_file(), limits.vocab_size)?;
        let max_length = settings.max_length().unwrap_or(usize::MAX).min(limits.max_length);
        let special_tokens =
            inner.get_post_processor().map_or(0, |post| tokenizers::PostProcessor::added_tokens(post, false));
        let text_tokens = max_length.checked_sub(special_tokens).filter(|&left| left > 0);
        let text_tokens = text_tokens.ok_or(TokenizerError::Window { max_length })?;
        let truncation_side = settings.truncation_side(stored_side);
        let (compaction, unigram) = (Compaction::of(&inner), UnigramPieces::of(&inner));
        let (sweep, frame) = (Sweep::of(&inner), Frame::of(&inner));
        Ok(Self { sweep, frame, compaction, unigram, inner, truncation_side, rows, max_length, text_tokens })
    }

    /// The window in tokens, special tokens included.
    pub fn max_length(&self) -> usize {
        self.max_length
    }

    /// Tokenizes `text`. Of a text that is longer than the window, the beginning is kept (the end, if `truncation_side` of
    /// the settings is `left`), and the encoding says `truncated`.
    ///
    /// Unigram pieces of a word depend on all of it, so those of a word of more than 64 KiB may differ from transformers'.
    ///
    /// # Errors
    /// [`TokenizerError::Encode`], [`TokenizerError::UnknownId`] or [`TokenizerError::NoTokens`].
    pub fn encode(&self, text: &Text) -> Result<Encoding, TokenizerError> {
        catch_panic(|| self.encode_str(text.as_str()))
            .unwrap_or_else(|message| Err(TokenizerError::Encode(TokenizerError::panic_message(&message))))
    }

    fn encode_str(&self, text: &str) -> Result<Encoding, TokenizerError> {
        let ids = match self.truncation_side {
            TruncationDirection::Right => self.tokenize_start(text),
            TruncationDirection::Left => self.tokenize_end(text),
        };
        let ids = ids.map_err(|error| TokenizerError::encode(&error))?;
        let (truncated, window) = (ids.len() > self.text_tokens, ids.len().min(self.text_tokens));
        match self.truncation_side {
            TruncationDirection::Right => self.with_special_tokens(&ids[..window], truncated),
            TruncationDirection::Left => self.with_special_tokens(&ids[ids.len() - window..], truncated),
        }
    }

    fn with_special_tokens(&self, ids: &[u32], truncated: bool) -> Result<Encoding, TokenizerError> {
        let encoding = match &self.frame {
            Some(frame) => frame.around(ids, truncated),
            None => post_process(&self.inner, ids, truncated).map_err(|error| TokenizerError::encode(&error))?,
        };
        if encoding.is_empty() {
            return Err(TokenizerError::NoTokens);
        }
        self.check_rows(&encoding.input_ids)?;
        Ok(encoding)
    }

    /// Checks that each id of a text has a row in the table of embeddings. Few tokenizers have tokens without one.
    fn check_rows(&self, ids: &[u32]) -> Result<(), TokenizerError> {
        let Some(vocab_size) = self.rows else { return Ok(()) };
        match ids.iter().find(|&&id| id as usize >= vocab_size) {
            None => Ok(()),
            Some(&id) => {
                let token = self.inner.id_to_token(id).unwrap_or_default();
                Err(TokenizerError::UnknownId { token, id, vocab_size })
            }
        }
    }

    /// Tokenizes all of `text`, and of a long one keeps as much of the end as it takes to fill the window and to know that
    /// more precedes it.
    fn tokenize_end(&self, text: &str) -> tokenizers::Result<Vec<u32>> {
        if text.len() <= PIECE {
            return self.all_ids(text);
        }
        self.last_ids(&self.compact(text), self.text_tokens + 1)
    }

    /// The ids of a text of at most [`PIECE`] bytes, without special tokens.
    fn all_ids(&self, text: &str) -> tokenizers::Result<Vec<u32>> {
        match self.swept_ids(text, usize::MAX)? {
            Some(ids) => Ok(ids),
            None => Ok(self.inner.encode_fast(text, false)?.get_ids().to_vec()),
        }
    }

    /// The first ids of a text, at least `enough` or all if there are fewer; `None` if there is no fast way to them.
    fn swept_ids(&self, text: &str, enough: usize) -> tokenizers::Result<Option<Vec<u32>>> {
        let Some(sweep) = &self.sweep else { return Ok(None) };
        sweep.ids(text, enough, self.first_bytes(), &self.inner)
    }

    /// A length of a text that surely fills the window, unless most of it becomes no token.
    fn first_bytes(&self) -> usize {
        self.max_length.saturating_mul(16)
    }

    /// Tokenizes as much of `text` as it takes to fill the window and to know whether more follows: a text of 10 MB is
    /// not tokenized whole. One that does not fill the window soon is shortened first.
    fn tokenize_start(&self, text: &str) -> tokenizers::Result<Vec<u32>> {
        if let Some(ids) = self.swept_ids(text, self.text_tokens + 1)? {
            return Ok(ids);
        }
        let start = &text[..text.floor_char_boundary(PIECE)];
        if let Some(full) = self.fill_window(start, self.first_bytes())? {
            return Ok(full);
        }
        if self.unigram.is_some() && text.len() > PIECE {
            // The whole of it may be one word, for which the library needs a hundred bytes of memory per byte.
            return self.first_ids(text, self.text_tokens + 1);
        }
        let text = self.compact(text);
        match self.fill_window(&text, PIECE)? {
            Some(full) => Ok(full),
            None => Ok(self.inner.encode_fast(&*text, false)?.get_ids().to_vec()),
        }
    }

    /// Tokenizes beginnings of `text`, the first of so many bytes and each longer than the one before, until one fills the
    /// window and more follows.
    fn fill_window(&self, text: &str, mut bytes: usize) -> tokenizers::Result<Option<Vec<u32>>> {
        while bytes < text.len() {
            let start = &text[..text.floor_char_boundary(bytes)];
            let encoding = self.inner.encode(start, false)?;
            let settles = |pieces| has_certain_pieces(start, &encoding, self.text_tokens, (&self.inner, pieces));
            if certain_tokens(start, &encoding) > self.text_tokens || self.unigram.is_some_and(settles) {
                return Ok(Some(encoding.get_ids().to_vec()));
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

/// Checks that every id of an ordinary text has a row in the table of embeddings, and that the tokenizer works. Returns
/// the number of rows if there are tokens without one: added tokens, and words that no text can have.
fn check_ids(tokenizer: &Library, file: &ModelFile, vocab_size: usize) -> Result<Option<usize>, TokenizerError> {
    /// Letters of several scripts, so that no vocabulary has all of them.
    const PROBE: &str = "profit \u{1f680} \u{5229} \u{10ffff}";
    let probe = tokenizer
        .encode_fast(PROBE, true)
        .map_err(|error| TokenizerError::Tokenizer { file: file.to_string(), reason: error.to_string() })?;
    let added = tokenizer.get_added_tokens_decoder();
    let words = tokenizer.get_model().vocabulary();
    let mut last = probe.get_ids().iter().copied().max().unwrap_or(0);
    // Ids ascend in most models, so that few words are looked at.
    for (word, id) in words.iter().rev() {
        if *id > last && !word.trim().is_empty() && !added.contains_key(id) {
            last = *id;
        }
    }
    let last = last as usize;
    if last >= vocab_size {
        return Err(TokenizerError::VocabSize { file: file.to_string(), tokens: last + 1, vocab_size });
    }
    let all = words.iter().map(|(_, id)| id).chain(added.keys()).max().map_or(0, |&id| id as usize + 1);
    // DeBERTa's table has more rows than tokens, so that their number is round.
    let unused = if UnigramPieces::of(tokenizer).is_some() { vocab_size / 1000 } else { 0 };
    if all + unused < vocab_size {
        tracing::warn!("`{file}` has {all} tokens, but the model knows {vocab_size}; the file may be incomplete");
    }
    Ok((all > vocab_size).then_some(vocab_size))
}

/// The tokenizer as the library reads it, with the special tokens that the settings add, and the side at which it cuts
/// texts.
fn as_stored(file: &ModelFile, settings: &Settings) -> Result<(Library, Option<TruncationDirection>), TokenizerError> {
    let refused =
        |error: tokenizers::Error| TokenizerError::Tokenizer { file: file.to_string(), reason: error.to_string() };
    let json = file.read_vocabulary()?;
    unigram::check_stored(&json).map_err(|reason| refused(reason.into()))?;
    let mut tokenizer = Library::from_bytes(json).map_err(refused)?;
    let side = tokenizer.get_truncation().map(|truncation| truncation.direction);
    tokenizer.with_padding(None).with_truncation(None).map_err(refused)?;
    settings.tokens.with(Vec::new(), &[]).add_to(&mut tokenizer)?;
    Ok((tokenizer, side))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// These strings are not a [`Text`], but the tokenizer agrees with transformers on them, too.
    #[test]
    fn white_space_becomes_only_special_tokens() {
        let mini = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../models/mini");
        let vocab = ModelFile::Disk(mini.join("vocab.txt"));
        let files = TokenizerFiles::bare(VocabularyFiles::WordPiece(vocab));
        let tokenizer = Tokenizer::load(&files, Limits { vocab_size: 30_522, max_length: 512 }).unwrap();
        for blank in ["", " ", " \t\r\n ", "\0"] {
            let encoding = tokenizer.encode_str(blank).unwrap();
            assert_eq!((encoding.input_ids.as_slice(), encoding.truncated), (&[101, 102][..], false), "{blank:?}");
        }
    }
}
