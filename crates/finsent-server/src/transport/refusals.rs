//! Answers to what does not become a request.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Instant, SystemTime};

use actix_web::http::StatusCode;
use actix_web::http::header::HttpDate;

use crate::service::Service;
use crate::{request_id, routes};

/// Lines a second in the log. Whoever sends garbage can send a lot of it.
const MAX_LINES: u64 = 10;

/// Why a connection is refused.
#[derive(Debug, Clone, Copy)]
pub(super) struct Refusal {
    status: StatusCode,
    reason: &'static str,
}

impl Refusal {
    pub(super) const fn new(status: StatusCode, reason: &'static str) -> Self {
        Self { status, reason }
    }

    /// The refusal that actix-http's parser wants to write.
    pub(super) fn of_parser(answer: &[u8]) -> Self {
        let status = answer.get(b"HTTP/1.1 ".len()..).and_then(|rest| rest.get(..3));
        let status = status.and_then(|status| StatusCode::from_bytes(status).ok()).unwrap_or(StatusCode::BAD_REQUEST);
        Self::new(status, "the head of the request is not valid HTTP")
    }
}

/// Answers refused connections, counts them, and logs some of them.
pub(crate) struct Refusals {
    service: Arc<Service>,
    lines: RateLimit,
}

impl Refusals {
    pub(crate) fn new(service: &Arc<Service>) -> Self {
        Self { service: Arc::clone(service), lines: RateLimit::new(MAX_LINES) }
    }

    /// The answer, after which the connection is to be closed.
    pub(super) fn answer(&self, refusal: &Refusal) -> Vec<u8> {
        let Refusal { status, reason } = *refusal;
        let id = request_id::new();
        let id = id.to_str().unwrap_or_default();
        self.service.metrics().requests(routes::UNKNOWN, "", status.as_u16()).inc();
        self.log(status.as_u16(), reason, id);
        let title = status.canonical_reason().unwrap_or_default();
        let problem =
            serde_json::json!({"type": "about:blank", "title": title, "status": status.as_u16(), "detail": reason});
        let body = problem.to_string();
        let retry = if status == StatusCode::SERVICE_UNAVAILABLE { "retry-after: 1\r\n" } else { "" };
        let head = format!(
            "HTTP/1.1 {status}\r\ncontent-length: {}\r\nconnection: close\r\ncontent-type: application/problem+json\r\n\
             {retry}{}: {id}\r\ndate: {}\r\n\r\n",
            body.len(),
            request_id::HEADER,
            HttpDate::from(SystemTime::now()),
        );
        (head + &body).into_bytes()
    }

    fn log(&self, status: u16, reason: &str, request_id: &str) {
        match self.lines.next(Instant::now()) {
            Some(0) => tracing::debug!(status, request_id, "refused a connection: {reason}"),
            Some(left_out) => tracing::debug!(status, request_id, left_out, "refused a connection: {reason}"),
            None => {}
        }
    }
}

/// Lets through so many a second, and counts the others.
#[derive(Debug)]
struct RateLimit {
    limit: u64,
    start: Instant,
    /// The current second since the start.
    second: AtomicU64,
    /// Let through in it.
    passed: AtomicU64,
    left_out: AtomicU64,
}

impl RateLimit {
    fn new(limit: u64) -> Self {
        Self {
            limit,
            start: Instant::now(),
            second: AtomicU64::new(0),
            passed: AtomicU64::new(0),
            left_out: AtomicU64::new(0),
        }
    }

    /// How many were left out since the last that passed, or nothing if this one is left out too.
    fn next(&self, now: Instant) -> Option<u64> {
        let second = now.duration_since(self.start).as_secs();
        if self.second.swap(second, Ordering::Relaxed) != second {
            self.passed.store(0, Ordering::Relaxed);
        }
        if self.passed.fetch_add(1, Ordering::Relaxed) < self.limit {
            return Some(self.left_out.swap(0, Ordering::Relaxed));
        }
        self.left_out.fetch_add(1, Ordering::Relaxed);
        None
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn only_so_many_lines_a_second_pass_and_the_next_says_how_many_did_not() {
        let limit = RateLimit::new(2);
        let at = |seconds: f64| limit.next(limit.start + Duration::from_secs_f64(seconds));
        assert_eq!([at(0.0), at(0.1), at(0.2), at(0.9)], [Some(0), Some(0), None, None]);
        assert_eq!([at(1.0), at(1.1), at(1.2)], [Some(2), Some(0), None]);
    }

    #[test]
    fn the_status_of_the_parsers_answer_is_kept() {
        let status = |answer: &[u8]| Refusal::of_parser(answer).status;
        assert_eq!(status(b"HTTP/1.1 431 Request Header Fields Too Large\r\n"), 431);
        assert_eq!(status(b"HTTP/1.1 400 Bad Request\r\n"), 400);
        assert_eq!(status(b""), 400);
    }
}
