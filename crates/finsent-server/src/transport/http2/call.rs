//! A call: a request for the routes, and its answer with trailers.

use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use actix_http::body::{BodySize, BoxBody, MessageBody};
use actix_http::error::PayloadError;
use actix_http::header::HeaderMap as RoutesHeaderMap;
use actix_http::{BoxedPayloadStream, Payload, Response};
use actix_web::http::header::{HeaderName as RoutesHeaderName, HeaderValue as RoutesHeaderValue};
use actix_web::http::{Method as RoutesMethod, StatusCode as RoutesStatus, Uri as RoutesUri, Version as RoutesVersion};
use actix_web::web::Bytes;
use futures_util::Stream;
use futures_util::future::{Either, select};
use h2::server::SendResponse;
use h2::{Reason, RecvStream, SendStream};
use http::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use http::{Method, Request, StatusCode};
use tokio::task::yield_now;
use tokio::time::timeout;

use super::stream::Traffic;
use super::{MESSAGE, Routes, STATUS};
use crate::error::HttpError;
use crate::memory_budget::Holder;
use crate::protocols::grpc;
use crate::request::MemoryPermit;
use crate::service::Service;
use crate::{request_id, routes};

/// Answers of up to this many bytes are not counted by the routes, because they expect one per connection.
const UNCOUNTED_BYTES: u64 = 16 << 10;

/// What a call takes with its tasks, the state of its stream, and a head as most have it. A client needs few bytes to begin
/// many of them in each connection.
const BYTES_PER_CALL: usize = 4 << 10;
/// The head in [`BYTES_PER_CALL`]. What a longer one takes may be a hundred times as much as was sent.
const USUAL_HEAD_BYTES: usize = 2 << 10;
/// What a header takes besides its name and its value.
const BYTES_PER_HEADER: usize = 100;

/// What a call needs.
pub(super) struct Call {
    pub(super) routes: Routes,
    pub(super) service: Arc<Service>,
    pub(super) traffic: Rc<Traffic>,
    pub(super) peer: Option<SocketAddr>,
    /// How long the peer may take nothing of the answer.
    pub(super) limit: Duration,
}

/// The peer has left, or does not take its answer.
struct Gone;

impl From<h2::Error> for Gone {
    fn from(_: h2::Error) -> Self {
        Self
    }
}

/// Answers a call. When the peer cancels it, the routes drop it.
pub(super) async fn answer(call: Call, request: Request<RecvStream>, mut respond: SendResponse<Bytes>) {
    if !is_grpc(&request) {
        call.service.metrics.requests(routes::UNKNOWN, "", 415).inc();
        let mut answer = http::Response::new(());
        *answer.status_mut() = StatusCode::UNSUPPORTED_MEDIA_TYPE;
        // Ignore errors: the peer has left.
        respond.send_response(answer, true).map_or_else(drop, drop);
        return;
    }
    let mut memory = MemoryPermit::new(&call.service, Holder::Stream);
    let of_long_head = head_bytes(request.headers()).saturating_sub(USUAL_HEAD_BYTES);
    let answer = match memory.grow(BYTES_PER_CALL + of_long_head) {
        Err(error) => {
            // Its head is not counted, so it must not stay while the answer is written.
            drop(request);
            refusal(&call, &error)
        }
        Ok(()) => {
            let routed = (call.routes)(to_routes(request, call.peer));
            match select(routed, pin!(poll_fn(|cx| respond.poll_reset(cx)))).await {
                Either::Left((answer, _)) => answer,
                Either::Right(_) => return,
            }
        }
    };
    // The only error is that the peer has left.
    write(&call, answer, &mut respond).await.unwrap_or_default();
}

/// The answer to a call that does not reach the routes.
fn refusal(call: &Call, error: &HttpError) -> Response<BoxBody> {
    call.service.metrics.requests(routes::UNKNOWN, "", error.status().as_u16()).inc();
    let mut answer = (grpc::FORMAT.respond)(error);
    answer.headers_mut().insert(RoutesHeaderName::from_static(request_id::HEADER), request_id::new());
    answer.into()
}

/// The memory of headers.
fn head_bytes(headers: &HeaderMap) -> usize {
    headers.iter().map(|(name, value)| name.as_str().len() + value.len() + BYTES_PER_HEADER).sum()
}

fn is_grpc(request: &Request<RecvStream>) -> bool {
    let content_type = request.headers().get(CONTENT_TYPE).map(HeaderValue::as_bytes).unwrap_or_default();
    request.method() == Method::POST && content_type.starts_with(b"application/grpc")
}

