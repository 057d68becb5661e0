//! The tokenizer of a BERT or DistilBERT model that has `vocab.txt`, but no `tokenizer.json`.

use ahash::AHashMap;
use tokenizers::models::wordpiece::WordPiece;
use tokenizers::normalizers::BertNormalizer;
use tokenizers::pre_tokenizers::bert::BertPreTokenizer;
use tokenizers::processors::bert::BertProcessing;
use tokenizers::{AddedToken, Tokenizer};

use super::error::TokenizerError;
use super::settings::{Settings, SpecialNames};
use crate::model_files::ModelFile;

/// The classes that can be built from `vocab.txt`.
pub(super) const BERT: [&str; 4] =
    ["BertTokenizer", "BertTokenizerFast", "DistilBertTokenizer", "DistilBertTokenizerFast"];

/// WordPiece as transformers' `BertTokenizer` builds it.
pub(super) fn from_vocab(vocab_file: &ModelFile, settings: &Settings) -> Result<Tokenizer, TokenizerError> {
    let vocab = read_vocab(vocab_file)?;
    let SpecialNames { pad, unk, cls, sep, mask } = settings.special_names();
    let id = |token: &str| {
        let missing = || TokenizerError::NoSpecialToken { file: vocab_file.to_string(), token: token.into() };
        vocab.get(token).copied().ok_or_else(missing)
    };
    id(unk)?;
    let post_processor = BertProcessing::new((sep.into(), id(sep)?), (cls.into(), id(cls)?));
    let known = [pad, unk, cls, sep, mask].into_iter().filter(|token| vocab.contains_key(*token));
    let special_tokens: Vec<AddedToken> = known.map(|token| AddedToken::from(token, true)).collect();
    let normalizer = BertNormalizer::new(
        true,
        settings.tokenize_chinese_chars.unwrap_or(true),
        settings.strip_accents,
        settings.do_lower_case,
    );

    let library = |error| refused(vocab_file, &error);
    let mut tokenizer =
        Tokenizer::new(WordPiece::builder().vocab(vocab).unk_token(unk.into()).build().map_err(library)?);
    tokenizer
        .with_normalizer(Some(normalizer))
        .map_err(library)?
        .with_pre_tokenizer(Some(BertPreTokenizer))
        .with_post_processor(Some(post_processor));
    tokenizer.add_special_tokens(special_tokens).map_err(library)?;
    Ok(tokenizer)
}

fn refused(file: &ModelFile, error: &tokenizers::Error) -> TokenizerError {
    TokenizerError::Tokenizer { file: file.to_string(), reason: error.to_string() }
}

/// One token per line; its id is the index of the line. If a token appears twice, the last id counts, as in
/// transformers.
fn read_vocab(file: &ModelFile) -> Result<AHashMap<String, u32>, TokenizerError> {
    let bytes = file.read_vocabulary()?;
    let bytes = bytes.strip_suffix(b"\n").unwrap_or(&bytes);
    let mut vocab = AHashMap::new();
    for (id, line) in (0u32..).zip(bytes.split(|&byte| byte == b'\n')) {
        let token = str::from_utf8(line.strip_suffix(b"\r").unwrap_or(line))
            .map_err(|_| TokenizerError::VocabNotUtf8 { file: file.to_string(), line: id as usize + 1 })?;
        vocab.insert(token.to_owned(), id);
    }
    Ok(vocab)
}
