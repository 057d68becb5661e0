//! A request's body: of a known type, within its bounds in bytes and time, unpacked.

use std::future::Future;
use std::io::Read;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use actix_web::dev::Payload;
use actix_web::http::header::{self, HeaderMap};
use actix_web::{FromRequest, HttpRequest, web};
use flate2::read::{GzDecoder, ZlibDecoder};
use futures_util::StreamExt;

use super::Service;
use super::admit::{arrival, service};
use super::error::HttpError;

/// A body whose bytes count for as long as it is held.
pub(super) struct Body {
    bytes: Vec<u8>,
    _share: MemoryPermit,
}

/// A body that may have any type: a protocol's own binary form.
pub(super) struct AnyBody(pub(super) Body);

/// Bodies of the largest size that may be in memory at a time; more wait for no one and are refused.
const LARGEST_BODIES: usize = 32;

impl std::ops::Deref for Body {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.bytes
    }
}

impl FromRequest for Body {
    type Error = HttpError;
    type Future = Pin<Box<dyn Future<Output = Result<Self, HttpError>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        if !is_json(request.headers()) {
            return Box::pin(async { Err(HttpError::MediaType { expected: "application/json" }) });
        }
        Box::pin(read(request.clone(), payload.take()))
    }
}

impl FromRequest for AnyBody {
    type Error = HttpError;
    type Future = Pin<Box<dyn Future<Output = Result<Self, HttpError>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let body = read(request.clone(), payload.take());
        Box::pin(async { body.await.map(Self) })
    }
}

/// The type without its parameters.
fn essence(headers: &HeaderMap) -> Option<String> {
    let value = headers.get(header::CONTENT_TYPE)?.to_str().ok()?;
    Some(value.split(';').next()?.trim().to_ascii_lowercase())
}

/// Whether it is JSON a line, by any of the names that it goes by.
pub(super) fn is_json_lines(headers: &HeaderMap) -> bool {
    let names = ["application/x-ndjson", "application/ndjson", "application/jsonl", "application/x-jsonlines"];
    essence(headers).is_some_and(|essence| names.contains(&essence.as_str()))
}

/// `application/json` and what ends in `+json`, with parameters or without.
fn is_json(headers: &HeaderMap) -> bool {
    let Some(essence) = essence(headers) else { return false };
    essence == "application/json" || (essence.starts_with("application/") && essence.ends_with("+json"))
}

async fn read(request: HttpRequest, payload: Payload) -> Result<Body, HttpError> {
    let service = Arc::clone(service(&request));
    let limit = service.limits.request_timeout;
    let deadline = arrival(&request) + limit;
    let packing = ContentCoding::of(request.headers())?;
    let packed = tokio::time::timeout_at(deadline.into(), collect(&service, payload));
    let body = packed.await.unwrap_or(Err(HttpError::SlowBody { limit }))?;
    if packing == ContentCoding::None {
        return Ok(body);
    }
    let unpacked = web::block(move || packing.unpack(&service, &body)).await;
    unpacked.unwrap_or(Err(HttpError::Panicked))
}

async fn collect(service: &Arc<Service>, mut payload: Payload) -> Result<Body, HttpError> {
    let limit = service.limits.max_body_bytes;
    let mut body = Body { bytes: Vec::new(), _share: MemoryPermit::new(service) };
    while let Some(chunk) = payload.next().await {
        let chunk = chunk.map_err(|error| HttpError::Malformed(format!("the body broke off: {error}")))?;
        if body.bytes.len() + chunk.len() > limit {
            return Err(HttpError::BodyTooLarge { limit });
        }
        body._share.grow(chunk.len())?;
        body.bytes.extend_from_slice(&chunk);
    }
    Ok(body)
}

/// How a body is packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ContentCoding {
    None,
    Gzip,
    Deflate,
}

impl ContentCoding {
    pub(super) fn of(headers: &HeaderMap) -> Result<Self, HttpError> {
        let Some(value) = headers.get(header::CONTENT_ENCODING) else { return Ok(Self::None) };
        let found = String::from_utf8_lossy(value.as_bytes()).trim().to_ascii_lowercase();
        match found.as_str() {
            "" | "identity" => Ok(Self::None),
            "gzip" | "x-gzip" => Ok(Self::Gzip),
            "deflate" => Ok(Self::Deflate),
            _ => Err(HttpError::ContentEncoding { found }),
        }
    }

    fn unpack(self, service: &Arc<Service>, packed: &[u8]) -> Result<Body, HttpError> {
        match self {
            Self::None => read_within(service, packed),
            Self::Gzip => read_within(service, GzDecoder::new(packed)),
            Self::Deflate => read_within(service, ZlibDecoder::new(packed)),
        }
    }
}

fn read_within(service: &Arc<Service>, mut from: impl Read) -> Result<Body, HttpError> {
    let limit = service.limits.max_body_bytes;
    let mut body = Body { bytes: Vec::new(), _share: MemoryPermit::new(service) };
    let mut chunk = [0; 16 << 10];
    loop {
        let read = from.read(&mut chunk);
        let read = read.map_err(|error| HttpError::Malformed(format!("the body cannot be unpacked: {error}")))?;
        if read == 0 {
            return Ok(body);
        }
        if body.bytes.len() + read > limit {
            return Err(HttpError::BodyTooLarge { limit });
        }
        body._share.grow(read)?;
        body.bytes.extend_from_slice(&chunk[..read]);
    }
}

/// A body's part of the memory that all bodies may have.
pub(super) struct MemoryPermit {
    service: Arc<Service>,
    bytes: usize,
}

impl MemoryPermit {
    pub(super) fn new(service: &Arc<Service>) -> Self {
        Self { service: Arc::clone(service), bytes: 0 }
    }

    pub(super) fn grow(&mut self, bytes: usize) -> Result<(), HttpError> {
        self.bytes += bytes;
        let all = self.service.body_bytes.fetch_add(bytes, Ordering::Relaxed) + bytes;
        let most = LARGEST_BODIES * self.service.limits.max_body_bytes;
        if all > most { Err(HttpError::Overloaded { retry_after: std::time::Duration::from_secs(1) }) } else { Ok(()) }
    }

    /// Makes it so many bytes.
    pub(super) fn resize(&mut self, bytes: usize) -> Result<(), HttpError> {
        if bytes > self.bytes {
            return self.grow(bytes - self.bytes);
        }
        self.service.body_bytes.fetch_sub(self.bytes - bytes, Ordering::Relaxed);
        self.bytes = bytes;
        Ok(())
    }
}

impl Drop for MemoryPermit {
    fn drop(&mut self) {
        self.service.body_bytes.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}
