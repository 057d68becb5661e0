//! Collects the spans of a request while it is being handled.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use super::context::TraceId;
use super::queue::SpanQueue;
use super::spans::{Counts, Part, RequestSpans};
use crate::scheduler::{Computed, EncodingOutput};

/// A request that is being traced. When the last owner drops it, it is over and its spans are queued.
pub(crate) struct RequestTrace {
    trace_id: TraceId,
    /// `None` only while it is dropped.
    spans: RefCell<Option<RequestSpans>>,
    queue: Arc<SpanQueue>,
}

impl RequestTrace {
    pub(super) fn new(spans: RequestSpans, queue: Arc<SpanQueue>) -> Self {
        Self { trace_id: spans.trace_id, spans: RefCell::new(Some(spans)), queue }
    }

    pub(crate) fn trace_id(&self) -> TraceId {
        self.trace_id
    }

    fn update(&self, change: impl FnOnce(&mut RequestSpans)) {
        if let Some(spans) = self.spans.borrow_mut().as_mut() {
            change(spans);
        }
    }

    /// The head of the answer is there.
    pub(crate) fn answered(&self, status: u16, model: &str) {
        self.update(|spans| {
            spans.status = Some(status);
            model.clone_into(&mut spans.model);
        });
    }

    /// The texts are tokenized.
    pub(crate) fn tokenized(&self, (start, end): (Instant, Instant), counts: Counts) {
        let attributes = vec![("finsent.texts", counts.texts), ("finsent.tokens", counts.tokens)];
        self.update(|spans| {
            spans.counts = counts;
            spans.parts.push(Part { name: "tokenize", start, end, attributes });
        });
    }

    /// The texts are computed, which were submitted at `submitted`.
    pub(crate) fn computed<'a>(&self, submitted: Instant, outputs: impl Iterator<Item = &'a EncodingOutput>) {
        let (mut batches, mut cached) = (BTreeMap::new(), 0);
        for output in outputs {
            match output.computed {
                Some(computed) => drop(batches.insert(computed.batch, computed)),
                None => cached += 1,
            }
        }
        self.update(|spans| {
            spans.counts.cached = cached;
            let batches = || batches.values();
            let Some(start) = batches().map(|batch| batch.started).min() else { return };
            let end = batches().map(|batch| batch.ended).max().unwrap_or(start);
            let all = |of: fn(&Computed) -> usize| batches().map(of).sum();
            // A batch may have begun before this request came, if it waits for a text of an earlier one.
            let start = start.max(submitted);
            spans.parts.push(Part { name: "queue", start: submitted, end: start, attributes: Vec::new() });
            let attributes = vec![
                ("finsent.batches", batches().count()),
                ("finsent.batch.texts", all(|batch| batch.texts)),
                ("finsent.batch.tokens", all(|batch| batch.tokens)),
            ];
            spans.parts.push(Part { name: "inference", start, end, attributes });
        });
    }

    /// The predictions are explained.
    pub(crate) fn explained(&self, start: Instant, passes: usize) {
        let attributes = vec![("finsent.passes", passes)];
        self.update(|spans| spans.parts.push(Part { name: "explain", start, end: Instant::now(), attributes }));
    }

    /// A stream is over.
    pub(crate) fn streamed(&self, counts: Counts, is_cut: bool) {
        self.update(|spans| {
            spans.counts = counts;
            spans.is_cut = is_cut;
        });
    }
}

impl Drop for RequestTrace {
    fn drop(&mut self) {
        if let Some(mut spans) = self.spans.take() {
            spans.end = Instant::now();
            self.queue.push(spans);
        }
    }
}
