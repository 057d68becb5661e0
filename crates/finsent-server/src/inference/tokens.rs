//! The tokens of texts, for clients that want to see them.

use std::sync::Arc;
use std::time::Instant;

use actix_web::web;
use finsent_model::{Text, TextError, Token, Tokenizer};

use super::tokenize::INLINE_BYTES;
use crate::error::HttpError;
use crate::request::{Admitted, ItemError, MemoryPermit, TextInput};
use crate::served_model::ServedModel;
use crate::traces::Counts;

/// A text with its tokens.
pub(crate) struct TokenizedText {
    pub(crate) text: Text,
    pub(crate) tokens: Vec<Token>,
}

/// What a token takes.
const BYTES_PER_TOKEN: usize = 64;

/// The tokens of all texts, and their memory. `special` adds those before and after a text.
///
/// # Errors
/// [`HttpError`] if a text has no tokens or is too long, or they have more tokens in all than may wait to be scored.
pub(crate) async fn tokens(
    admitted: &Admitted,
    model: &Arc<ServedModel>,
    (inputs, mut memory): (Vec<TextInput>, MemoryPermit),
    special: bool,
) -> Result<(Vec<TokenizedText>, MemoryPermit), HttpError> {
    let is_one = inputs.len() == 1;
    let limit = admitted.service().limits.max_text_bytes.min(Tokenizer::MAX_BYTES_OF_TOKENS);
    let texts = inputs.into_iter().enumerate().map(|(index, input)| {
        let text = input.and_then(|text| check_length(text, limit));
        text.map_err(|error| error.into_request_error((!is_one).then_some(index)))
    });
    let texts: Vec<Text> = texts.collect::<Result<_, _>>()?;
    let bytes: usize = texts.iter().map(|text| text.as_str().len()).sum();
    let max_tokens = admitted.loaded().scheduler.max_queue_tokens();
    let of_model = Arc::clone(model);
    let started = Instant::now();
    let find = move || find_tokens(&of_model, texts, special, max_tokens);
    let found = if bytes <= INLINE_BYTES { find() } else { web::block(find).await.map_err(|_| HttpError::Panicked)? };
    let found = found?;
    if let Some(trace) = admitted.trace() {
        let tokens = found.iter().map(|text| text.tokens.len()).sum();
        trace.tokenized((started, Instant::now()), Counts { texts: found.len(), tokens, ..Counts::default() });
    }
    memory.grow(found.iter().map(|text| text.tokens.len() * BYTES_PER_TOKEN).sum())?;
    Ok((found, memory))
}

fn check_length(text: Text, limit: usize) -> Result<Text, ItemError> {
    let bytes = text.as_str().len();
    if bytes > limit { Err(TextError::TooLarge { bytes, limit }.into()) } else { Ok(text) }
}

fn find_tokens(
    model: &ServedModel,
    texts: Vec<Text>,
    special: bool,
    max_tokens: usize,
) -> Result<Vec<TokenizedText>, HttpError> {
    let (mut found, mut count, is_one) = (Vec::with_capacity(texts.len()), 0, texts.len() == 1);
    for (index, text) in texts.into_iter().enumerate() {
        let tokens = model.pipeline.tokenizer().tokens(&text, special);
        let tokens = tokens.map_err(|error| ItemError::from(error).into_request_error((!is_one).then_some(index)))?;
        count += tokens.len();
        if count > max_tokens {
            let reason = format!("the texts have more than {max_tokens} tokens; send them in several requests");
            return Err(HttpError::invalid(reason));
        }
        found.push(TokenizedText { text, tokens });
    }
    Ok(found)
}
