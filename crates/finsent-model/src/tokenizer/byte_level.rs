//! The tokenizer of RoBERTa.

use ahash::AHashMap;
use tokenizers::AddedToken;
use tokenizers::models::bpe::BPE;
use tokenizers::pre_tokenizers::byte_level::ByteLevel;
use tokenizers::processors::roberta::RobertaProcessing;

use super::ends::{ENDS, ends, with_ids};
use super::error::TokenizerError;
use super::model::Library;
use super::settings::Settings;
use super::vocabulary::Vocabulary;

/// Byte-level BPE as transformers' `RobertaTokenizer` builds it. As there, bytes that are not in the vocabulary have no
/// token. Of `tokenizer.json` it uses the vocabulary, the merges and the added tokens.
pub(super) fn build(vocabulary: Vocabulary, settings: &Settings) -> Result<Library, TokenizerError> {
    let tokens = settings.tokens.with(vocabulary.added.clone(), &defaults());
    let ids: AHashMap<String, u32> = vocabulary.tokens.iter().map(|(token, id)| (token.into(), id)).collect();
    let ends = ends(&tokens, ENDS, &vocabulary.file, |token| ids.contains_key(token))?;
    let add_prefix_space = settings.add_prefix_space.unwrap_or(false);
    let Vocabulary { merges_file: file, merges, .. } = vocabulary;
    let refused = |error: tokenizers::Error| TokenizerError::Tokenizer { file, reason: error.to_string() };
    let model = BPE::builder().vocab_and_merges(ids, merges).build().map_err(refused)?;
    let mut tokenizer = Library::new(model.into());
    tokenizer.with_pre_tokenizer(Some(ByteLevel::default().add_prefix_space(add_prefix_space)));
    tokens.add_to(&mut tokenizer)?;
    let [cls, sep] = with_ids(ends, &tokenizer);
    tokenizer.with_post_processor(Some(RobertaProcessing::new(sep, cls)));
    Ok(tokenizer)
}

/// RoBERTa's names. Unless a file describes the mask, it does not include the white space before it; that is so since
/// version 5 of transformers.
fn defaults() -> [(&'static str, AddedToken); 7] {
    let special = |content: &str| AddedToken::from(content, true);
    [
        ("bos_token", special("<s>")),
        ("eos_token", special("</s>")),
        ("unk_token", special("<unk>")),
        ("sep_token", special("</s>")),
        ("pad_token", special("<pad>")),
        ("cls_token", special("<s>")),
        ("mask_token", special("<mask>")),
    ]
}
