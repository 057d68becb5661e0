//! The message of a gRPC call.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use actix_web::dev::Payload;
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
