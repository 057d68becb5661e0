//! Text becomes token ids, exactly as transformers would make them.

use std::collections::BTreeMap;

use ahash::AHashMap;
use serde::Deserialize;
use thiserror::Error;
use tokenizers::models::wordpiece::WordPiece;
use tokenizers::normalizers::BertNormalizer;
use tokenizers::pre_tokenizers::bert::BertPreTokenizer;
use tokenizers::processors::bert::BertProcessing;
use tokenizers::{AddedToken, TruncationDirection};

use crate::files::{FilesError, ModelFile, TokenizerFiles};
use crate::text::Text;

/// The token ids of one text.
#[derive(Debug, Clone, PartialEq, Eq)]
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
    /// `vocab.txt` is not text.
    #[error("`{file}` line {line} is not UTF-8")]
    VocabNotUtf8 {
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
    /// Only a vocabulary is there, but of a tokeniser that is not BERT's.
    #[error("`{file}` asks for `{class}`; from vocab.txt only BertTokenizer can be built, others need tokenizer.json")]
    Class {
        /// The settings file.
        file: String,
        /// `tokenizer_class`.
        class: String,
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

impl Tokenizer {
    /// Builds the tokeniser of a model; its window is the smaller of the model's and `model_max_length`.
    ///
    /// # Errors
    /// [`TokenizerError`] naming the file and what is wrong with it.
    pub fn load(files: &TokenizerFiles, limits: Limits) -> Result<Self, TokenizerError> {
        let (inner, config, source) = match files {
            TokenizerFiles::Json { tokenizer, config } => {
                (from_tokenizer_json(tokenizer)?, read_settings(config.as_ref())?, tokenizer)
            }
            TokenizerFiles::WordPiece { vocab, config, special_tokens } => {
                let mut settings = read_settings(config.as_ref())?;
                settings.special.fill_from(read_json::<SpecialTokens>(special_tokens.as_ref())?.unwrap_or_default());
                (from_vocab(vocab, config.as_ref(), &settings)?, settings, vocab)
            }
        };
        let tokens = inner.get_vocab_size(true);
        if tokens > limits.vocab_size {
            return Err(TokenizerError::VocabSize { file: source.to_string(), tokens, vocab_size: limits.vocab_size });
        }
        let max_length = config.max_length().unwrap_or(usize::MAX).min(limits.max_length);
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
        self.encode_str(text.as_str())
    }

    fn encode_str(&self, text: &str) -> Result<Encoding, TokenizerError> {
        let library = |error: tokenizers::Error| TokenizerError::Encode(error.to_string());
        let mut encoding = self.tokenize_start(text).map_err(library)?;
        let truncated = encoding.len() > self.text_tokens;
        encoding.truncate(self.text_tokens, 0, TruncationDirection::Right);
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
    /// A 10 MB text need not be tokenised whole: a cut changes the tokens of the word that it goes through (and of a
    /// special token's name, which is shorter than [`CUT_MARGIN`]), and none before it.
    fn tokenize_start(&self, text: &str) -> tokenizers::Result<tokenizers::Encoding> {
        let mut bytes = self.max_length.saturating_mul(16);
        while bytes < text.len() {
            let start = &text[..text.floor_char_boundary(bytes)];
            let encoding = self.inner.encode(start, false)?;
            if certain_tokens(&encoding) > self.text_tokens {
                return Ok(encoding);
            }
            bytes = bytes.saturating_mul(4);
        }
        self.inner.encode_fast(text, false)
    }
}

/// Tokens in front of a cut that are not trusted although their word is complete.
const CUT_MARGIN: usize = 64;

/// How many tokens stay the same whatever follows the text that was encoded.
fn certain_tokens(encoding: &tokenizers::Encoding) -> usize {
    let words = encoding.get_word_ids();
    let complete = words.iter().rposition(|word| Some(word) != words.last()).map_or(0, |last| last + 1);
    complete.saturating_sub(CUT_MARGIN)
}

fn from_tokenizer_json(file: &ModelFile) -> Result<tokenizers::Tokenizer, TokenizerError> {
    let mut tokenizer = tokenizers::Tokenizer::from_bytes(file.read()?)
        .map_err(|error| TokenizerError::Tokenizer { file: file.to_string(), reason: error.to_string() })?;
    tokenizer
        .with_padding(None)
        .with_truncation(None)
        .map_err(|error| TokenizerError::Tokenizer { file: file.to_string(), reason: error.to_string() })?;
    Ok(tokenizer)
}

/// The fields of `tokenizer_config.json` that shape the ids, with the defaults of transformers' `BertTokenizer`.
#[derive(Debug, Deserialize)]
#[serde(default)]
struct Settings {
    do_lower_case: bool,
    strip_accents: Option<bool>,
    tokenize_chinese_chars: Option<bool>,
    model_max_length: Option<f64>,
    tokenizer_class: Option<String>,
    added_tokens_decoder: BTreeMap<u32, AddedTokenSettings>,
    #[serde(flatten)]
    special: SpecialTokens,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            do_lower_case: true,
            strip_accents: None,
            tokenize_chinese_chars: None,
            model_max_length: None,
            tokenizer_class: None,
            added_tokens_decoder: BTreeMap::new(),
            special: SpecialTokens::default(),
        }
    }
}

impl Settings {
    /// `model_max_length`; transformers writes 1e30 for "not set".
    fn max_length(&self) -> Option<usize> {
        self.model_max_length.filter(|&length| (1.0..1e9).contains(&length)).map(|length| length as usize)
    }
}

#[derive(Debug, Deserialize)]
struct AddedTokenSettings {
    content: String,
    #[serde(default)]
    single_word: bool,
    #[serde(default)]
    lstrip: bool,
    #[serde(default)]
    rstrip: bool,
    #[serde(default)]
    normalized: bool,
    #[serde(default)]
    special: bool,
}

/// `special_tokens_map.json`; the same keys may stand in `tokenizer_config.json`, which goes first.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct SpecialTokens {
    pad_token: Option<SpecialToken>,
    unk_token: Option<SpecialToken>,
    cls_token: Option<SpecialToken>,
    sep_token: Option<SpecialToken>,
    mask_token: Option<SpecialToken>,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum SpecialToken {
    Plain(String),
    Described { content: String },
}

impl SpecialTokens {
    fn fill_from(&mut self, other: Self) {
        let fill = |own: &mut Option<SpecialToken>, other| *own = own.take().or(other);
        fill(&mut self.pad_token, other.pad_token);
        fill(&mut self.unk_token, other.unk_token);
        fill(&mut self.cls_token, other.cls_token);
        fill(&mut self.sep_token, other.sep_token);
        fill(&mut self.mask_token, other.mask_token);
    }
}

fn name<'a>(token: &'a Option<SpecialToken>, default: &'a str) -> &'a str {
    match token {
        Some(SpecialToken::Plain(content) | SpecialToken::Described { content }) => content,
        None => default,
    }
}

fn read_json<T: for<'a> Deserialize<'a>>(file: Option<&ModelFile>) -> Result<Option<T>, TokenizerError> {
    let Some(file) = file else { return Ok(None) };
    serde_json::from_slice(&file.read()?)
        .map(Some)
        .map_err(|source| TokenizerError::Json { file: file.to_string(), source })
}

fn read_settings(file: Option<&ModelFile>) -> Result<Settings, TokenizerError> {
    Ok(read_json(file)?.unwrap_or_default())
}

/// WordPiece as transformers' `BertTokenizer` builds it from a vocabulary.
fn from_vocab(
    vocab_file: &ModelFile,
    settings_file: Option<&ModelFile>,
    settings: &Settings,
) -> Result<tokenizers::Tokenizer, TokenizerError> {
    let settings_name = || settings_file.map_or_else(|| "tokenizer_config.json".into(), ModelFile::to_string);
    const BERT: [&str; 4] = ["BertTokenizer", "BertTokenizerFast", "DistilBertTokenizer", "DistilBertTokenizerFast"];
    if let Some(class) = settings.tokenizer_class.as_ref().filter(|class| !BERT.contains(&class.as_str())) {
        return Err(TokenizerError::Class { file: settings_name(), class: class.clone() });
    }

    let vocab = read_vocab(vocab_file)?;
    let special = &settings.special;
    let unk = name(&special.unk_token, "[UNK]");
    let special_id = |token: &str| {
        let lacking = || TokenizerError::NoSpecialToken { file: vocab_file.to_string(), token: token.into() };
        vocab.get(token).copied().ok_or_else(lacking)
    };
    special_id(unk)?;
    let [cls, sep] = [name(&special.cls_token, "[CLS]"), name(&special.sep_token, "[SEP]")];
    let post_processor = BertProcessing::new((sep.into(), special_id(sep)?), (cls.into(), special_id(cls)?));
    let literal: Vec<AddedToken> =
        [unk, cls, sep, name(&special.pad_token, "[PAD]"), name(&special.mask_token, "[MASK]")]
            .into_iter()
            .filter(|token| vocab.contains_key(*token))
            .map(|token| AddedToken::from(token, true))
            .collect();

    let library = |error: tokenizers::Error| TokenizerError::Tokenizer {
        file: vocab_file.to_string(),
        reason: error.to_string(),
    };
    let model = WordPiece::builder().vocab(vocab).unk_token(unk.into()).build().map_err(library)?;
    let mut tokenizer = tokenizers::Tokenizer::new(model);
    tokenizer
        .with_normalizer(Some(BertNormalizer::new(
            true,
            settings.tokenize_chinese_chars.unwrap_or(true),
            settings.strip_accents,
            settings.do_lower_case,
        )))
        .map_err(library)?
        .with_pre_tokenizer(Some(BertPreTokenizer))
        .with_post_processor(Some(post_processor));
    tokenizer.add_special_tokens(literal).map_err(library)?;
    for (&expected, added) in &settings.added_tokens_decoder {
        let token = AddedToken::from(added.content.as_str(), added.special)
            .single_word(added.single_word)
            .lstrip(added.lstrip)
            .rstrip(added.rstrip)
            .normalized(added.normalized);
        tokenizer.add_tokens([token]).map_err(library)?;
        let found = tokenizer.token_to_id(&added.content).unwrap_or(u32::MAX);
        if found != expected {
            let token = added.content.clone();
            return Err(TokenizerError::AddedTokenId { file: settings_name(), token, expected, found });
        }
    }
    Ok(tokenizer)
}

/// One token a line; its id is the line's index. Of equal lines the last one counts, as in transformers.
fn read_vocab(file: &ModelFile) -> Result<AHashMap<String, u32>, TokenizerError> {
    let bytes = file.read()?;
    let bytes = bytes.strip_suffix(b"\n").unwrap_or(&bytes);
    let mut vocab = AHashMap::new();
    for (id, line) in (0u32..).zip(bytes.split(|&byte| byte == b'\n')) {
        let token = str::from_utf8(line.strip_suffix(b"\r").unwrap_or(line))
            .map_err(|_| TokenizerError::VocabNotUtf8 { file: file.to_string(), line: id as usize + 1 })?;
        vocab.insert(token.to_owned(), id);
    }
    Ok(vocab)
}
