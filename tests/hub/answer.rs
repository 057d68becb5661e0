//! Responses with the bytes of a file: ranges, conditions, and faults.

use std::io;
use std::time::Duration;

use actix_web::body::SizedStream;
use actix_web::http::{Method, StatusCode, header};
use actix_web::rt::time::sleep;
use actix_web::web::Bytes;
use actix_web::{HttpRequest, HttpResponse, HttpResponseBuilder};
use futures_util::stream::{self, Stream};

use crate::stored::StoredFile;

/// A fault of a response.
#[derive(Debug, Clone)]
pub(crate) enum Fault {
    /// A status and headers instead of the response.
    Answer(u16, Vec<(&'static str, String)>),
    /// A page instead of the response, like that of a captive portal.
    Page(&'static str),
    /// The connection closes after this many bytes of the body.
    Cut(u64),
    /// These bytes instead of the file's.
    Bytes(Bytes),
    /// The whole file although a range was requested.
    IgnoresRange,
    /// 416 although the file has the range.
    RefusesRange,
    /// `W/` before the ETag.
    WeakEtag,
    /// Another ETag.
    Etag(&'static str),
    /// Another size in the headers.
    LinkedSize(u64),
    /// Compressed although that was not requested.
    Gzip,
    /// 64 KiB at a time, with a pause before each.
    Slow(Duration),
    /// A redirect to this address.
    Redirect(String),
}

impl Fault {
    /// Whether the fault applies to a request. The response may be a redirect.
    pub(crate) fn applies_to(&self, request: &HttpRequest, is_redirected: bool) -> bool {
        match self {
            Self::Cut(_) | Self::Bytes(_) | Self::Gzip | Self::Slow(_) => {
                request.method() == Method::GET && !is_redirected
            }
            Self::IgnoresRange | Self::RefusesRange => request.headers().contains_key(header::RANGE) && !is_redirected,
            Self::Answer(..)
            | Self::Page(_)
            | Self::WeakEtag
            | Self::Etag(_)
            | Self::LinkedSize(_)
            | Self::Redirect(_) => true,
        }
    }
}

/// The response of the hub instead of a file.
#[derive(Debug)]
pub(crate) struct Refusal {
    pub(crate) status: u16,
    /// X-Error-Code.
    pub(crate) code: Option<&'static str>,
    /// X-Error-Message, and the JSON of the body.
    pub(crate) message: String,
    /// The commit that lacks the file.
    pub(crate) commit: Option<String>,
}

pub(crate) fn refusal(status: u16, code: impl Into<Option<&'static str>>, message: &str) -> Refusal {
    Refusal { status, code: code.into(), message: message.into(), commit: None }
}

impl From<Refusal> for HttpResponse {
    fn from(refusal: Refusal) -> Self {
        let mut response = Self::build(StatusCode::from_u16(refusal.status).unwrap());
        if let Some(code) = refusal.code {
            response.insert_header(("X-Error-Code", code));
        }
        if let Some(commit) = refusal.commit {
            response.insert_header(("X-Repo-Commit", commit));
        }
        response.insert_header(("X-Error-Message", refusal.message.as_str())).content_type("application/json");
        response.body(serde_json::json!({ "error": refusal.message }).to_string())
    }
}

/// The quoted ETag of a file.
pub(crate) fn quoted(etag: &str, fault: Option<&Fault>) -> String {
    match fault {
        Some(Fault::WeakEtag) => format!("W/\"{etag}\""),
        Some(Fault::Etag(other)) => format!("\"{other}\""),
        _ => format!("\"{etag}\""),
    }
}

/// The file, or the requested range.
pub(crate) fn bytes_of(
    file: &StoredFile,
    request: &HttpRequest,
    mut response: HttpResponseBuilder,
    fault: Option<&Fault>,
) -> HttpResponse {
    let replaced = match fault {
        Some(Fault::Bytes(bytes)) => StoredFile::small(bytes.clone()),
        _ => file.clone(),
    };
    let (len, mut from) = (replaced.content.len(), 0);
    response.content_type("application/octet-stream");
    if let Some(Fault::Gzip) = fault {
        return response.insert_header(("Content-Encoding", "gzip")).body(gzip(&replaced.bytes()));
    }
    response.insert_header(("Accept-Ranges", "bytes"));
    let range = request.headers().get(header::RANGE).map(|range| first_byte(range.to_str().unwrap()));
    if let Some(first) = range.filter(|_| !matches!(fault, Some(Fault::IgnoresRange))) {
        if first >= len || matches!(fault, Some(Fault::RefusesRange)) {
            let response = response.status(StatusCode::RANGE_NOT_SATISFIABLE);
            return response.insert_header(("Content-Range", format!("bytes */{len}"))).finish();
        }
        from = first;
        let range = format!("bytes {from}-{}/{len}", len - 1);
        response.status(StatusCode::PARTIAL_CONTENT).insert_header(("Content-Range", range));
    }
    let end = if request.method() == Method::HEAD { from } else { len };
    response.no_chunking(len - from);
    response.body(SizedStream::new(len - from, body(replaced, from, end, fault.cloned())))
}

/// N of `bytes=N-`, the only kind of range that clients of the hub request.
fn first_byte(range: &str) -> u64 {
    let first = range.strip_prefix("bytes=").and_then(|range| range.strip_suffix('-'));
    first.and_then(|first| first.parse().ok()).unwrap_or_else(|| panic!("Range: {range}"))
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    io::Write::write_all(&mut encoder, bytes).unwrap();
    encoder.finish().unwrap()
}

fn body(file: StoredFile, from: u64, end: u64, fault: Option<Fault>) -> impl Stream<Item = io::Result<Bytes>> {
    const CHUNK: u64 = 64 << 10;
    let breaks = match fault {
        Some(Fault::Cut(after)) => Some(end.min(from + after)),
        _ => None,
    };
    let pause = match fault {
        Some(Fault::Slow(pause)) => Some(pause),
        _ => None,
    };
    stream::unfold((file, from), move |(file, at)| async move {
        if at == breaks.unwrap_or(end) {
            breaks?;
            // Let the bytes be sent before the connection closes.
            sleep(Duration::from_millis(50)).await;
            return Some((Err(io::Error::other("cut off, as ordered")), (file, at)));
        }
        if let Some(pause) = pause {
            sleep(pause).await;
        }
        let bytes = file.content.read(at, CHUNK.min(breaks.unwrap_or(end) - at) as usize);
        let next = at + bytes.len() as u64;
        Some((Ok(bytes), (file, next)))
    })
}
