//! A whole body: of the right type, within its limits in bytes and time, decompressed.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use actix_web::dev::Payload;
use actix_web::http::header::{self, HeaderMap};
use actix_web::web::Bytes;
use actix_web::{FromRequest, HttpRequest, web};
use futures_util::{FutureExt, StreamExt};

use super::content_coding::ContentCoding;
use super::context::{arrival, service};
use super::decoder::Decoder;
#[cfg(feature = "grpc")]
use super::grpc_head::take_head;
use super::memory::MemoryPermit;
use crate::error::HttpError;
use crate::memory_budget::Holder;
use crate::service::Service;

/// Up to this many bytes are processed on the worker's thread, in well under a millisecond. More would delay its other
/// connections.
pub(crate) const INLINE_BYTES: usize = 16 << 10;

/// What a request takes besides its body: the buffers of its connection.
const BYTES_PER_REQUEST: usize = 8 << 10;

/// A JSON body. Its memory is counted until it is dropped.
pub(crate) struct Body {
    content: Content,
    memory: MemoryPermit,
}

/// The bytes of a body. Those of most have arrived together, and are not copied.
enum Content {
    Whole(Bytes),
    Collected(Vec<u8>),
}

/// A body of any type, for protocols with a binary form.
pub(crate) struct AnyBody(pub(crate) Body);

impl Body {
    /// Parses the body, and drops it. What it is parsed to must take no more memory, because that is what stays counted.
    ///
    /// # Errors
    /// That of `parse`.
    pub(crate) async fn parse<T: Send + 'static>(
        self,
        parse: impl FnOnce(&[u8]) -> Result<T, HttpError> + Send + 'static,
    ) -> Result<(T, MemoryPermit), HttpError> {
        let Self { content, memory } = self;
        if content.bytes().len() <= INLINE_BYTES {
            return Ok((parse(content.bytes())?, memory));
        }
        let parsed = web::block(move || parse(content.bytes())).await.unwrap_or(Err(HttpError::Panicked));
        Ok((parsed?, memory))
    }
}

impl FromRequest for Body {
    type Error = HttpError;
    type Future = Pin<Box<dyn Future<Output = Result<Self, HttpError>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        if !is_json(request.headers()) {
            return Box::pin(async { Err(HttpError::MediaType { expected: "application/json" }) });
        }
        Box::pin(read(request.clone(), payload.take(), Holder::Request))
    }
}

impl FromRequest for AnyBody {
    type Error = HttpError;
    type Future = Pin<Box<dyn Future<Output = Result<Self, HttpError>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let body = read(request.clone(), payload.take(), Holder::Request);
        Box::pin(async { body.await.map(Self) })
    }
}

/// The media type without its parameters.
fn media_type(headers: &HeaderMap) -> Option<String> {
    let value = headers.get(header::CONTENT_TYPE)?.to_str().ok()?;
    Some(value.split(';').next()?.trim().to_ascii_lowercase())
}

/// Whether the body is JSON Lines, which has several names and no registered one.
pub(crate) fn is_json_lines(headers: &HeaderMap) -> bool {
    let names = ["application/x-ndjson", "application/ndjson", "application/jsonl", "application/x-jsonlines"];
    media_type(headers).is_some_and(|media_type| names.contains(&media_type.as_str()))
}

/// `application/json` and `application/*+json`.
fn is_json(headers: &HeaderMap) -> bool {
    let Some(media_type) = media_type(headers) else { return false };
    media_type == "application/json" || (media_type.starts_with("application/") && media_type.ends_with("+json"))
}

/// Reads a body. While it waits for more, its memory is that of `waiting`.
pub(super) async fn read(request: HttpRequest, payload: Payload, waiting: Holder) -> Result<Body, HttpError> {
    let service = Arc::clone(service(&request));
    let limit = service.limits.request_timeout;
    let deadline = arrival(&request) + limit;
    let coding = ContentCoding::of(request.headers())?;
    let body = tokio::time::timeout_at(deadline.into(), collect(&service, payload, waiting)).await;
    let body = body.unwrap_or(Err(HttpError::SlowBody { limit }))?;
    if coding == ContentCoding::Identity {
        return Ok(body);
    }
    let decompressed = web::block(move || decompress(coding, &service, body)).await;
    decompressed.unwrap_or(Err(HttpError::Panicked))
}

