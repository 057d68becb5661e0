//! What the scheduler's callers and its workers share, behind one lock.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use tokio::sync::oneshot;

use super::admission::{Candidate, EngineState, admit};
use super::backend::Logits;
use super::cache::LogitsCache;
use super::key::EncodingKey;
use super::queue::{Batch, Queue, Waiter};
use super::throughput::Throughput;
use super::work::{Computed, EncodingOutput, Failure, Pending, Refusal, SchedulerLimits, Work};

pub(super) struct Shared {
    pub(super) limits: SchedulerLimits,
    /// The most tokens of a worker's batch, unless a single text is longer.
    batch_tokens: usize,
    state: Mutex<State>,
    /// Wakes workers.
    work_arrived: Condvar,
}

/// Batches of several workers are smaller than that of one, so that they take as long; but not smaller than this.
const LEAST_BATCH_TOKENS: usize = 128;

struct State {
    queue: Queue,
    cache: LogitsCache,
    /// By the index of the model: its successor is as fast, until it is measured.
    throughputs: Vec<Throughput>,
    /// By worker: the batch that it computes.
    running: Vec<Option<Running>>,
    /// Batches that were computed.
    batches: u64,
    /// Workers whose threads have not ended.
    workers: usize,
    closing: bool,
    dead: bool,
}

/// A batch that is being computed.
#[derive(Debug, Clone, Copy)]
struct Running {
    /// Index of the model.
    model: usize,
    tokens: usize,
    /// Batches that were being computed when it began, this one included.
    together: usize,
}

impl State {
    /// How many batches are being computed.
    fn together(&self) -> usize {
        self.running.iter().flatten().count()
    }
}

impl Shared {
    pub(super) fn new(models: usize, limits: SchedulerLimits, workers: usize) -> Self {
        let state = State {
            queue: Queue::new(),
            cache: LogitsCache::new(limits.cache_entries),
            throughputs: vec![Throughput::default(); models],
            running: vec![None; workers],
            batches: 0,
            workers,
            closing: false,
            dead: false,
        };
        let least = LEAST_BATCH_TOKENS.min(limits.max_batch_tokens);
        let batch_tokens = (limits.max_batch_tokens / workers).max(least);
        Self { limits, batch_tokens, state: Mutex::new(state), work_arrived: Condvar::new() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Accepts a request, or refuses it. To be followed by [`wake_one`](Self::wake_one).
    pub(super) fn submit(&self, work: Work) -> Result<Vec<Pending>, Refusal> {
        let Work { model, encodings, lane, deadline, flow, is_cached } = work;
        let keys: Vec<EncodingKey> =
            encodings.into_iter().map(|encoding| EncodingKey::new(model.id, encoding)).collect();
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
            let candidate =
                Candidate { lane, model: model.id.index, tokens, places: of_last, time_left: deadline - now };
            let engine = EngineState {
                running: state.running.iter().flatten().map(|batch| (batch.model, batch.tokens)).collect(),
                workers: state.running.len(),
                batch_tokens: self.batch_tokens,
                throughputs: &state.throughputs,
            };
            admit(candidate, &state.queue, self.limits.max_queue_tokens, &engine)?;
            flow.advance_to(of_last);
        }

        let metrics = &model.metrics;
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
                metrics.shared.inc();
                state.queue.join(&key, lane, last, waiter);
            } else {
                let places = places.next().expect("each new encoding has a place");
                state.queue.push(&model, key, (lane, places), waiter);
            }
            pending.push(Pending::Queued(receiver));
        }
        Ok(pending)
    }

    /// Wakes a worker, which wakes another if it leaves work. Called without the lock, so that it does not wake up to wait for
    /// it.
    pub(super) fn wake_one(&self) {
        self.work_arrived.notify_one();
    }

    /// Waits for work. `None` means that the scheduler is closing and the queue is empty.
    pub(super) fn next_batch(&self, worker: usize) -> Option<Batch> {
        let mut state = self.state();
        loop {
            if let Some(batch) = state.queue.next_batch(self.batch_tokens) {
                let together = state.together() + 1;
                state.running[worker] = Some(Running { model: batch.model.id.index, tokens: batch.tokens, together });
                let leaves_work = state.queue.tokens() > 0;
                drop(state);
                if leaves_work {
                    self.wake_one();
                }
                return Some(batch);
            }
            if state.closing {
                return None;
            }
            state = self.work_arrived.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Sends the results of a batch to everyone who waits for them.
    pub(super) fn finish(&self, worker: usize, batch: Batch, outcomes: Vec<Result<Logits, Failure>>, started: Instant) {
        assert_eq!(batch.keys.len(), outcomes.len(), "the backend must return one outcome per encoding");
        let metrics = &batch.model.metrics;
        let ended = Instant::now();
        metrics.inference_seconds.observe((ended - started).as_secs_f64());
        metrics.batch_texts.observe(batch.keys.len() as f64);
        metrics.batch_tokens.observe(batch.tokens as f64);

        for (waiter, reply) in self.complete(worker, batch, outcomes, [started, ended]) {
            // Ignore send errors: the client disconnected.
            waiter.reply.send(reply).ok();
        }
    }

    /// Takes a batch from the queue, and remembers its results. Returns who waits for each, to be answered without the lock:
    /// those who are woken may need it for their next text.
    fn complete(
        &self,
        worker: usize,
        batch: Batch,
        outcomes: Vec<Result<Logits, Failure>>,
        [started, ended]: [Instant; 2],
    ) -> Vec<(Waiter, Result<EncodingOutput, Failure>)> {
        let state = &mut *self.state();
        let together = state.together();
        let at_first = state.running[worker].take().map_or(1, |running| running.together);
        // Batches that are computed at the same time share the threads. What is learned is how fast all threads are.
        let share = 2.0 / (at_first + together.max(1)) as f64;
        state.throughputs[batch.model.id.index].record(batch.tokens, (ended - started).as_secs_f64() * share);
        state.batches += 1;
        let texts = batch.keys.len();
        let computed = Computed { batch: state.batches, started, ended, texts, tokens: batch.tokens };
        let mut answers = Vec::with_capacity(texts);
        for (key, outcome) in batch.keys.into_iter().zip(outcomes) {
            let waiters = state.queue.complete(&key);
            // Also if all have left: they were other texts, as a rule, and may come again.
            let is_cached = waiters.is_empty() || waiters.iter().any(|waiter| waiter.is_cached);
            if let Some(logits) = outcome.as_ref().ok().filter(|_| is_cached) {
                state.cache.insert(key, logits);
            }
            let reply = outcome.map(|logits| EncodingOutput { logits, computed: Some(computed) });
            answers.extend(waiters.into_iter().map(|waiter| (waiter, reply.clone())));
        }
        answers
    }

    /// Tells the workers to end once the queue is empty.
    pub(super) fn close(&self) {
        self.state().closing = true;
        self.work_arrived.notify_all();
    }

    /// The thread of a worker ends. Returns whether it was the last one.
    pub(super) fn worker_ends(&self) -> bool {
        let mut state = self.state();
        state.workers -= 1;
        state.workers == 0
    }

    /// A worker has died: everyone who waits gets [`Failure::Stopped`].
    pub(super) fn mark_dead(&self) {
        let mut state = self.state();
        state.dead = true;
        state.queue.clear();
    }
}
