//! What gRPC puts before a message.

use actix_web::web::Bytes;

use super::content_coding::ContentCoding;
use crate::error::HttpError;

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
