//! The compression of a body.

use std::io;

use actix_web::http::header::HeaderMap;

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
        Self::named_by("Content-Encoding", headers)
    }

    /// The compression of the message of a call.
    ///
    /// # Errors
    /// As [`of`](Self::of).
    #[cfg(feature = "grpc")]
    pub(super) fn of_message(headers: &HeaderMap) -> Result<Self, HttpError> {
        Self::named_by("grpc-encoding", headers)
    }

    fn named_by(header: &'static str, headers: &HeaderMap) -> Result<Self, HttpError> {
        let Some(value) = headers.get(header) else { return Ok(Self::Identity) };
        let found = String::from_utf8_lossy(value.as_bytes()).trim().to_ascii_lowercase();
        match found.as_str() {
            "" | "identity" => Ok(Self::Identity),
            "gzip" | "x-gzip" => Ok(Self::Gzip),
            "deflate" => Ok(Self::Deflate),
            _ => Err(HttpError::ContentEncoding { header, found }),
        }
    }
}

/// The error for a body that is not compressed as it claims to be.
pub(super) fn cannot_decompress(error: io::Error) -> HttpError {
    HttpError::Malformed(format!("cannot decompress the body: {error}"))
}