async fn collect(service: &Arc<Service>, mut payload: Payload, waiting: Holder) -> Result<Body, HttpError> {
    let mut body = Body::new(service)?;
    loop {
        let chunk = match payload.next().now_or_never() {
            Some(chunk) => chunk,
            None => {
                body.memory.move_to(waiting)?;
                payload.next().await
            }
        };
        let Some(chunk) = chunk else { break };
        let chunk = chunk.map_err(|error| HttpError::Malformed(format!("the body ended early: {error}")))?;
        body.append(chunk, service.limits.max_body_bytes)?;
    }
    body.memory.move_to(Holder::Request)?;
    Ok(body)
}

fn decompress(coding: ContentCoding, service: &Arc<Service>, compressed: Body) -> Result<Body, HttpError> {
    let mut decoder = Decoder::new(coding);
    decoder.push(compressed.content.into_bytes());
    decoder.end();
    let mut body = Body::new(service)?;
    while let Some(step) = decoder.next()? {
        body.append(step.bytes, service.limits.max_body_bytes)?;
    }
    Ok(body)
}

impl Body {
    fn new(service: &Arc<Service>) -> Result<Self, HttpError> {
        let mut memory = MemoryPermit::new(service, Holder::Request);
        memory.grow(BYTES_PER_REQUEST)?;
        Ok(Self { content: Content::Whole(Bytes::new()), memory })
    }

    /// Takes off the head that gRPC puts before a message, and decompresses the message if its head says so.
    #[cfg(feature = "grpc")]
    pub(super) async fn into_message(self, coding: ContentCoding, service: Arc<Service>) -> Result<Self, HttpError> {
        let Self { content, memory } = self;
        let mut bytes = content.into_bytes();
        let is_compressed = take_head(&mut bytes, coding)?;
        let message = Self { content: Content::Whole(bytes), memory };
        if !is_compressed {
            return Ok(message);
        }
        let decompressed = web::block(move || decompress(coding, &service, message)).await;
        decompressed.unwrap_or(Err(HttpError::Panicked))
    }

    fn append(&mut self, chunk: Bytes, limit: usize) -> Result<(), HttpError> {
        if self.content.bytes().len() + chunk.len() > limit {
            return Err(HttpError::BodyTooLarge { limit });
        }
        self.content.append(chunk);
        self.memory.resize(BYTES_PER_REQUEST + self.content.capacity())
    }
}

impl Content {
    fn append(&mut self, chunk: Bytes) {
        match self {
            Self::Whole(bytes) if bytes.is_empty() => *bytes = chunk,
            Self::Whole(bytes) => *self = Self::Collected([&**bytes, &*chunk].concat()),
            Self::Collected(bytes) => bytes.extend_from_slice(&chunk),
        }
    }

    fn bytes(&self) -> &[u8] {
        match self {
            Self::Whole(bytes) => bytes,
            Self::Collected(bytes) => bytes,
        }
    }

    fn into_bytes(self) -> Bytes {
        match self {
            Self::Whole(bytes) => bytes,
            Self::Collected(bytes) => bytes.into(),
        }
    }

    /// The memory that it takes. What has arrived together is in the buffer of its connection, which is counted with that.
    fn capacity(&self) -> usize {
        match self {
            Self::Whole(bytes) => bytes.len(),
            Self::Collected(bytes) => bytes.capacity(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_that_arrives_at_once_is_not_copied_and_pieces_are_joined() {
        let (first, mut content) = (Bytes::from_static(b"abc"), Content::Whole(Bytes::new()));
        content.append(Bytes::new());
        content.append(first.clone());
        assert_eq!((content.bytes().as_ptr(), content.capacity()), (first.as_ptr(), 3));
        content.append(Bytes::from_static(b"de"));
        content.append(Bytes::from_static(b"f"));
        assert_eq!(content.bytes(), b"abcdef");
        assert!(content.capacity() >= 6);
        assert_eq!(content.into_bytes(), "abcdef");
    }
}
