//! The tokenizer of a RoBERTa model that has `vocab.json` and `merges.txt`, but no `tokenizer.json`.

use std::collections::BTreeMap;

use tokenizers::models::bpe::BPE;
use tokenizers::pre_tokenizers::byte_level::ByteLevel;
use tokenizers::processors::roberta::RobertaProcessing;
use tokenizers::{AddedToken, Tokenizer};

use super::error::TokenizerError;
use super::settings::{Settings, SpecialToken};
use crate::json_error::JsonError;
use crate::model_files::ModelFile;

/// The classes that can be built from `vocab.json` and `merges.txt`.
pub(super) const ROBERTA: [&str; 2] = ["RobertaTokenizer", "RobertaTokenizerFast"];

/// Byte-level BPE as transformers' `RobertaTokenizer` builds it. As there, bytes that are not in the vocabulary have no
/// token.
pub(super) fn from_vocab_and_merges(
    vocab_file: &ModelFile,
    merges_file: &ModelFile,
    settings: &Settings,
) -> Result<Tokenizer, TokenizerError> {
    let invalid = |file: &ModelFile, reason| TokenizerError::Tokenizer { file: file.to_string(), reason };
    let vocab: BTreeMap<String, u32> = serde_json::from_slice(&vocab_file.read_vocabulary()?)
        .map_err(|source| TokenizerError::Json { file: vocab_file.to_string(), source: JsonError::new(source) })?;
    let id = |token: &AddedToken| {
        let missing = || TokenizerError::NoSpecialToken { file: vocab_file.to_string(), token: token.content.clone() };
        vocab.get(&token.content).map(|&id| (token.content.clone(), id)).ok_or_else(missing)
    };
    let (cls, sep, others) = special_tokens(settings);
    let post_processor = RobertaProcessing::new(id(&sep)?, id(&cls)?);
    let known = [cls, sep].into_iter().chain(others).filter(|token| vocab.contains_key(&token.content));
    let known: Vec<AddedToken> = known.collect();

    let merges = read_merges(merges_file)?;
    let model = BPE::builder()
        .vocab_and_merges(vocab.into_iter().collect::<ahash::AHashMap<_, _>>(), merges)
        .build()
        .map_err(|error| invalid(merges_file, error.to_string()))?;
    let pre_tokenizer = ByteLevel::default().add_prefix_space(settings.add_prefix_space.unwrap_or(false));
    let mut tokenizer = Tokenizer::new(model);
    tokenizer.with_pre_tokenizer(Some(pre_tokenizer)).with_post_processor(Some(post_processor));
    tokenizer.add_special_tokens(known).map_err(|error| invalid(vocab_file, error.to_string()))?;
    Ok(tokenizer)
}

/// The first token, the last token, and the other special tokens, with RoBERTa's names by default.
///
/// Unless the settings describe the mask, it includes the white space before it, as in the checkpoints'
/// `tokenizer.json` and in transformers up to version 4.
fn special_tokens(settings: &Settings) -> (AddedToken, AddedToken, [AddedToken; 5]) {
    let special = &settings.special;
    let token = |token: &Option<SpecialToken>, default: &str| {
        token.as_ref().map_or_else(|| AddedToken::from(default, true), SpecialToken::to_token)
    };
    let mask = match &special.mask_token {
        Some(SpecialToken::Described(mask)) => mask.to_token(),
        other => token(other, "<mask>").lstrip(true),
    };
    let others = [
        token(&special.bos_token, "<s>"),
        token(&special.eos_token, "</s>"),
        token(&special.unk_token, "<unk>"),
        token(&special.pad_token, "<pad>"),
        mask,
    ];
    (token(&special.cls_token, "<s>"), token(&special.sep_token, "</s>"), others)
}

/// Two tokens per line, in the order of the merges.
fn read_merges(file: &ModelFile) -> Result<Vec<(String, String)>, TokenizerError> {
    let bytes = file.read_vocabulary()?;
    let text = str::from_utf8(&bytes).map_err(|error| {
        let line = bytes[..error.valid_up_to()].iter().filter(|&&byte| byte == b'\n').count() + 1;
        TokenizerError::VocabNotUtf8 { file: file.to_string(), line }
    })?;
    let lines = text.lines().enumerate().filter(|(_, line)| !line.is_empty() && !line.starts_with("#version"));
    lines
        .map(|(index, line)| match line.split_once(' ') {
            Some((left, right)) if !right.contains(' ') => Ok((left.into(), right.into())),
            _ => Err(TokenizerError::Merge { file: file.to_string(), line: index + 1 }),
        })
        .collect()
}
