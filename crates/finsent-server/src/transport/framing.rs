//! Where the requests of a connection begin and end, by the rules of actix-http's parser.
//!
//! A head that actix-http would refuse may be framed as anything: actix-http refuses it and closes the connection.

use std::mem::MaybeUninit;

use httparse::{Header, Request, Status};

/// The longest head. Clients send a few hundred bytes; proxies with large cookies a few thousand. Held for each connection.
pub(super) const MAX_HEAD_BYTES: usize = 16 << 10;
/// The most headers, as in actix-http.
const MAX_HEADERS: usize = 96;

/// What bytes at the beginning of a request are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Head {
    Incomplete,
    /// A whole head of this many bytes, and the framing of the body that follows.
    Complete(usize, Framing),
    /// Not the head of a request, and why.
    Refused(&'static str),
}

/// What follows in a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Framing {
    /// A head.
    Head,
    /// This many bytes of a body.
    Length(u64),
    Chunked(Chunk),
    /// Whatever it is, actix-http will refuse it.
    Unknown,
}

/// A state of the chunked transfer coding. The numbers are sizes of chunks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Chunk {
    Size(u64),
    /// Until the end of the line.
    Extension(u64),
    SizeLf(u64),
    Data(u64),
    DataCr,
    DataLf,
    /// The beginning of a line after the last chunk: a trailer, or the empty line at the end.
    LineStart,
    Trailer,
    TrailerLf,
    EndLf,
}

impl Head {
    pub(super) fn parse(bytes: &[u8]) -> Self {
        let mut headers = [const { MaybeUninit::uninit() }; MAX_HEADERS];
        let mut request = Request::new(&mut []);
        match request.parse_with_uninit_headers(bytes, &mut headers) {
            Ok(Status::Partial) => Self::Incomplete,
            Ok(Status::Complete(length)) => match framing(request.headers) {
                Ok(framing) => Self::Complete(length, framing),
                Err(reason) => Self::Refused(reason),
            },
            Err(_) => Self::Refused("the request is not valid HTTP"),
        }
    }
}

