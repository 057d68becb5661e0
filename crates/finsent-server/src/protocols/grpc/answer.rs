//! Answers of calls: messages with the length that gRPC puts before each.

use actix_web::web::{BufMut, Bytes};
use actix_web::{HttpResponse, HttpResponseBuilder};
use prost::Message;

use super::status::GRPC;
use super::wire::malformed;
use crate::error::HttpError;
use crate::request::{AnswerWriter, Body, MemoryPermit};
use crate::transport::http2::STATUS;

/// Reads a short message. What it is read to is dropped with its call.
pub(super) async fn read<T: Message + Default + 'static>(message: Body) -> Result<T, HttpError> {
    message.parse(|bytes| T::decode(bytes).map_err(|_| malformed())).await.map(|(message, _)| message)
}

/// The answer of a call that succeeds.
pub(super) fn answer(message: &impl Message) -> HttpResponse {
    success().body(framed(message))
}

/// As [`answer`], with headers and with the memory of the call, which is held until it is written.
///
/// # Errors
/// [`HttpError::Overloaded`] if there is no memory for it.
pub(super) fn counted_answer(
    mut response: HttpResponseBuilder,
    memory: MemoryPermit,
    message: &impl Message,
) -> Result<HttpResponse, HttpError> {
    let mut writer = AnswerWriter::new(memory);
    writer.append(&framed(message))?;
    response.insert_header((STATUS, "0"));
    Ok(writer.into_response(&mut response, GRPC))
}

/// The beginning of an answer that succeeds.
pub(super) fn success() -> HttpResponseBuilder {
    let mut response = HttpResponse::Ok();
    response.content_type(GRPC).insert_header((STATUS, "0"));
    response
}

/// A message after its head.
pub(super) fn framed(message: &impl Message) -> Bytes {
    let length = message.encoded_len();
    let mut bytes = Vec::with_capacity(5 + length);
    // Not compressed.
    bytes.put_u8(0);
    bytes.put_u32(u32::try_from(length).expect("answers are shorter than 4 GB"));
    message.encode(&mut bytes).expect("a vector grows");
    bytes.into()
}
