//! The tokenizers of XLM-RoBERTa, CamemBERT, DeBERTa-v2 and ALBERT: a text is split into the most probable pieces, each
//! with a probability of its own.
//!
//! The four classes differ in what happens before and after that: how a text is normalized, what counts as a word, and
//! the tokens around it. Of `tokenizer.json` they use the pieces, the added tokens and the table of the normalizer;
//! ALBERT also its post-processor. All else is said by the settings, as in transformers.

mod charsmap;
mod limits;
mod pieces;
mod stored;

use tokenizers::normalizers::replace::ReplacePattern;
use tokenizers::normalizers::{self, Lowercase, NFC, NFKD, Replace, Strip, StripAccents};
use tokenizers::pre_tokenizers::metaspace::{Metaspace, PrependScheme};
use tokenizers::pre_tokenizers::punctuation::Punctuation;
use tokenizers::pre_tokenizers::sequence::Sequence;
use tokenizers::pre_tokenizers::whitespace::WhitespaceSplit;
use tokenizers::processors::bert::BertProcessing;
use tokenizers::{AddedToken, NormalizerWrapper, PostProcessorWrapper, PreTokenizerWrapper, SplitDelimiterBehavior};

pub(super) use self::pieces::Pieces;
pub(super) use self::stored::check as check_stored;
use super::added_tokens::AddedTokens;
use super::class::Class;
use super::ends::{ends, with_ids};
use super::error::TokenizerError;
use super::model::Library;
use super::model::UnigramModel;
use super::settings::Settings;

/// The character that stands for a space in pieces.
pub(super) const SPACE: char = '\u{2581}';

/// The tokenizer that transformers builds for `class`.
pub(super) fn build(pieces: Pieces, class: Class, settings: &Settings) -> Result<Library, TokenizerError> {
    if let (Class::Albert, Some(_), Some((file, field))) = (class, &pieces.of_model, &settings.ends_field) {
        let reason = "it changes the tokens around a text, which finsent does not support for this class";
        return Err(TokenizerError::Field { file: file.clone(), field: (*field).into(), reason: reason.into() });
    }
    let tokens = settings.tokens.with(pieces.added.clone(), &defaults(class));
    let tokens = with_further(tokens, &pieces, class, settings);
    let Pieces { file, vocab, charsmap, post_processor, of_model, .. } = pieces;
    let configured = settings.unk_id.unwrap_or(1);
    let unk_id = of_model.as_ref().map_or(configured, |model| i64::from(model.unk_id));
    let vocab = if of_model.is_some() { reorder(vocab, class, &tokens)? } else { vocab };
    let unk_id = unknown(&vocab, class, &tokens, unk_id)?;
    let ends = ends(&tokens, end_names(class), &file, |token| vocab.iter().any(|(piece, _)| piece == token))?;

    let refused =
        |error: tokenizers::Error| TokenizerError::Tokenizer { file: file.clone(), reason: error.to_string() };
    let model = UnigramModel::new(&vocab, Some(unk_id), false).map_err(|reason| refused(reason.into()))?;
    let mut tokenizer = Library::new(model.into());
    tokenizer.with_normalizer(normalizer(class, charsmap, settings).map_err(refused)?).map_err(refused)?;
    tokenizer.with_pre_tokenizer(Some(pre_tokenizer(class, settings)));
    tokens.add_to(&mut tokenizer)?;
    let [first, last] = with_ids(ends, &tokenizer);
    let plain: PostProcessorWrapper = BertProcessing::new(last, first).into();
    let stored = post_processor.filter(|_| class == Class::Albert);
    tokenizer.with_post_processor(Some(stored.unwrap_or(plain)));
    Ok(tokenizer)
}

