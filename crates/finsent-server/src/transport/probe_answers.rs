//! The acceptor's answers to probes. They are those of the routes, counted and logged like those.

use std::cell::RefCell;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use actix_web::http::header::HttpDate;

use super::probe_request::{KeepAlive, ProbeRequest};
use crate::probes::{Probe, ProbeAnswer};
use crate::request_id;
use crate::service::Service;

/// How old an answer with metrics may be. Writing them takes a while, and a flood of requests for them must not delay the
/// other probes of this thread.
const METRICS_AGE: Duration = Duration::from_millis(100);

/// Answers probes on one thread.
pub(crate) struct ProbeAnswers {
    service: Arc<Service>,
    metrics: RefCell<Option<(Instant, Arc<ProbeAnswer>)>>,
}

impl ProbeAnswers {
    pub(crate) fn new(service: &Arc<Service>) -> Self {
        Self { service: Arc::clone(service), metrics: RefCell::new(None) }
    }

    /// The bytes of the answer, and whether the connection stays open.
    pub(super) fn answer(&self, request: &ProbeRequest) -> (Vec<u8>, KeepAlive) {
        let start = Instant::now();
        let answer = self.content(request.probe, start);
        // As with every answer: the client's next connection goes to another instance.
        let connection = if self.service.is_draining() { KeepAlive::Close } else { request.connection };
        let elapsed = start.elapsed();
        self.record(request, answer.status.as_u16(), elapsed);
        (bytes(request, &answer, connection, elapsed), connection)
    }

    fn content(&self, probe: Probe, now: Instant) -> Arc<ProbeAnswer> {
        if probe != Probe::Metrics {
            return Arc::new(probe.answer(&self.service));
        }
        let mut metrics = self.metrics.borrow_mut();
        match &*metrics {
            Some((time, answer)) if now.duration_since(*time) < METRICS_AGE => Arc::clone(answer),
            _ => {
                let answer = Arc::new(probe.answer(&self.service));
                *metrics = Some((now, Arc::clone(&answer)));
                answer
            }
        }
    }

    fn record(&self, request: &ProbeRequest, status: u16, elapsed: Duration) {
        let (method, route) = (request.method, request.probe.path());
        self.service.metrics().requests(route, "", status).inc();
        let ms = (elapsed.as_secs_f64() * 1e6).round() / 1e3;
        let request_id = request.id.to_str().unwrap_or_default();
        tracing::debug!(method, route, status, ms, request_id, "request");
    }
}

fn bytes(request: &ProbeRequest, answer: &ProbeAnswer, connection: KeepAlive, elapsed: Duration) -> Vec<u8> {
    let connection = match connection {
        KeepAlive::Close => "connection: close\r\n",
        KeepAlive::Stay => "",
        KeepAlive::SayStay => "connection: keep-alive\r\n",
    };
    let head = format!(
        "HTTP/1.1 {}\r\ncontent-length: {}\r\n{connection}content-type: {}\r\n{}: {}\r\nx-total-time: {:.3}\r\ndate: {}\r\n\r\n",
        answer.status,
        answer.body.len(),
        answer.content_type,
        request_id::HEADER,
        request.id.to_str().unwrap_or_default(),
        elapsed.as_secs_f64() * 1e3,
        HttpDate::from(SystemTime::now()),
    );
    let mut bytes = head.into_bytes();
    if request.method != "HEAD" {
        bytes.extend_from_slice(answer.body.as_bytes());
    }
    bytes
}
