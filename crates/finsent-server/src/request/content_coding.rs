//! The compression of a body.

use std::io;

use actix_web::http::header::{self, HeaderMap};

use crate::error::HttpError;

/// What `Content-Encoding` says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ContentCoding {
    Identity,
    Gzip,
    Deflate,
}

impl ContentCoding {
    /// # Errors
    /// [`HttpError::ContentEncoding`] for other compressions.
    pub(crate) fn of(headers: &HeaderMap) -> Result<Self, HttpError> {
        let Some(value) = headers.get(header::CONTENT_ENCODING) else { return Ok(Self::Identity) };
        let found = String::from_utf8_lossy(value.as_bytes()).trim().to_ascii_lowercase();
        match found.as_str() {
            "" | "identity" => Ok(Self::Identity),
            "gzip" | "x-gzip" => Ok(Self::Gzip),
            "deflate" => Ok(Self::Deflate),
            _ => Err(HttpError::ContentEncoding { found }),
        }
    }
}

/// The error for a body that is not compressed as it claims to be.
pub(super) fn cannot_decompress(error: io::Error) -> HttpError {
    HttpError::Malformed(format!("cannot decompress the body: {error}"))
}