/// The special tokens of a class, unless a file names others.
fn defaults(class: Class) -> [(&'static str, AddedToken); 7] {
    let contents = match class {
        Class::DebertaV2 => ["[CLS]", "[SEP]", "[UNK]", "[SEP]", "[PAD]", "[CLS]", "[MASK]"],
        Class::Albert => ["[CLS]", "[SEP]", "<unk>", "[SEP]", "<pad>", "[CLS]", "[MASK]"],
        _ => ["<s>", "</s>", "<unk>", "</s>", "<pad>", "<s>", "<mask>"],
    };
    let names = ["bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token"];
    std::array::from_fn(|index| (names[index], AddedToken::from(contents[index], true)))
}

/// The tokens at the beginning and at the end of each text.
fn end_names(class: Class) -> [&'static str; 2] {
    match class {
        Class::XlmRoberta | Class::Camembert => ["bos_token", "eos_token"],
        _ => ["cls_token", "sep_token"],
    }
}

/// Adds the special tokens without names that count if the settings name none: those of the sentencepiece model, else
/// those of CamemBERT. CamemBERT's mask includes the white space before it, unless a file describes the mask.
fn with_further(tokens: AddedTokens, pieces: &Pieces, class: Class, settings: &Settings) -> AddedTokens {
    let tokens = if class == Class::Camembert { tokens.with_wide_mask() } else { tokens };
    let special = |content: &str| AddedToken::from(content, true);
    match &pieces.of_model {
        Some(model) if !settings.tokens.names_further => tokens.with_further(model.tokens.clone()),
        None if class == Class::Camembert && !settings.tokens.names_further && !settings.tokens.map_names_further => {
            tokens.with_further(["<s>NOTUSED", "</s>NOTUSED", "<unk>NOTUSED"].map(special).to_vec())
        }
        _ => tokens,
    }
}

/// The pieces of a sentencepiece model in the order of their ids. XLM-RoBERTa and CamemBERT were trained with the ids of
/// fairseq, which has its own special tokens, and with a mask at the end.
fn reorder(
    vocab: Vec<(String, f64)>,
    class: Class,
    tokens: &AddedTokens,
) -> Result<Vec<(String, f64)>, TokenizerError> {
    let named = |name| tokens.required(name).map(|token| (token.to_owned(), 0.0));
    let (special, replaced) = match class {
        Class::XlmRoberta => {
            let special = [named("bos_token")?, named("pad_token")?, named("eos_token")?, named("unk_token")?];
            (special.to_vec(), 3)
        }
        Class::Camembert => {
            let unused = |token: &str, score: f64| (token.to_owned(), score);
            let special = vec![
                unused("<s>NOTUSED", 0.0),
                named("pad_token")?,
                unused("</s>NOTUSED", 0.0),
                named("unk_token")?,
                unused("<unk>NOTUSED", -100.0),
            ];
            (special, 1)
        }
        _ => return Ok(vocab),
    };
    let mask = named("mask_token")?;
    Ok(special.into_iter().chain(vocab.into_iter().skip(replaced)).chain([mask]).collect())
}

/// The id of the unknown piece. `stored` is what the settings or the sentencepiece model say.
fn unknown(vocab: &[(String, f64)], class: Class, tokens: &AddedTokens, stored: i64) -> Result<usize, TokenizerError> {
    let unknown = || tokens.required("unk_token");
    Ok(match class {
        Class::XlmRoberta => 3,
        Class::Camembert => {
            let unknown = unknown()?;
            vocab.iter().position(|(piece, _)| piece == unknown).unwrap_or(0)
        }
        Class::DebertaV2 => {
            let unknown = unknown()?;
            let found = vocab.iter().position(|(piece, score)| piece == unknown && *score == 0.0);
            // A negative id is in no vocabulary, and the library says so.
            found.unwrap_or_else(|| usize::try_from(stored).unwrap_or(usize::MAX))
        }
        _ => 1,
    })
}

fn normalizer(
    class: Class,
    charsmap: Option<normalizers::Precompiled>,
    settings: &Settings,
) -> tokenizers::Result<Option<NormalizerWrapper>> {
    let mut steps: Vec<NormalizerWrapper> = Vec::new();
    match class {
        Class::DebertaV2 => {
            if settings.do_lower_case.unwrap_or(false) {
                steps.push(Lowercase.into());
            }
            let spaces = ReplacePattern::Regex(r"\s{2,}|[\n\r\t]".into());
            steps.extend([Replace::new(spaces, " ")?.into(), NFC.into(), Strip::new(false, true).into()]);
        }
        Class::Albert => {
            steps.extend([Replace::new("``", "\"")?.into(), Replace::new("''", "\"")?.into()]);
            if !settings.keep_accents.unwrap_or(false) {
                steps.extend([NFKD.into(), StripAccents.into()]);
            }
            if settings.do_lower_case.unwrap_or(true) {
                steps.push(Lowercase.into());
            }
            steps.extend(charsmap.map(NormalizerWrapper::from));
        }
        _ => return Ok(charsmap.map(NormalizerWrapper::from)),
    }
    Ok(Some(normalizers::Sequence::new(steps).into()))
}

fn pre_tokenizer(class: Class, settings: &Settings) -> Sequence {
    let with_space = settings.add_prefix_space.unwrap_or(true);
    let without = if class == Class::DebertaV2 { PrependScheme::First } else { PrependScheme::Never };
    let spaces = Metaspace::new(SPACE, if with_space { PrependScheme::Always } else { without }, true);
    let mut steps: Vec<PreTokenizerWrapper> = Vec::new();
    match class {
        Class::DebertaV2 if settings.split_by_punct.unwrap_or(false) => {
            steps.push(Punctuation::new(SplitDelimiterBehavior::Isolated).into());
        }
        Class::DebertaV2 => {}
        _ => steps.push(WhitespaceSplit.into()),
    }
    steps.push(spaces.into());
    Sequence::new(steps)
}
