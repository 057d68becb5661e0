//! The tokenizer of BERT and DistilBERT.

use tokenizers::AddedToken;
use tokenizers::normalizers::BertNormalizer;
use tokenizers::pre_tokenizers::bert::BertPreTokenizer;
use tokenizers::processors::bert::BertProcessing;

use super::ends::{ENDS, ends, with_ids};
use super::error::TokenizerError;
use super::model::{Library, WordPieceModel, WordPieceSettings};
use super::settings::Settings;
use super::vocabulary::Vocabulary;

/// What pieces that continue a word begin with.
const PREFIX: &str = "##";
/// Longer words are unknown.
const MAX_LETTERS: usize = 100;

/// `WordPiece` as transformers' `BertTokenizer` builds it. Of `tokenizer.json` it uses the vocabulary and the added
/// tokens; how texts are normalized is said by the settings.
pub(super) fn build(vocabulary: Vocabulary, settings: &Settings) -> Result<Library, TokenizerError> {
    let defaults = [
        ("unk_token", "[UNK]"),
        ("sep_token", "[SEP]"),
        ("pad_token", "[PAD]"),
        ("cls_token", "[CLS]"),
        ("mask_token", "[MASK]"),
    ];
    let defaults = defaults.map(|(name, content)| (name, AddedToken::from(content, true)));
    let tokens = settings.tokens.with(vocabulary.added.clone(), &defaults);
    let unknown = tokens.required("unk_token")?;
    let Vocabulary { file, tokens: words, .. } = vocabulary;
    let refused =
        |error: tokenizers::Error| TokenizerError::Tokenizer { file: file.clone(), reason: error.to_string() };
    let model = WordPieceModel::new(words, WordPieceSettings { unknown, prefix: PREFIX, max_letters: MAX_LETTERS });
    let model = model.ok_or_else(|| refused("a token has an id that no model has".into()))?;
    if model.id(unknown).is_none() {
        return Err(TokenizerError::NoSpecialToken { file, token: unknown.into() });
    }
    let ends = ends(&tokens, ENDS, &file, |token| model.id(token).is_some())?;
    let lowercase = settings.do_lower_case.unwrap_or(true);
    let normalizer = BertNormalizer::new(true, settings.tokenize_chinese_chars, settings.strip_accents, lowercase);

    let mut tokenizer = Library::new(model.into());
    tokenizer.with_normalizer(Some(normalizer)).map_err(refused)?.with_pre_tokenizer(Some(BertPreTokenizer));
    tokens.add_to(&mut tokenizer)?;
    let [cls, sep] = with_ids(ends, &tokenizer);
    tokenizer.with_post_processor(Some(BertProcessing::new(sep, cls)));
    Ok(tokenizer)
}