/// The request as the routes, whose types of HTTP are older, take it.
fn to_routes(request: Request<RecvStream>, peer: Option<SocketAddr>) -> actix_http::Request {
    let (parts, body) = request.into_parts();
    let payload: BoxedPayloadStream = Box::pin(Body(body));
    let mut request = actix_http::Request::with_payload(Payload::Stream { payload });
    let head = request.head_mut();
    head.method = RoutesMethod::POST;
    head.version = RoutesVersion::HTTP_2;
    head.uri = RoutesUri::try_from(parts.uri.path()).unwrap_or_default();
    head.peer_addr = peer;
    for (name, value) in &parts.headers {
        let name = RoutesHeaderName::from_bytes(name.as_str().as_bytes());
        if let (Ok(name), Ok(value)) = (name, RoutesHeaderValue::from_bytes(value.as_bytes())) {
            head.headers.append(name, value);
        }
    }
    request
}

/// The bytes of a call, as they arrive.
struct Body(RecvStream);

impl Stream for Body {
    type Item = Result<Bytes, PayloadError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.0.poll_data(cx).map(|read| {
            let read = read?.and_then(|bytes| {
                // Whoever reads it counts it, so more may come.
                self.0.flow_control().release_capacity(bytes.len())?;
                Ok(bytes)
            });
            Some(read.map_err(|error| PayloadError::Io(io::Error::other(error))))
        })
    }
}

async fn write(call: &Call, answer: Response<BoxBody>, respond: &mut SendResponse<Bytes>) -> Result<(), Gone> {
    let (head, mut body) = answer.into_parts();
    let (headers, mut trailers) = headers(head.status(), head.headers());
    let mut answer = http::Response::new(());
    *answer.headers_mut() = headers;
    let mut memory = MemoryPermit::new(&call.service, Holder::Request);
    let has_body = match body.size() {
        BodySize::None | BodySize::Sized(0) => false,
        BodySize::Sized(bytes @ 1..=UNCOUNTED_BYTES) => match memory.grow(bytes as usize) {
            Ok(()) => true,
            Err(refusal) => {
                trailers = grpc::trailers(&refusal);
                false
            }
        },
        _ => true,
    };
    if !has_body {
        answer.headers_mut().extend(trailers);
        respond.send_response(answer, true)?;
        return Ok(());
    }
    let mut stream = respond.send_response(answer, false)?;
    while let Some(bytes) = next(&mut body, &mut stream).await? {
        send(&mut stream, bytes, call.limit).await?;
    }
    stream.send_trailers(trailers)?;
    // Until the connection has written it, or at least tried to, its memory is counted.
    yield_now().await;
    timeout(call.limit, call.traffic.unblocked()).await.map_err(|_| Gone)
}

/// The next bytes of an answer, unless the peer leaves first.
async fn next(body: &mut BoxBody, stream: &mut SendStream<Bytes>) -> Result<Option<Bytes>, Gone> {
    poll_fn(|cx| {
        if stream.poll_reset(cx).is_ready() {
            return Poll::Ready(Err(Gone));
        }
        Pin::new(&mut *body).poll_next(cx).map(|bytes| bytes.transpose().map_err(|_| Gone))
    })
    .await
}

/// Sends bytes as fast as the peer takes them.
async fn send(stream: &mut SendStream<Bytes>, mut bytes: Bytes, limit: Duration) -> Result<(), Gone> {
    while !bytes.is_empty() {
        stream.reserve_capacity(bytes.len());
        while stream.capacity() == 0 {
            let Ok(capacity) = timeout(limit, poll_fn(|cx| stream.poll_capacity(cx))).await else {
                stream.send_reset(Reason::CANCEL);
                return Err(Gone);
            };
            capacity.ok_or(Gone)??;
        }
        let part = bytes.split_to(bytes.len().min(stream.capacity()));
        stream.send_data(part, false)?;
    }
    Ok(())
}

/// The headers and the trailers of an answer.
fn headers(status: RoutesStatus, from: &RoutesHeaderMap) -> (HeaderMap, HeaderMap) {
    let (mut headers, mut trailers) = (HeaderMap::new(), HeaderMap::new());
    for (name, value) in from {
        let name = HeaderName::from_bytes(name.as_str().as_bytes());
        let (Ok(name), Ok(value)) = (name, HeaderValue::from_bytes(value.as_bytes())) else { continue };
        let is_trailer = [STATUS, MESSAGE].contains(&name.as_str());
        if is_trailer { &mut trailers } else { &mut headers }.append(name, value);
    }
    if !trailers.contains_key(STATUS) {
        trailers.insert(STATUS, HeaderValue::from(code_of(status)));
    }
    (headers, trailers)
}

/// The code for an answer that has none, by the table of the gRPC specification.
fn code_of(status: RoutesStatus) -> u16 {
    match status.as_u16() {
        400 => 13,
        401 => 16,
        404 => 12,
        429 | 502..=504 => 14,
        _ => 2,
    }
}
