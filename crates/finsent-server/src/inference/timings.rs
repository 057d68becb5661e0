//! Where the time of a request went.

use std::time::{Duration, Instant};

use crate::scheduler::EncodingOutput;

/// The parts of a request's time, for its headers.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Timings {
    pub(super) tokenization: Duration,
    /// From tokenization to the start of the first batch.
    pub(super) queue: Duration,
    /// From then to the end of the last batch.
    pub(super) inference: Duration,
}

/// The time in which the batches of a request were computed; `None` if the cache had everything.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct ComputeSpan(Option<(Instant, Instant)>);

impl ComputeSpan {
    pub(super) fn add(&mut self, output: &EncodingOutput) {
        self.0 = match (self.0, output.computed) {
            (Some((start, end)), Some((other_start, other_end))) => Some((start.min(other_start), end.max(other_end))),
            (span, other) => span.or(other),
        };
    }

    pub(super) fn timings(self, started: Instant, tokenized: Instant) -> Timings {
        let (first, last) = self.0.unwrap_or((tokenized, tokenized));
        Timings { tokenization: tokenized - started, queue: first - tokenized, inference: last - first }
    }
}

/// Milliseconds, as the timing headers give them.
pub(crate) fn milliseconds(duration: Duration) -> String {
    format!("{:.3}", duration.as_secs_f64() * 1e3)
}
