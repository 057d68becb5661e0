//! Traces: the spans of requests, exported as OpenTelemetry's protocol (OTLP) says.
//!
//! A sampled request has a [`RequestTrace`], which collects the times of its parts ([`spans`]) and gives them to a bounded
//! queue ([`queue`]) when the request is over. A thread of its own ([`exporter`]) makes them into messages ([`messages`]) and
//! posts them ([`client`]). Neither the threads that serve nor those that compute ever wait for it.

mod client;
mod context;
mod endpoint;
mod exporter;
mod messages;
mod queue;
mod request_trace;
mod resource;
mod sampler;
mod settings;
mod spans;

use std::io;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

pub(crate) use self::context::TraceContext;
use self::context::TraceId;
use self::exporter::Exporter;
use self::queue::SpanQueue;
pub(crate) use self::request_trace::RequestTrace;
use self::sampler::Sampler;
pub use self::settings::{TraceSettings, TraceSettingsError};
use self::spans::RequestSpans;
pub(crate) use self::spans::{Counts, RequestHead};
use crate::metrics::SpanMetrics;

/// How long the last spans may take at the end of the service.
const FLUSH_LIMIT: Duration = Duration::from_secs(5);

/// Decides which requests have spans, and exports them.
pub(crate) struct Tracer {
    sampler: Sampler,
    queue: Arc<SpanQueue>,
}

impl Tracer {
    /// Starts the thread that exports.
    ///
    /// # Errors
    /// If the system cannot start it.
    pub(crate) fn start(settings: &TraceSettings, metrics: SpanMetrics) -> io::Result<Self> {
        let queue = Arc::new(SpanQueue::new(settings.max_queue_spans, settings.delay, metrics.dropped.clone()));
        Exporter::new(settings, Arc::clone(&queue), metrics).start()?;
        Ok(Self { sampler: settings.sampler, queue })
    }

    /// The trace of a request that began at `start`; `None` if it is not sampled.
    pub(crate) fn begin(
        &self,
        context: Option<&TraceContext>,
        head: RequestHead<'_>,
        start: Instant,
    ) -> Option<Rc<RequestTrace>> {
        let trace_id = context.map_or_else(TraceId::random, |context| context.trace_id);
        if !self.sampler.samples(context, trace_id) {
            return None;
        }
        let spans = RequestSpans::new(trace_id, context, head, start);
        Some(Rc::new(RequestTrace::new(spans, Arc::clone(&self.queue))))
    }

    /// Exports what waits, and ends. Returns after [`FLUSH_LIMIT`] at the latest.
    pub(crate) fn flush(&self) {
        if !self.queue.close(FLUSH_LIMIT) {
            tracing::warn!("the last traces are lost: they were not exported within {} s", FLUSH_LIMIT.as_secs());
        }
    }
}
