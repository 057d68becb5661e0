//! The spans that wait for their export. Who adds some never waits: what does not fit is dropped and counted.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use prometheus::IntCounter;

use super::spans::RequestSpans;

/// So many spans are exported at once, without waiting for more.
const BATCH: usize = 512;

pub(super) struct SpanQueue {
    state: Mutex<State>,
    /// Wakes the exporter, and who waits for its end.
    changed: Condvar,
    /// The most spans that may wait.
    limit: usize,
    /// How long spans wait for others.
    delay: Duration,
    dropped: IntCounter,
}

#[derive(Default)]
struct State {
    requests: VecDeque<RequestSpans>,
    /// Spans of the requests.
    spans: usize,
    /// Spans that were dropped since the exporter asked.
    dropped: u64,
    /// When the last export must be over, once the service ends.
    end: Option<Instant>,
    /// Whether the exporter has ended.
    is_over: bool,
}

impl SpanQueue {
    pub(super) fn new(limit: usize, delay: Duration, dropped: IntCounter) -> Self {
        Self { state: Mutex::default(), changed: Condvar::new(), limit, delay, dropped }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds the spans of a request: all of them or none.
    pub(super) fn push(&self, request: RequestSpans) {
        let added = request.len();
        let mut state = self.state();
        let before = state.spans;
        let is_full = before > 0 && before + added > self.limit;
        if is_full || state.is_over {
            state.dropped += added as u64;
            drop(state);
            self.dropped.inc_by(added as u64);
            return;
        }
        state.spans += added;
        state.requests.push_back(request);
        drop(state);
        // Not for every request: to wake a thread takes longer than to add to the queue.
        if before == 0 || (before < BATCH && before + added >= BATCH) {
            self.changed.notify_one();
        }
    }

    /// Waits for the next spans to export; `None` if there are none and the service ends.
    pub(super) fn next_batch(&self) -> Option<Vec<RequestSpans>> {
        let has_none = |state: &mut State| state.requests.is_empty() && state.end.is_none();
        let state = self.changed.wait_while(self.state(), has_none).unwrap_or_else(PoisonError::into_inner);
        let may_wait = |state: &mut State| state.spans < BATCH && state.end.is_none();
        let waited = self.changed.wait_timeout_while(state, self.delay, may_wait);
        let (mut state, _) = waited.unwrap_or_else(PoisonError::into_inner);
        let (mut batch, mut spans) = (Vec::new(), 0);
        while spans < BATCH
            && let Some(request) = state.requests.pop_front()
        {
            spans += request.len();
            batch.push(request);
        }
        state.spans -= spans;
        if batch.is_empty() {
            state.is_over = true;
            self.changed.notify_all();
            return None;
        }
        Some(batch)
    }

    /// How many spans were dropped since the last call.
    pub(super) fn take_dropped(&self) -> u64 {
        std::mem::take(&mut self.state().dropped)
    }

    /// When the last export must be over, once the service ends.
    pub(super) fn end(&self) -> Option<Instant> {
        self.state().end
    }

    /// Waits so long, or until the service ends.
    pub(super) fn pause(&self, duration: Duration) {
        let may_wait = |state: &mut State| state.end.is_none();
        drop(self.changed.wait_timeout_while(self.state(), duration, may_wait));
    }

    /// Lets the exporter end within `limit`. Returns whether it has.
    pub(super) fn close(&self, limit: Duration) -> bool {
        let mut state = self.state();
        state.end = Some(Instant::now() + limit);
        self.changed.notify_all();
        let waited = self.changed.wait_timeout_while(state, limit, |state| !state.is_over);
        waited.unwrap_or_else(PoisonError::into_inner).0.is_over
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::thread;

    use super::*;

    fn queue() -> SpanQueue {
        SpanQueue::new(4, Duration::from_secs(60), IntCounter::new("dropped", "-").unwrap())
    }

    #[test]
    fn the_end_waits_for_an_exporter_that_hangs_no_longer_than_its_limit() {
        assert!(!queue().close(Duration::from_millis(20)));
    }

    #[test]
    fn the_end_wakes_an_exporter_that_waits_or_pauses() {
        let queue = Arc::new(queue());
        let exporter = Arc::clone(&queue);
        let exporting = thread::spawn(move || {
            exporter.pause(Duration::from_secs(600));
            exporter.next_batch().is_none()
        });
        assert!(queue.close(Duration::from_secs(60)));
        assert!(exporting.join().unwrap());
    }
}
