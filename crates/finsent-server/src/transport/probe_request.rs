//! Probes as they arrive: requests that the acceptor answers itself.

use std::mem::MaybeUninit;

use actix_web::http::header::HeaderValue;
use httparse::{Header, Request, Status};

use crate::probes::Probe;
use crate::request_id;

/// The longest head of a probe. A request with a longer one is a worker's.
const MAX_PROBE_BYTES: usize = 4 << 10;
/// The most headers of a probe.
const MAX_HEADERS: usize = 32;

/// A probe, or what else has arrived.
#[derive(Debug)]
pub(super) enum Arrived {
    /// Perhaps the beginning of a probe, or nothing yet.
    Incomplete,
    /// A probe, whose head has so many bytes.
    Probe(ProbeRequest, usize),
    /// Anything else, complete or not.
    Other,
}

/// The request of a probe.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct ProbeRequest {
    pub(super) probe: Probe,
    pub(super) method: &'static str,
    pub(super) id: HeaderValue,
    pub(super) connection: KeepAlive,
}

/// Whether the connection stays open after the answer, and whether the answer has to say so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum KeepAlive {
    Close,
    /// Without saying so: the default of HTTP/1.1.
    Stay,
    /// Because the client asked for it in HTTP/1.0.
    SayStay,
}

const METHODS: [&str; 2] = ["GET", "HEAD"];

/// Looks at what has arrived, on a listener with these probes. Only a request line that begins as that of a probe is waited
/// for, so that other requests reach their worker at once.
pub(super) fn look(bytes: &[u8], probes: &[Probe]) -> Arrived {
    if bytes.is_empty() {
        return Arrived::Incomplete;
    }
    let mut found = Arrived::Other;
    for method in METHODS {
        for &probe in probes {
            match begins_with(bytes, method, probe.path()) {
                Some(true) => return parse(bytes, method, probe),
                Some(false) => found = Arrived::Incomplete,
                None => {}
            }
        }
    }
    found
}

/// Whether `bytes` begin with a request line of this method and path; `None` if they do not, and cannot any more.
fn begins_with(bytes: &[u8], method: &str, path: &str) -> Option<bool> {
    let mut rest = bytes;
    for part in [method, " ", path] {
        let part = part.as_bytes();
        let known = rest.len().min(part.len());
        if rest[..known] != part[..known] {
            return None;
        }
        if known < part.len() {
            return Some(false);
        }
        rest = &rest[known..];
    }
    match rest.first() {
        None => Some(false),
        Some(b' ' | b'?') => Some(true),
        Some(_) => None,
    }
}

fn parse(bytes: &[u8], method: &'static str, probe: Probe) -> Arrived {
    let mut headers = [const { MaybeUninit::uninit() }; MAX_HEADERS];
    let mut request = Request::new(&mut []);
    match request.parse_with_uninit_headers(bytes, &mut headers) {
        Ok(Status::Complete(length)) if length <= MAX_PROBE_BYTES => {
            let is_1_1 = request.version == Some(1);
            match probe_request(probe, method, is_1_1, request.headers) {
                Some(request) => Arrived::Probe(request, length),
                None => Arrived::Other,
            }
        }
        Ok(Status::Partial) if bytes.len() < MAX_PROBE_BYTES => Arrived::Incomplete,
        _ => Arrived::Other,
    }
}

/// The probe, unless something about it needs a worker: a body, another protocol, an origin, or an error.
fn probe_request(probe: Probe, method: &'static str, is_1_1: bool, headers: &[Header<'_>]) -> Option<ProbeRequest> {
    let value = |name: &str| headers.iter().find(|header| header.name.eq_ignore_ascii_case(name)).map(|it| it.value);
    let needs_worker = ["transfer-encoding", "upgrade", "expect", "origin"];
    let all = |name: &'static str| headers.iter().filter(move |header| header.name.eq_ignore_ascii_case(name));
    let has_body = all("content-length").any(|header| header.value.trim_ascii() != b"0");
    let hosts = all("host").count();
    if has_body || needs_worker.iter().any(|name| value(name).is_some()) || hosts > 1 || (is_1_1 && hosts == 0) {
        return None;
    }
    let options = value("connection").unwrap_or_default().split(|&byte| byte == b',').map(<[u8]>::trim_ascii);
    let has = |option: &[u8]| options.clone().any(|found| found.eq_ignore_ascii_case(option));
    let connection = match (has(b"close"), is_1_1, has(b"keep-alive")) {
        (true, _, _) | (false, false, false) => KeepAlive::Close,
        (false, true, _) => KeepAlive::Stay,
        (false, false, true) => KeepAlive::SayStay,
    };
    Some(ProbeRequest { probe, method, id: request_id::of(value(request_id::HEADER)), connection })
}

#[cfg(test)]
mod tests {
    use super::*;

    const PROBES: &[Probe] = &[Probe::Live, Probe::Ready, Probe::Health];

    fn kind(bytes: &str) -> String {
        match look(bytes.as_bytes(), PROBES) {
            Arrived::Incomplete => "incomplete".into(),
            Arrived::Other => "other".into(),
            Arrived::Probe(request, length) => {
                format!("{} {:?} {:?} {length}", request.method, request.probe, request.connection)
            }
        }
    }

    #[test]
    fn a_probe_is_recognised_when_it_is_complete() {
        let probe = "GET /readyz HTTP/1.1\r\nHost: x\r\n\r\n";
        for end in 0..probe.len() {
            assert_eq!(kind(&probe[..end]), "incomplete", "{end} bytes");
        }
        assert_eq!(kind(&format!("{probe}POST /")), "GET Ready Stay 33");
        for (request, expected) in [
            ("HEAD /livez?verbose HTTP/1.1\r\nHost: x\r\nConnection: x, Close\r\n\r\n", "HEAD Live Close 63"),
            ("GET /health HTTP/1.0\r\n\r\n", "GET Health Close 24"),
            ("GET /health HTTP/1.0\r\nContent-Length: 0\r\n\r\n", "GET Health Close 43"),
            ("GET /health HTTP/1.0\r\nconnection: keep-alive\r\n\r\n", "GET Health SayStay 48"),
        ] {
            assert_eq!(kind(request), expected, "{request}");
        }
    }

    #[test]
    fn everything_else_is_known_as_soon_as_it_differs() {
        for other in
            ["P", "GET /l1", "GET /livezz", "HEAD  ", "\r\nGET /livez", "GET /metrics HTTP/1.1\r\n", "\x16\x03"]
        {
            assert_eq!(kind(other), "other", "{other}");
        }
        for header in
            ["Content-Length: 1", "Transfer-Encoding: chunked", "Upgrade: h2c", "Expect: x", "Origin: a", "b@d"]
        {
            assert_eq!(kind(&format!("GET /livez HTTP/1.1\r\nHost: x\r\n{header}\r\n\r\n")), "other", "{header}");
        }
        assert_eq!(kind("GET /livez HTTP/1.1\r\n\r\n"), "other", "HTTP/1.1 needs a host");
        assert_eq!(kind(&format!("GET /livez HTTP/1.1\r\nHost: x\r\nA: {}", "a".repeat(5000))), "other");
    }
}
