//! The body of an answer. Until a client has read it, its memory is counted as that of a request.

use std::convert::Infallible;
use std::io::{self, Write};
use std::pin::Pin;
use std::task::{Context, Poll};

use actix_web::body::{BodySize, MessageBody};
use actix_web::web::Bytes;
use actix_web::{HttpResponse, HttpResponseBuilder};
use serde::Serialize;

use super::memory::MemoryPermit;
use crate::error::HttpError;

/// Bytes of an answer that are handed over for writing at a time. What is being written is counted with its connection.
const CHUNK: usize = 16 << 10;

/// Collects an answer.
pub(crate) struct AnswerWriter {
    bytes: Vec<u8>,
    memory: MemoryPermit,
    /// Bytes that were counted before.
    counted: usize,
    refusal: Option<HttpError>,
}

/// An answer that is being written to its client.
struct Answer {
    left: Bytes,
    _memory: MemoryPermit,
}

/// Writes an answer in JSON. `memory` is that of its request.
///
/// # Errors
/// [`HttpError::Overloaded`] if there is no memory for it.
pub(crate) fn json_answer(
    response: &mut HttpResponseBuilder,
    memory: MemoryPermit,
    json: &impl Serialize,
) -> Result<HttpResponse, HttpError> {
    let mut writer = AnswerWriter::new(memory);
    writer.write_json(json)?;
    Ok(writer.into_response(response, "application/json"))
}

impl AnswerWriter {
    pub(crate) fn new(memory: MemoryPermit) -> Self {
        let counted = memory.bytes();
        Self { bytes: Vec::new(), memory, counted, refusal: None }
    }

    /// # Errors
    /// [`HttpError::Overloaded`] if there is no memory for it.
    pub(crate) fn write_json(&mut self, json: &impl Serialize) -> Result<(), HttpError> {
        let written = serde_json::to_writer(&mut *self, json);
        match self.refusal.take() {
            Some(refusal) => Err(refusal),
            None => {
                written.expect("strings and numbers are valid JSON");
                Ok(())
            }
        }
    }

    /// # Errors
    /// [`HttpError::Overloaded`] if there is no memory for it.
    pub(crate) fn append(&mut self, bytes: &[u8]) -> Result<(), HttpError> {
        let before = self.bytes.capacity();
        self.bytes.extend_from_slice(bytes);
        let after = self.bytes.capacity();
        if after == before { Ok(()) } else { self.memory.resize(self.counted + after) }
    }

    pub(crate) fn len(&self) -> usize {
        self.bytes.len()
    }

    /// The response. From now on, only the memory of the answer is counted.
    pub(crate) fn into_response(mut self, response: &mut HttpResponseBuilder, content_type: &str) -> HttpResponse {
        response.content_type(content_type);
        if self.bytes.len() <= CHUNK {
            return response.body(self.bytes);
        }
        // It becomes less, so it is not refused.
        self.memory.resize(self.bytes.capacity()).unwrap_or_default();
        response.body(Answer { left: self.bytes.into(), _memory: self.memory })
    }
}

/// Remembers why it failed, because the error of the JSON writer cannot hold that.
impl Write for AnswerWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self.append(bytes) {
            Ok(()) => Ok(bytes.len()),
            Err(refusal) => {
                self.refusal = Some(refusal);
                Err(io::ErrorKind::OutOfMemory.into())
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl MessageBody for Answer {
    type Error = Infallible;

    fn size(&self) -> BodySize {
        BodySize::Sized(self.left.len() as u64)
    }

    fn poll_next(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Bytes, Infallible>>> {
        let chunk = self.left.len().min(CHUNK);
        Poll::Ready((chunk > 0).then(|| Ok(self.left.split_to(chunk))))
    }
}
