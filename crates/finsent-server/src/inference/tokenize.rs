//! Tokenization, without delaying other requests.

use std::sync::Arc;

use actix_web::web;
use finsent_model::{EncodedText, Granularity, TextError};

use crate::error::HttpError;
use crate::request::{Admitted, ItemError, TextInput};
use crate::served_model::ServedModel;
use crate::service::LONG_TEXT_BYTES_AT_A_TIME;

/// Up to this many bytes are tokenized on the worker's thread, which takes a millisecond for most texts and ten for the worst.
/// More would delay its other connections.
pub(super) const INLINE_BYTES: usize = 2 << 10;

/// What a text costs besides its bytes, however short it is.
const BYTES_PER_TEXT: usize = 64;
/// Texts with more bytes than this wait for each other, because of the memory that the tokenizer needs for them.
pub(super) const LONG_TEXT_BYTES: usize = 64 << 10;

/// What to make of the texts.
#[derive(Debug, Clone, Copy)]
pub(super) struct TokenizeOptions {
    pub(super) granularity: Granularity,
    /// Whether HTML is left out of the texts.
    pub(super) unescape_html: bool,
    /// Whether a text that is longer than the window is cut, or fails.
    pub(super) truncate: bool,
}

/// Tokenizes texts, each for itself.
///
/// # Errors
/// [`HttpError::Panicked`] if the tokenizer panics.
pub(super) async fn tokenize(
    admitted: &Admitted,
    model: &Arc<ServedModel>,
    inputs: Vec<TextInput>,
    options: TokenizeOptions,
) -> Result<Vec<Result<EncodedText, ItemError>>, HttpError> {
    let max_text_bytes = admitted.service().limits.max_text_bytes;
    let inputs: Vec<TextInput> = inputs.into_iter().map(|input| check_length(input, max_text_bytes)).collect();
    let bytes: usize = inputs.iter().flatten().map(|text| text.as_str().len()).sum();
    // The scheduler refuses more, so tokenization can stop there.
    let max_tokens = admitted.loaded().scheduler.max_queue_tokens();
    if bytes + inputs.len() * BYTES_PER_TEXT <= INLINE_BYTES {
        return Ok(encode_all(model, inputs, options, max_tokens));
    }
    let longest = inputs.iter().flatten().map(|text| text.as_str().len()).max().unwrap_or_default();
    let permits = if longest > LONG_TEXT_BYTES { longest.min(LONG_TEXT_BYTES_AT_A_TIME) as u32 } else { 0 };
    let _permit = admitted.service().long_texts.acquire_many(permits).await;
    let model = Arc::clone(model);
    let encoded = web::block(move || encode_all(&model, inputs, options, max_tokens)).await;
    encoded.map_err(|_| HttpError::Panicked)
}

/// What an encoding takes besides its tokens: its entry in the queue, its reply, its logits.
const BYTES_PER_ENCODING: usize = 384;
/// What a token takes.
const BYTES_PER_TOKEN: usize = 8;

/// About how much memory the encodings of a text take until their results are written.
pub(crate) fn memory_of(text: &EncodedText) -> usize {
    text.encodings().map(|encoding| BYTES_PER_ENCODING + encoding.len() * BYTES_PER_TOKEN).sum()
}

fn check_length(input: TextInput, limit: usize) -> TextInput {
    let text = input?;
    let bytes = text.as_str().len();
    if bytes > limit { Err(TextError::TooLarge { bytes, limit }.into()) } else { Ok(text) }
}

fn encode_all(
    model: &ServedModel,
    inputs: Vec<TextInput>,
    options: TokenizeOptions,
    max_tokens: usize,
) -> Vec<Result<EncodedText, ItemError>> {
    let mut tokens_left = max_tokens;
    let encode = |input: TextInput| {
        let text = input?;
        let plain = if options.unescape_html { text.unescape_html()? } else { None };
        let text = plain.as_ref().unwrap_or(&text);
        let encoded = model.pipeline.encode_text(text, options.granularity, tokens_left)?;
        tokens_left = tokens_left.saturating_sub(encoded.tokens());
        if encoded.is_truncated() && !options.truncate {
            return Err(ItemError::TooLong { window: model.pipeline.max_length() });
        }
        Ok(encoded)
    };
    inputs.into_iter().map(encode).collect()
}
