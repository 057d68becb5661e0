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
            (Some((start, end)), Some(batch)) => Some((start.min(batch.started), end.max(batch.ended))),
            (span, batch) => span.or(batch.map(|batch| (batch.started, batch.ended))),
        };
    }

    pub(super) fn timings(self, started: Instant, tokenized: Instant) -> Timings {
        let (first, last) = self.0.unwrap_or((tokenized, tokenized));
        Timings { tokenization: tokenized - started, queue: first - tokenized, inference: last - first }
    }
}

/// Milliseconds, as the timing headers give them: with three digits after the point. Whole numbers are written faster than
/// fractions.
pub(crate) fn milliseconds(duration: Duration) -> String {
    let microseconds = (duration.as_nanos() + 500) / 1000;
    format!("{}.{:03}", microseconds / 1000, microseconds % 1000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn milliseconds_are_rounded_to_three_digits() {
        for (nanoseconds, written) in
            [(0, "0.000"), (499, "0.000"), (500, "0.001"), (1_234_567, "1.235"), (60_000_000_000, "60000.000")]
        {
            assert_eq!(milliseconds(Duration::from_nanos(nanoseconds)), written);
        }
    }
}