fn framing(headers: &[Header<'_>]) -> Result<Framing, &'static str> {
    let (mut length, mut is_chunked, mut upgrades) = (None, false, false);
    for Header { name, value } in headers {
        if name.eq_ignore_ascii_case("content-length") {
            let parsed = str::from_utf8(value).ok().and_then(|value| value.trim().parse().ok());
            if length.is_some() || parsed.is_none() {
                return Ok(Framing::Unknown);
            }
            length = parsed;
        } else if name.eq_ignore_ascii_case("transfer-encoding") {
            is_chunked = true;
        } else if name.eq_ignore_ascii_case("upgrade") {
            upgrades |= value.trim_ascii().eq_ignore_ascii_case(b"websocket");
        }
    }
    let framing = match length {
        _ if is_chunked => Framing::Chunked(Chunk::Size(0)),
        Some(0) | None => Framing::Head,
        Some(length) => Framing::Length(length),
    };
    if upgrades && framing != Framing::Head {
        // actix-http would ignore the length of the body and take all that follows for it, also the next request.
        return Err("a request to upgrade the connection cannot have a body");
    }
    Ok(framing)
}

/// The index after the empty line that ends a head, if it is in `bytes` from `start` on.
pub(super) fn end_of_head(bytes: &[u8], start: usize) -> Option<usize> {
    let newlines = bytes.iter().enumerate().skip(start).filter(|&(_, &byte)| byte == b'\n');
    let mut ends = newlines.filter_map(|(index, _)| match &bytes[index + 1..] {
        [b'\n', ..] => Some(index + 2),
        [b'\r', b'\n', ..] => Some(index + 3),
        _ => None,
    });
    ends.next()
}

impl Framing {
    /// Follows the body through `bytes`. Returns how many of them belong to it. If it ends, a head follows.
    pub(super) fn take(&mut self, bytes: &[u8]) -> usize {
        match self {
            Self::Head => 0,
            Self::Unknown => bytes.len(),
            Self::Length(rest) => {
                let taken = (*rest).min(bytes.len() as u64);
                *self = if taken == *rest { Self::Head } else { Self::Length(*rest - taken) };
                taken as usize
            }
            Self::Chunked(chunk) => {
                let (taken, next) = chunk.take(bytes);
                *self = next;
                taken
            }
        }
    }
}

impl Chunk {
    fn take(self, bytes: &[u8]) -> (usize, Framing) {
        let (mut chunk, mut index) = (self, 0);
        while index < bytes.len() {
            if let Self::Data(rest) = chunk {
                let taken = rest.min((bytes.len() - index) as u64);
                index += taken as usize;
                chunk = if taken == rest { Self::DataCr } else { Self::Data(rest - taken) };
                continue;
            }
            match chunk.step(bytes[index]) {
                Framing::Chunked(next) => (chunk, index) = (next, index + 1),
                Framing::Head => return (index + 1, Framing::Head),
                _ => return (bytes.len(), Framing::Unknown),
            }
        }
        (index, Framing::Chunked(chunk))
    }

    fn step(self, byte: u8) -> Framing {
        let next = match (self, byte) {
            (Self::Size(size), b'0'..=b'9' | b'a'..=b'f' | b'A'..=b'F') => {
                let digit = char::from(byte).to_digit(16).unwrap_or_default();
                match size.checked_mul(16) {
                    Some(size) => Self::Size(size + u64::from(digit)),
                    None => return Framing::Unknown,
                }
            }
            (Self::Size(size), b' ' | b'\t' | b';') => Self::Extension(size),
            (Self::Size(size) | Self::Extension(size), b'\r') => Self::SizeLf(size),
            (Self::Extension(size), _) => Self::Extension(size),
            (Self::SizeLf(0), b'\n') => Self::LineStart,
            (Self::SizeLf(size), b'\n') => Self::Data(size),
            (Self::DataCr, b'\r') => Self::DataLf,
            (Self::DataLf, b'\n') => Self::Size(0),
            (Self::LineStart, b'\r') => Self::EndLf,
            (Self::LineStart, _) => Self::Trailer,
            (Self::Trailer, b'\r') => Self::TrailerLf,
            (Self::Trailer, _) => Self::Trailer,
            (Self::TrailerLf, b'\n') => Self::LineStart,
            (Self::EndLf, b'\n') => return Framing::Head,
            _ => return Framing::Unknown,
        };
        Framing::Chunked(next)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(head: &str) -> Head {
        Head::parse(head.as_bytes())
    }

    #[test]
    fn a_head_says_how_its_body_is_framed() {
        for (headers, framing) in [
            ("", Framing::Head),
            ("Content-Length: 0\r\n", Framing::Head),
            ("content-length: 12\r\n", Framing::Length(12)),
            ("Transfer-Encoding: chunked\r\n", Framing::Chunked(Chunk::Size(0))),
            ("Upgrade: websocket\r\n", Framing::Head),
            ("Upgrade: h2c\r\nContent-Length: 3\r\n", Framing::Length(3)),
            ("Content-Length: 3\r\nContent-Length: 3\r\n", Framing::Unknown),
            ("Content-Length: -3\r\n", Framing::Unknown),
        ] {
            let head = format!("POST / HTTP/1.1\r\nHost: x\r\n{headers}\r\n");
            assert_eq!(parse(&format!("{head}rest")), Head::Complete(head.len(), framing), "{headers}");
            assert_eq!(parse(&head[..head.len() - 1]), Head::Incomplete, "{headers}");
        }
        for refused in
            ["\x16\x03\x01", "GET / HTTP/9.9\r\n", "POST / HTTP/1.1\r\nUpgrade: WebSocket\r\nContent-Length: 3\r\n\r\n"]
        {
            assert!(matches!(parse(refused), Head::Refused(_)), "{refused}");
        }
    }

    #[test]
    fn the_end_of_a_head_is_an_empty_line() {
        assert_eq!(end_of_head(b"GET / HTTP/1.1\r\nHost: x\r\n\r\nrest", 0), Some(27));
        assert_eq!(end_of_head(b"GET / HTTP/1.1\nHost: x\n\nrest", 0), Some(24));
        assert_eq!(end_of_head(b"GET / HTTP/1.1\nHost: x\n\nrest", 22), Some(24));
        assert_eq!(end_of_head(b"GET / HTTP/1.1\r\nHost: x\r\n", 0), None);
    }

    #[test]
    fn a_body_ends_at_the_same_byte_however_it_is_split() {
        let chunked = Framing::Chunked(Chunk::Size(0));
        for (framing, body) in [
            (Framing::Length(5), "hello"),
            (chunked, "0\r\n\r\n"),
            (chunked, "5\r\nhello\r\n0\r\n\r\n"),
            (chunked, "5;name=value\r\nhel\r\n\r\n1A \r\nabcdefghijklmnopqrstuvwxyz\r\n000\r\nTrailer: 1\r\n\r\n"),
        ] {
            let bytes = format!("{body}GET / HTTP/1.1\r\n");
            for split in 0..=body.len() {
                let mut state = framing;
                let first = state.take(&bytes.as_bytes()[..split]);
                let second = state.take(&bytes.as_bytes()[first..]);
                assert_eq!((first + second, state), (body.len(), Framing::Head), "{body} split at {split}");
            }
        }
    }

    #[test]
    fn what_is_not_chunked_is_not_framed() {
        for body in ["x\r\n", "5\nhello", "1\r\nab\r\n", "fffffffffffffffff\r\n", "0\r\n\rx"] {
            let mut state = Framing::Chunked(Chunk::Size(0));
            assert_eq!((state.take(body.as_bytes()), state), (body.len(), Framing::Unknown), "{body}");
        }
    }
}
