//! The thread that exports: batches, another try after a pause, and what the log says of it.

use std::sync::Arc;
use std::time::{Duration, Instant};
use std::{io, thread};

use prost::Message;

use super::client::{Client, Failure};
use super::messages::{PartialSuccess, Resource, export_request};
use super::queue::SpanQueue;
use super::settings::TraceSettings;
use super::spans::RequestSpans;
use crate::excerpt::excerpt_of;
use crate::metrics::SpanMetrics;

/// The pause before the second try. Each pause is twice as long as the previous one.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// The shortest pause, whatever a receiver asks for.
const SHORTEST_PAUSE: Duration = Duration::from_millis(100);
/// Spans that are not exported after this time are given up.
const RETRY_LIMIT: Duration = Duration::from_secs(60);
/// The log complains once in this time.
const COMPLAINT_INTERVAL: Duration = Duration::from_secs(60);
/// Bytes of a receiver's message that the log shows.
const MAX_REASON: usize = 200;

pub(super) struct Exporter {
    queue: Arc<SpanQueue>,
    client: Client,
    timeout: Duration,
    resource: Resource,
    metrics: SpanMetrics,
    complaints: Complaints,
    /// Whether the log said last that traces are not exported.
    is_down: bool,
}

impl Exporter {
    pub(super) fn new(settings: &TraceSettings, queue: Arc<SpanQueue>, metrics: SpanMetrics) -> Self {
        Self {
            queue,
            client: Client::new(settings),
            timeout: settings.timeout,
            resource: settings.resource.clone(),
            metrics,
            complaints: Complaints::default(),
            is_down: false,
        }
    }

    /// Exports on a thread of its own until the queue is closed.
    pub(super) fn start(mut self) -> io::Result<()> {
        let run = move || {
            while let Some(batch) = self.queue.next_batch() {
                self.export(batch);
                self.complain_of_dropped();
            }
            self.complain_of_dropped();
            self.complaints.finish();
        };
        thread::Builder::new().name("traces".into()).spawn(run).map(drop)
    }

    fn complain_of_dropped(&mut self) {
        match self.queue.take_dropped() {
            0 => {}
            dropped => drop(self.complaints.add("spans are lost: their queue is full", dropped)),
        }
    }

    /// Exports the spans of these requests, or gives them up.
    fn export(&mut self, batch: Vec<RequestSpans>) {
        let spans = batch.iter().map(RequestSpans::len).sum::<usize>() as u64;
        let message = export_request(&self.resource, batch).encode_to_vec();
        let given_up_at = Instant::now() + RETRY_LIMIT;
        let mut pause = FIRST_PAUSE;
        loop {
            let (is_last, timeout) = match self.queue.end() {
                Some(end) => (true, self.timeout.min(end.saturating_duration_since(Instant::now()))),
                None => (false, self.timeout),
            };
            if timeout.is_zero() {
                return self.give_up("the service ends", spans);
            }
            let Failure { reason, is_transient, retry_after } = match self.client.post(&message, timeout) {
                Ok(partial) => return self.accepted(partial, spans),
                Err(failure) => failure,
            };
            // Random, so that services that failed together do not come back together.
            let random = pause.mul_f64(0.75 + fastrand::f64() / 4.0);
            let next = retry_after.map_or(random, |asked| asked.max(SHORTEST_PAUSE));
            if is_last || !is_transient {
                return self.give_up(&reason, spans);
            }
            if Instant::now() + next > given_up_at {
                self.give_up(&reason, spans);
                // Those that come next keep to it as well.
                return self.queue.pause(retry_after.unwrap_or_default());
            }
            self.is_down |= self.complaints.add(&format!("cannot export traces yet: {reason}"), 0);
            self.queue.pause(next);
            pause = (2 * pause).min(LONGEST_PAUSE);
        }
    }

    fn accepted(&mut self, partial: Option<PartialSuccess>, spans: u64) {
        let PartialSuccess { rejected_spans, error_message } = partial.unwrap_or_default();
        let rejected = u64::try_from(rejected_spans).unwrap_or_default().min(spans);
        self.metrics.rejected.inc_by(rejected);
        self.metrics.exported.inc_by(spans - rejected);
        if std::mem::take(&mut self.is_down) {
            tracing::info!("traces are exported again");
        }
        if rejected > 0 || !error_message.is_empty() {
            let message = excerpt_of(&error_message, MAX_REASON);
            self.complaints.add(&format!("the receiver of the traces says: {message}"), rejected);
        }
    }

    fn give_up(&mut self, reason: &str, spans: u64) {
        self.metrics.failed.inc_by(spans);
        self.is_down |= self.complaints.add(&format!("spans are lost: {reason}"), spans);
    }
}

/// What the log says of spans that are late or lost.
#[derive(Debug, Default)]
struct Complaints {
    last: Option<Instant>,
    /// Spans that were lost since then.
    lost: u64,
}

impl Complaints {
    /// Logs what is wrong, and how many spans were lost since the last such line, unless that is not long ago.
    fn add(&mut self, what: &str, lost: u64) -> bool {
        self.lost += lost;
        if self.last.is_some_and(|last| last.elapsed() < COMPLAINT_INTERVAL) {
            return false;
        }
        match std::mem::take(&mut self.lost) {
            0 => tracing::warn!("{what}"),
            lost_spans => tracing::warn!(lost_spans, "{what}"),
        }
        self.last = Some(Instant::now());
        true
    }

    /// Logs how many spans were lost since the last line.
    fn finish(self) {
        if self.lost > 0 {
            tracing::warn!(lost_spans = self.lost, "spans are lost");
        }
    }
}
