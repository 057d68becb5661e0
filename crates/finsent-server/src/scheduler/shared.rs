//! What the scheduler's callers and its engine thread share, behind one lock.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use tokio::sync::oneshot;

use super::admission::{Candidate, admit};
use super::backend::{BackendModel, Logits};
use super::cache::LogitsCache;
use super::key::EncodingKey;
use super::queue::{Batch, Queue, Waiter};
use super::throughput::Throughput;
use super::work::{EncodingOutput, Failure, Pending, Refusal, SchedulerLimits, Work};

pub(super) struct Shared {
    pub(super) models: Vec<BackendModel>,
    pub(super) limits: SchedulerLimits,
    state: Mutex<State>,
    /// Wakes the engine thread.
    work_arrived: Condvar,
}

struct State {
    queue: Queue,
    cache: LogitsCache,
    /// By model.
    throughputs: Vec<Throughput>,
    /// Model and tokens of the batch that is being computed.
    running: Option<(usize, usize)>,
    closing: bool,
    dead: bool,
}

impl Shared {
    pub(super) fn new(models: Vec<BackendModel>, limits: SchedulerLimits) -> Self {
        let state = State {
            queue: Queue::new(models.iter().map(|model| model.metrics.clone()).collect()),
            cache: LogitsCache::new(limits.cache_entries),
            throughputs: models.iter().map(|_| Throughput::default()).collect(),
            running: None,
            closing: false,
            dead: false,
        };
        Self { models, limits, state: Mutex::new(state), work_arrived: Condvar::new() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Accepts a request, or refuses it. To be followed by [`wake`](Self::wake).
    pub(super) fn submit(&self, work: Work) -> Result<Vec<Pending>, Refusal> {
        let Work { model, encodings, lane, deadline, flow, is_cached } = work;
        let keys: Vec<EncodingKey> = encodings.into_iter().map(|encoding| EncodingKey::new(model, encoding)).collect();
        let now = Instant::now();
        let state = &mut *self.state();
        if state.dead {
            return Err(Refusal::Stopped);
        }
        let cached: Vec<Option<Logits>> = keys.iter().map(|key| state.cache.get(key)).collect();
        let is_new = |(key, cached): &(&EncodingKey, &Option<Logits>)| cached.is_none() && !state.queue.contains(key);
        let new_lengths: Vec<usize> = keys.iter().zip(&cached).filter(is_new).map(|(key, _)| key.tokens()).collect();
        let last = flow.last();
        let places = state.queue.places(last, &new_lengths);
        if let Some(&of_last) = places.last() {
            let tokens = new_lengths.iter().sum();
            let candidate = Candidate { lane, model, tokens, places: of_last, time_left: deadline - now };
            admit(candidate, &state.queue, self.limits.max_queue_tokens, state.running, &state.throughputs)?;
            flow.advance_to(of_last);
        }

        let metrics = &self.models[model].metrics;
        let mut places = places.into_iter();
        let mut pending = Vec::with_capacity(keys.len());
        for (key, cached) in keys.into_iter().zip(cached) {
            if let Some(logits) = cached {
                metrics.cache_hits.inc_by(u64::from(is_cached));
                pending.push(Pending::Ready(EncodingOutput { logits, computed: None }));
                continue;
            }
            metrics.cache_misses.inc_by(u64::from(is_cached && state.cache.is_enabled()));
            let (reply, receiver) = oneshot::channel();
            let waiter = Waiter { reply, since: now, deadline, is_cached };
            // An encoding that is twice in one request is new once.
            if state.queue.contains(&key) {
                state.queue.join(&key, lane, last, waiter);
            } else {
                let places = places.next().expect("each new encoding has a place");
                state.queue.push(key, lane, places, waiter);
            }
            pending.push(Pending::Queued(receiver));
        }
        Ok(pending)
    }

    /// Wakes the engine thread; called without the lock, so that it does not wake up to wait for it.
    pub(super) fn wake(&self) {
        self.work_arrived.notify_one();
    }

    /// Waits for work. `None` means that the scheduler is closing and the queue is empty.
    pub(super) fn next_batch(&self) -> Option<Batch> {
        let mut state = self.state();
        loop {
            if let Some(batch) = state.queue.next_batch(self.limits.max_batch_tokens) {
                state.running = Some((batch.model, batch.tokens));
                return Some(batch);
            }
            if state.closing {
                return None;
            }
            state = self.work_arrived.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Sends the results of a batch to everyone who waits for them.
    pub(super) fn finish(&self, batch: Batch, outcomes: Vec<Result<Logits, Failure>>, started: Instant) {
        assert_eq!(batch.keys.len(), outcomes.len(), "the backend must return one outcome per encoding");
        let metrics = &self.models[batch.model].metrics;
        let ended = Instant::now();
        let seconds = (ended - started).as_secs_f64();
        metrics.inference_seconds.observe(seconds);
        metrics.batch_texts.observe(batch.keys.len() as f64);
        metrics.batch_tokens.observe(batch.tokens as f64);

        let state = &mut *self.state();
        state.running = None;
        state.throughputs[batch.model].record(batch.tokens, seconds);
        for (key, outcome) in batch.keys.into_iter().zip(outcomes) {
            let waiters = state.queue.complete(&key);
            // Also if all have left: they were other texts, as a rule, and may come again.
            let is_cached = waiters.is_empty() || waiters.iter().any(|waiter| waiter.is_cached);
            if let Some(logits) = outcome.as_ref().ok().filter(|_| is_cached) {
                state.cache.insert(key, logits);
            }
            let reply = outcome.map(|logits| EncodingOutput { logits, computed: Some((started, ended)) });
            for waiter in waiters {
                // Ignore send errors: the client disconnected.
                waiter.reply.send(reply.clone()).ok();
            }
        }
    }

    /// Tells the engine thread to end once the queue is empty.
    pub(super) fn close(&self) {
        self.state().closing = true;
        self.wake();
    }

    /// The engine thread has died: everyone who waits gets [`Failure::Stopped`].
    pub(super) fn mark_dead(&self) {
        let mut state = self.state();
        state.dead = true;
        state.queue.clear();
    }
}
