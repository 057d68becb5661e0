//! The encodings that wait, each once, and everyone who waits for them.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use tokio::sync::oneshot;

use super::fair_queue::{FairQueue, Lane, QueuedText};
use super::key::EncodingKey;
use super::work::{Failure, Reply};
use crate::metrics::ModelMetrics;

/// Abandoned encodings never get into a batch. They leave the queue after at most this time and one batch.
const SWEEP_INTERVAL: Duration = Duration::from_millis(100);

/// The queue of all models.
pub(super) struct Queue {
    order: FairQueue,
    entries: Vec<Entry>,
    /// Who waits for an encoding, from the arrival of the first request with it to the end of its batch.
    requests: HashMap<EncodingKey, Requests>,
    last_sweep: Instant,
    /// By model.
    metrics: Vec<ModelMetrics>,
}

struct Entry {
    key: EncodingKey,
    text: QueuedText,
}

/// The requests for one encoding.
struct Requests {
    /// The most urgent of theirs.
    lane: Lane,
    waiters: Vec<Waiter>,
}

/// One request that waits for an encoding.
pub(super) struct Waiter {
    pub(super) reply: oneshot::Sender<Reply>,
    pub(super) since: Instant,
    pub(super) deadline: Instant,
}

/// Encodings that are computed together.
pub(super) struct Batch {
    pub(super) model: usize,
    pub(super) keys: Vec<EncodingKey>,
    pub(super) tokens: usize,
}

impl Waiter {
    fn still_waits(&self, now: Instant) -> bool {
        !self.reply.is_closed() && self.deadline > now
    }
}

impl Queue {
    pub(super) fn new(metrics: Vec<ModelMetrics>) -> Self {
        Self {
            order: FairQueue::default(),
            entries: Vec::new(),
            requests: HashMap::new(),
            last_sweep: Instant::now(),
            metrics,
        }
    }

    /// Tokens that wait.
    pub(super) fn tokens(&self) -> usize {
        self.entries.iter().map(|entry| entry.text.tokens).sum()
    }

    /// Model and tokens of each encoding that is computed before one with this lane and finish time.
    pub(super) fn before(&self, lane: Lane, finish: u64) -> impl Iterator<Item = (usize, usize)> {
        let texts = self.entries.iter().map(|entry| entry.text);
        texts.filter(move |text| (text.lane, text.finish) <= (lane, finish)).map(|text| (text.model, text.tokens))
    }

    /// Whether a request for this encoding waits, so that another one is free.
    pub(super) fn contains(&self, key: &EncodingKey) -> bool {
        self.requests.contains_key(key)
    }

    /// The virtual finish times of a new request's encodings of these lengths.
    pub(super) fn finish_times(&self, lane: Lane, lengths: &[usize]) -> Vec<u64> {
        self.order.finish_times(lane, lengths.iter().copied()).collect()
    }

    /// Adds an encoding that is not in the queue.
    pub(super) fn push(&mut self, key: EncodingKey, lane: Lane, finish: u64, waiter: Waiter) {
        let (model, tokens) = (key.model, key.tokens());
        self.metrics[model].queue_texts.inc();
        self.metrics[model].queue_tokens.add(tokens as i64);
        self.entries.push(Entry { text: QueuedText { lane, finish, tokens, model }, key: key.clone() });
        self.requests.insert(key, Requests { lane, waiters: vec![waiter] });
    }

    /// Lets another request wait for an encoding that [is there](Self::contains). If the request is more urgent than the
    /// others, the encoding moves to its lane.
    pub(super) fn join(&mut self, key: &EncodingKey, lane: Lane, waiter: Waiter) {
        let Some(requests) = self.requests.get_mut(key) else { return };
        self.metrics[key.model].shared.inc();
        requests.waiters.push(waiter);
        if lane < requests.lane {
            requests.lane = lane;
            let finish = self.order.finish_times(lane, [key.tokens()]).next();
            // The encoding may be in a batch already.
            let entry = self.entries.iter_mut().find(|entry| entry.key == *key);
            if let (Some(entry), Some(finish)) = (entry, finish) {
                entry.text = QueuedText { lane, finish, ..entry.text };
            }
        }
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
            if chosen.iter().all(|&entry| self.is_wanted(entry)) {
                return (!chosen.is_empty()).then(|| self.take(chosen));
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
        self.requests.clear();
    }

    fn is_wanted(&self, entry: usize) -> bool {
        let now = Instant::now();
        let requests = self.requests.get(&self.entries[entry].key);
        requests.is_some_and(|requests| requests.waiters.iter().any(|waiter| waiter.still_waits(now)))
    }

    /// Drops requests whose client has disconnected or whose deadline has passed, and encodings without requests.
    fn drop_abandoned(&mut self) {
        let Self { entries, requests, metrics, .. } = self;
        let now = Instant::now();
        self.last_sweep = now;
        entries.retain(|entry| {
            let metrics = &metrics[entry.key.model];
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
    }

    fn take(&mut self, mut chosen: Vec<usize>) -> Batch {
        // From the last one, so that `swap_remove` does not move one that is still to be removed.
        chosen.sort_unstable();
        let entries: Vec<Entry> = chosen.into_iter().rev().map(|entry| self.entries.swap_remove(entry)).collect();
        let now = Instant::now();
        for entry in &entries {
            let metrics = &self.metrics[entry.key.model];
            count_removal(metrics, entry);
            for waiter in self.requests.get(&entry.key).into_iter().flat_map(|requests| &requests.waiters) {
                metrics.queue_seconds.observe((now - waiter.since).as_secs_f64());
            }
        }
        let tokens = entries.iter().map(|entry| entry.text.tokens).sum();
        let model = entries[0].text.model;
        Batch { model, tokens, keys: entries.into_iter().map(|entry| entry.key).collect() }
    }
}

fn count_removal(metrics: &ModelMetrics, entry: &Entry) {
    metrics.queue_texts.dec();
    metrics.queue_tokens.sub(entry.text.tokens as i64);
}
