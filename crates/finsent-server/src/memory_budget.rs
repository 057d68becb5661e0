//! How much memory all requests together may hold.

use std::sync::atomic::{AtomicUsize, Ordering};

use finsent_model::machine::available_memory;

/// All requests together may hold this part of the memory that the process may have. Most of a small one is the model's, and
/// the buffers of connections and the tokenizer need some, too.
const SHARE_OF_MEMORY: usize = 16;
/// They may hold as much as this many of the largest bodies in any case: one that is compressed is there twice for a moment,
/// and then as its texts.
const LARGEST_BODIES: usize = 8;
/// The least that they may hold, however small the largest body is.
const MIN_BYTES: usize = 8 << 20;

/// Who holds memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Holder {
    /// A request with a whole body.
    Request,
    /// A stream of lines, or a call of gRPC that waits: for the rest of its message, or for news. A client may have many of
    /// them in a connection, and needs no key for some.
    Stream,
}

/// Counts the bytes that requests hold: bodies, texts, what the scheduler keeps for them, and answers that are not written.
#[derive(Debug)]
pub(crate) struct MemoryBudget {
    limit: usize,
    requests: AtomicUsize,
    streams: AtomicUsize,
}

impl MemoryBudget {
    /// The budget of a service on this machine, in its container.
    pub(crate) fn of_process(max_body_bytes: usize) -> Self {
        let of_memory = available_memory().map_or(0, |bytes| bytes / SHARE_OF_MEMORY);
        Self::new(LARGEST_BODIES.saturating_mul(max_body_bytes).max(MIN_BYTES).max(of_memory))
    }

    fn new(limit: usize) -> Self {
        Self { limit, requests: AtomicUsize::new(0), streams: AtomicUsize::new(0) }
    }

    /// Counts these bytes, if there is room for them.
    #[must_use]
    pub(crate) fn take(&self, holder: Holder, bytes: usize) -> bool {
        let (counter, limit) = self.part(holder);
        let fits = |held: usize| held.checked_add(bytes).filter(|&held| held <= limit);
        counter.fetch_update(Ordering::Relaxed, Ordering::Relaxed, fits).is_ok()
    }

    /// Gives back bytes that were [taken](Self::take).
    pub(crate) fn give_back(&self, holder: Holder, bytes: usize) {
        self.part(holder).0.fetch_sub(bytes, Ordering::Relaxed);
    }

    /// Bytes that are held.
    #[cfg(test)]
    pub(crate) fn held(&self) -> usize {
        self.held_by(Holder::Request) + self.held_by(Holder::Stream)
    }

    /// Takes all that is left. Returns how many bytes that is.
    #[cfg(all(test, feature = "grpc"))]
    pub(crate) fn take_all(&self, holder: Holder) -> usize {
        let (counter, limit) = self.part(holder);
        limit - counter.swap(limit, Ordering::Relaxed)
    }

    #[cfg(test)]
    pub(crate) fn held_by(&self, holder: Holder) -> usize {
        self.part(holder).0.load(Ordering::Relaxed)
    }

    /// One half is for streams, so that clients that do not read their answers leave room for others.
    fn part(&self, holder: Holder) -> (&AtomicUsize, usize) {
        let half = self.limit / 2;
        match holder {
            Holder::Request => (&self.requests, half),
            Holder::Stream => (&self.streams, half),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_fit_is_not_counted_and_streams_leave_room_for_requests() {
        let budget = MemoryBudget::new(200);
        assert!(budget.take(Holder::Stream, 100) && !budget.take(Holder::Stream, 1));
        assert!(budget.take(Holder::Request, 100) && !budget.take(Holder::Request, 1));
        assert!(!budget.take(Holder::Request, usize::MAX));
        assert_eq!(budget.held(), 200);
        budget.give_back(Holder::Request, 1);
        assert!(budget.take(Holder::Request, 1) && !budget.take(Holder::Request, 1));
    }
}
