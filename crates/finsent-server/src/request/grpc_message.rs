//! The message of a gRPC call.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use actix_web::dev::Payload;
use actix_web::web::Bytes;
use actix_web::{FromRequest, HttpRequest};

use super::body::{self, Body};
use super::content_coding::ContentCoding;
use super::context::service;
use crate::error::HttpError;
use crate::memory_budget::Holder;

/// The only message of a call, decompressed, within the limits of a body.
pub(crate) struct GrpcMessage(pub(crate) Body);

impl FromRequest for GrpcMessage {
    type Error = HttpError;
    type Future = Pin<Box<dyn Future<Output = Result<Self, HttpError>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let (coding, service) = (ContentCoding::of_message(request.headers()), Arc::clone(service(request)));
        let body = body::read(request.clone(), payload.take(), Holder::Stream);
        Box::pin(async move { body.await?.into_message(coding?, service).await.map(Self) })
    }
}

/// Takes off the head that gRPC puts before the only message of a call. Returns whether the message is compressed.
///
/// # Errors
/// [`HttpError::Malformed`] if there is not exactly one message, or its head does not say how it is compressed.
pub(crate) fn take_head(bytes: &mut Bytes, coding: ContentCoding) -> Result<bool, HttpError> {
    let malformed = |reason: &str| HttpError::Malformed(format!("expected one message in the call, but {reason}"));
    let Some(&[flag, length @ ..]) = bytes.first_chunk::<5>() else { return Err(malformed("it has none")) };
    drop(bytes.split_to(5));
    if bytes.len() != u32::from_be_bytes(length) as usize {
        return Err(malformed("its length is not that of the message"));
    }
    match flag {
        0 => Ok(false),
        1 if coding != ContentCoding::Identity => Ok(true),
        _ => Err(malformed("its head does not say how it is compressed")),
    }
}
