//! The encodings that wait, each once, and everyone who waits for them.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::oneshot;

use super::backend::BackendModel;
use super::fair_queue::{FairQueue, Lane, Places, QueuedText};
use super::key::EncodingKey;
use super::work::{Failure, Reply};
use crate::metrics::ModelMetrics;

/// Abandoned encodings never get into a batch. They leave the queue after at most this time and one batch.
const SWEEP_INTERVAL: Duration = Duration::from_millis(100);
/// The queue keeps memory for this many encodings while it is empty.
const KEPT_CAPACITY: usize = 1024;

/// The queue of all models.
pub(super) struct Queue {
    order: FairQueue,
    entries: Vec<Entry>,
    /// Tokens of the entries.
    tokens: usize,
    /// Entries that there ever were.
    arrivals: u64,
    /// Who waits for an encoding, from the arrival of the first request with it to the end of its batch.
    requests: HashMap<EncodingKey, Requests>,
    last_sweep: Instant,
}

struct Entry {
    model: Arc<BackendModel>,
    key: EncodingKey,
    text: QueuedText,
}

/// The requests for one encoding.
struct Requests {
    /// Index of the entry, until it is in a batch.
    entry: Option<usize>,
    waiters: Vec<Waiter>,
}

/// One request that waits for an encoding.
pub(super) struct Waiter {
    pub(super) reply: oneshot::Sender<Reply>,
    pub(super) since: Instant,
    pub(super) deadline: Instant,
    /// Whether the logits are remembered for identical texts.
    pub(super) is_cached: bool,
}

/// Encodings that are computed together.
pub(super) struct Batch {
    pub(super) model: Arc<BackendModel>,
    pub(super) keys: Vec<EncodingKey>,
    pub(super) tokens: usize,
}

impl Waiter {
    fn still_waits(&self, now: Instant) -> bool {
        !self.reply.is_closed() && self.deadline > now
    }
}

impl Queue {
    pub(super) fn new() -> Self {
        Self {
            order: FairQueue::default(),
            entries: Vec::new(),
            tokens: 0,
            arrivals: 0,
            requests: HashMap::new(),
            last_sweep: Instant::now(),
        }
    }

    /// Tokens that wait.
    pub(super) fn tokens(&self) -> usize {
        self.tokens
    }

    /// Index of the model and tokens of each encoding that is likely to be computed before one with this lane and these places.
    pub(super) fn before(&self, lane: Lane, places: Places) -> impl Iterator<Item = (usize, usize)> {
        let is_before = move |text: &QueuedText| match (text.lane, lane) {
            (Lane::Interactive, Lane::Interactive) => text.places.share <= places.share,
            (Lane::Interactive, Lane::Bulk) => true,
            (Lane::Bulk, Lane::Interactive) => false,
            (Lane::Bulk, Lane::Bulk) => text.places.age <= places.age,
        };
        self.entries.iter().map(|entry| entry.text).filter(is_before).map(|text| (text.model.index, text.tokens))
    }

    /// Whether a request for this encoding waits, so that another one is free.
    pub(super) fn contains(&self, key: &EncodingKey) -> bool {
        self.requests.contains_key(key)
    }

    /// The places of a new request's encodings of these lengths. `last` is that of the request's stream.
    pub(super) fn places(&self, last: Places, lengths: &[usize]) -> Vec<Places> {
        self.order.places(last, lengths.iter().copied()).collect()
    }

    /// Adds an encoding that is not in the queue.
    pub(super) fn push(
        &mut self,
        model: &Arc<BackendModel>,
        key: EncodingKey,
        (lane, places): (Lane, Places),
        waiter: Waiter,
    ) {
        let tokens = key.tokens();
        model.metrics.queue_texts.inc();
        model.metrics.queue_tokens.add(tokens as i64);
        self.tokens += tokens;
        let text = QueuedText { lane, places, arrival: self.arrivals, tokens, model: key.model };
        self.arrivals += 1;
        self.requests.insert(key.clone(), Requests { entry: Some(self.entries.len()), waiters: vec![waiter] });
        self.entries.push(Entry { model: Arc::clone(model), text, key });
    }

    /// Lets another request wait for an encoding that [is there](Self::contains). If the request is interactive, the
    /// encoding is computed no later than it would be for this request alone.
    pub(super) fn join(&mut self, key: &EncodingKey, lane: Lane, last: Places, waiter: Waiter) {
        let Some(requests) = self.requests.get_mut(key) else { return };
        requests.waiters.push(waiter);
        let Some(entry) = requests.entry.filter(|_| lane == Lane::Interactive) else { return };
        let text = &mut self.entries[entry].text;
        let Some(Places { share, .. }) = self.order.places(last, [text.tokens]).next() else { return };
        text.places.share = if text.lane == Lane::Interactive { text.places.share.min(share) } else { share };
        text.lane = Lane::Interactive;
    }

