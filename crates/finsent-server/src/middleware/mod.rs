//! What happens to every request: its id, its API key, the format of its errors, metrics, log, trace.
//!
//! The content of a request is never logged, and neither is the message of an error, which may quote it.

mod panicked;
mod request_context;

use std::panic::AssertUnwindSafe;
use std::rc::Rc;

use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{self, HeaderValue};
use actix_web::middleware::Next;
use actix_web::{Error, HttpMessage};
use futures_util::FutureExt;

use self::request_context::RequestContext;
use crate::error::HttpError;
use crate::request::{Arrival, RequestId};

/// Handles a request from its head to its response.
pub(crate) async fn handle(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let context = RequestContext::new(&request);
    request.extensions_mut().insert(Arrival(context.start));
    request.extensions_mut().insert(RequestId(context.request_id.clone()));
    if let Some(trace) = &context.trace {
        request.extensions_mut().insert(Rc::clone(trace));
    }
    let authorization = request.headers().get(header::AUTHORIZATION).map(HeaderValue::as_bytes);
    if context.needs_key() && !context.service.keys.allow(authorization) {
        let refusal = (context.errors.respond)(&HttpError::Unauthorized);
        return Ok(context.complete(request.into_response(refusal)));
    }
    match AssertUnwindSafe(next.call(request)).catch_unwind().await {
        Ok(response) => Ok(context.complete(response?.map_into_boxed_body())),
        Err(_) => Err(context.panicked().into()),
    }
}
