//! POST /tokenize.

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};
use finsent_model::{Text, Token, TokenPlace};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use utoipa::ToSchema;

use super::super::schema;
use crate::error::HttpError;
use crate::inference::{TokenizedText, tokens};
use crate::request::{Admitted, AnswerWriter, Body, Fields, MemoryPermit, TextInput, parse_texts};

/// The answer for up to this many tokens is written on the worker's thread: some 16 KiB, as short bodies are parsed there.
const INLINE_TOKENS: usize = 200;

/// The texts to tokenize
#[derive(Debug, Deserialize, ToSchema)]
#[schema(example = json!({"inputs": "Shares plunged 12%"}))]
pub(crate) struct TokenizeRequest<'a> {
    #[serde(borrow)]
    #[schema(schema_with = schema::texts)]
    inputs: &'a RawValue,
    /// Also return the tokens that the model gets before and after a text [default: true]
    add_special_tokens: Option<bool>,
}

/// A token
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SimpleToken<'a> {
    /// Its number in the vocabulary.
    id: u32,
    /// What it stands for in the text, or the name of a special token.
    text: &'a str,
    /// Whether it was added to the text.
    special: bool,
    /// The first of its bytes in the text.
    start: Option<usize>,
    /// The byte after its last one.
    stop: Option<usize>,
}

impl<'a> SimpleToken<'a> {
    fn new(of: &'a Text, Token { id, place }: &'a Token) -> Self {
        match place {
            TokenPlace::Special(name) => Self { id: *id, text: name, special: true, start: None, stop: None },
            TokenPlace::Text(bytes) => Self {
                id: *id,
                text: of.as_str().get(bytes.clone()).unwrap_or_default(),
                special: false,
                start: Some(bytes.start),
                stop: Some(bytes.end),
            },
        }
    }
}

/// Tokenize texts
///
/// `/tokenize` of text-embeddings-inference. The answer has one list of tokens per text, also if there is only one text.
/// Texts are not cut at the model's window; each may have 64 KiB.
#[utoipa::path(post, path = "", tag = "text-embeddings-inference", operation_id = "tei_tokenize",
    request_body = TokenizeRequest,
    responses((status = 200, description = "The tokens", body = Vec<Vec<SimpleToken>>)))]
pub(crate) async fn tokenize(admitted: Admitted, body: Body) -> Result<HttpResponse, HttpError> {
    let limit = admitted.service().limits.max_client_batch_size;
    let (Parsed { inputs, special }, memory) = body.parse(move |body| parse(body, limit)).await?;
    let model = admitted.model(None)?;
    let (texts, memory) = tokens(&admitted, &model, (inputs, memory), special).await?;
    let is_long = texts.iter().map(|text| text.tokens.len()).sum::<usize>() > INLINE_TOKENS;
    let write = move || write_answer(&texts, memory);
    let answer = if is_long { web::block(write).await.unwrap_or(Err(HttpError::Panicked)) } else { write() };
    Ok(answer?.into_response(&mut HttpResponse::build(StatusCode::OK), "application/json"))
}

fn write_answer(texts: &[TokenizedText], memory: MemoryPermit) -> Result<AnswerWriter, HttpError> {
    let mut answer = AnswerWriter::new(memory);
    answer.write_json(&texts.iter().map(simple_tokens).collect::<Vec<_>>())?;
    Ok(answer)
}

fn simple_tokens(TokenizedText { text, tokens }: &TokenizedText) -> Vec<SimpleToken<'_>> {
    tokens.iter().map(|token| SimpleToken::new(text, token)).collect()
}

/// What a request asks for.
pub(crate) struct Parsed {
    pub(crate) inputs: Vec<TextInput>,
    /// Whether special tokens are added.
    special: bool,
}

pub(crate) fn parse(body: &[u8], limit: usize) -> Result<Parsed, HttpError> {
    let TokenizeRequest { inputs, add_special_tokens } = Fields::of_body(body)?.read()?;
    Ok(Parsed { inputs: parse_texts(inputs, "inputs", limit)?, special: add_special_tokens.unwrap_or(true) })
}