    /// Takes the next batch out of the queue; `None` if nothing waits.
    pub(super) fn next_batch(&mut self, max_batch_tokens: usize) -> Option<Batch> {
        if self.last_sweep.elapsed() > SWEEP_INTERVAL {
            self.drop_abandoned();
        }
        loop {
            let texts: Vec<QueuedText> = self.entries.iter().map(|entry| entry.text).collect();
            let order_before = self.order.clone();
            let chosen = self.order.next_batch(&texts, max_batch_tokens);
            if chosen.is_empty() {
                self.entries.shrink_to(KEPT_CAPACITY);
                self.requests.shrink_to(KEPT_CAPACITY);
                return None;
            }
            if chosen.iter().all(|&entry| self.is_wanted(entry)) {
                return Some(self.take(chosen));
            }
            // `order` has charged the lane for this batch, abandoned encodings included. They will not be computed, so the
            // charge is taken back, and the batch is chosen again without them.
            self.order = order_before;
            self.drop_abandoned();
        }
    }

    /// Ends the wait for an encoding: these requests get its result.
    pub(super) fn complete(&mut self, key: &EncodingKey) -> Vec<Waiter> {
        self.requests.remove(key).map(|requests| requests.waiters).unwrap_or_default()
    }

    /// Drops everything. All waiters find their reply channel closed.
    pub(super) fn clear(&mut self) {
        self.entries.clear();
        self.tokens = 0;
        self.requests.clear();
    }

    fn is_wanted(&self, entry: usize) -> bool {
        let now = Instant::now();
        let requests = self.requests.get(&self.entries[entry].key);
        requests.is_some_and(|requests| requests.waiters.iter().any(|waiter| waiter.still_waits(now)))
    }

    /// Drops requests whose client has disconnected or whose deadline has passed, and encodings without requests.
    fn drop_abandoned(&mut self) {
        let Self { entries, requests, .. } = self;
        let now = Instant::now();
        self.last_sweep = now;
        let before = entries.len();
        entries.retain(|entry| {
            let metrics = &entry.model.metrics;
            let Some(of_entry) = requests.get_mut(&entry.key) else { return false };
            let gone: Vec<Waiter> = of_entry.waiters.extract_if(.., |waiter| !waiter.still_waits(now)).collect();
            let is_wanted = !of_entry.waiters.is_empty();
            if !is_wanted {
                requests.remove(&entry.key);
                count_removal(metrics, entry);
            }
            for waiter in gone {
                let is_client_gone = waiter.reply.is_closed();
                (if is_client_gone { &metrics.dropped_client } else { &metrics.dropped_deadline }).inc();
                // Ignore send errors: the client disconnected.
                waiter.reply.send(Err(Failure::DeadlinePassed)).ok();
            }
            is_wanted
        });
        if entries.len() < before {
            self.tokens = entries.iter().map(|entry| entry.text.tokens).sum();
            for (index, entry) in entries.iter().enumerate() {
                if let Some(of_entry) = requests.get_mut(&entry.key) {
                    of_entry.entry = Some(index);
                }
            }
        }
    }

    /// Takes an entry out. The last one gets its index.
    fn remove(&mut self, index: usize) -> Entry {
        let removed = self.entries.swap_remove(index);
        self.tokens -= removed.text.tokens;
        if let Some(of_removed) = self.requests.get_mut(&removed.key) {
            of_removed.entry = None;
        }
        let moved = self.entries.get(index).and_then(|moved| self.requests.get_mut(&moved.key));
        if let Some(of_moved) = moved {
            of_moved.entry = Some(index);
        }
        removed
    }

    fn take(&mut self, mut chosen: Vec<usize>) -> Batch {
        // From the last one, so that no entry moves that is still to be removed.
        chosen.sort_unstable();
        let entries: Vec<Entry> = chosen.into_iter().rev().map(|entry| self.remove(entry)).collect();
        let now = Instant::now();
        for entry in &entries {
            let metrics = &entry.model.metrics;
            count_removal(metrics, entry);
            for waiter in self.requests.get(&entry.key).into_iter().flat_map(|requests| &requests.waiters) {
                metrics.queue_seconds.observe((now - waiter.since).as_secs_f64());
            }
        }
        let tokens = entries.iter().map(|entry| entry.text.tokens).sum();
        // All of one model, as the order has chosen them.
        let model = Arc::clone(&entries[0].model);
        Batch { model, tokens, keys: entries.into_iter().map(|entry| entry.key).collect() }
    }
}

fn count_removal(metrics: &ModelMetrics, entry: &Entry) {
    metrics.queue_texts.dec();
    metrics.queue_tokens.sub(entry.text.tokens as i64);
}
