//! The first and the last token of every text.

use super::added_tokens::AddedTokens;
use super::error::TokenizerError;
use super::model::Library;

/// The names of the first and the last token of every text in most classes.
pub(super) const ENDS: [&str; 2] = ["cls_token", "sep_token"];

/// The first and the last token of every text: those of the fields `names`. A token that is in no file, of which `file`
/// is the vocabulary, would get an id as well, but one that the model has not learned.
pub(super) fn ends(
    tokens: &AddedTokens,
    names: [&'static str; 2],
    file: &str,
    is_in_vocabulary: impl Fn(&str) -> bool,
) -> Result<[String; 2], TokenizerError> {
    let name = |field: &'static str| -> Result<String, TokenizerError> {
        let content = tokens.required(field)?;
        match tokens.contains(content) || is_in_vocabulary(content) {
            true => Ok(content.to_owned()),
            false => Err(TokenizerError::NoSpecialToken { file: file.into(), token: content.into() }),
        }
    };
    Ok([name(names[0])?, name(names[1])?])
}

/// [`ends`] with their ids.
pub(super) fn with_ids(ends: [String; 2], tokenizer: &Library) -> [(String, u32); 2] {
    ends.map(|token| {
        let id = tokenizer.token_to_id(&token).expect("the token is in the vocabulary, or was added");
        (token, id)
    })
}
