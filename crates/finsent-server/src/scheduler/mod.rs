//! When each text is computed: requests are admitted, their texts wait, passes are formed when the engine is idle.
//!
//! One thread, the engine's, takes passes and computes them; how a pass is chosen is in `policy`. Identical texts that
//! wait at a time are computed once, and a bounded cache answers those that come again. A text that nobody waits for any
//! more, because its client has left or its deadline has passed, is dropped before it is computed.

mod cache;
mod engine;
mod policy;
mod speed;

use std::collections::HashMap;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use finsent_model::{ClassifyError, Encoding, Pipeline};
use thiserror::Error;
use tokio::sync::{oneshot, watch};

use self::cache::{Cache, Key};
use self::policy::{FairQueue, Waiting};
use self::speed::Speed;
use crate::metrics::ModelMetrics;

pub(crate) use policy::Lane;

/// A number a label, as the encoder gave them.
pub(crate) type Logits = Arc<[f32]>;

/// What computes.
pub trait Engine: Send + Sync {
    /// The logits of each encoding, in the order given.
    fn logits(&self, encodings: &[&Encoding]) -> Vec<Result<Vec<f32>, ClassifyError>>;
}

impl Engine for Pipeline {
    fn logits(&self, encodings: &[&Encoding]) -> Vec<Result<Vec<f32>, ClassifyError>> {
        Pipeline::logits(self, encodings)
    }
}

/// A model that is computed with, and where its figures go.
pub struct EngineModel {
    pub engine: Arc<dyn Engine>,
    pub metrics: ModelMetrics,
}

/// How much is taken on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SchedulerLimits {
    /// Tokens of one pass.
    pub max_batch_tokens: usize,
    /// Tokens that may wait.
    pub max_queue_tokens: usize,
    /// Answers that are remembered; 0 turns the cache off.
    pub cache_entries: usize,
}

/// The texts of one request.
#[derive(Debug)]
pub struct Work {
    /// Number of the model.
    pub model: usize,
    pub encodings: Vec<Arc<Encoding>>,
    pub lane: Lane,
    /// When its answer is of no use any more.
    pub deadline: Instant,
}

/// Why a request is not taken on.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Refusal {
    /// As much waits already as may, or as can be computed before the request's deadline.
    #[error("too much is waiting already")]
    Full {
        /// When it is worth asking again.
        retry_after: Duration,
    },
    /// The request would never be taken on.
    #[error("the request has {tokens} tokens; at most {limit} may wait at a time, so send its texts in parts")]
    TooLarge {
        /// Its tokens.
        tokens: usize,
        /// The limit.
        limit: usize,
    },
    /// The engine has stopped.
    #[error("the engine has stopped")]
    Stopped,
}

/// Why a text that was taken on has no answer.
#[derive(Debug, Clone, Error)]
pub enum Failure {
    /// Nobody can use the answer any more.
    #[error("the deadline has passed")]
    DeadlinePassed,
    /// The encoder gave no answer.
    #[error(transparent)]
    Compute(Arc<ClassifyError>),
    /// A panic, which is a bug.
    #[error("computing it failed unexpectedly")]
    Panicked,
    /// The engine has stopped.
    #[error("the engine has stopped")]
    Stopped,
}

/// What became of one text.
#[derive(Debug, Clone)]
pub struct PassResult {
    pub logits: Logits,
    /// When its pass began and ended; `None` when the cache had the answer.
    pub computed: Option<(Instant, Instant)>,
}

type Reply = Result<PassResult, Failure>;

/// An answer that is there or will be. Who drops it has left.
#[derive(Debug)]
pub enum Pending {
    Here(PassResult),
    Awaited(oneshot::Receiver<Reply>),
}

impl Pending {
    /// Waits for the answer.
    ///
    /// # Errors
    /// [`Failure`] when there will be none.
    pub async fn answer(self) -> Reply {
        match self {
            Self::Here(answer) => Ok(answer),
            Self::Awaited(reply) => reply.await.unwrap_or(Err(Failure::Stopped)),
        }
    }

    /// The same where there is no runtime: the thread waits.
    ///
    /// # Errors
    /// [`Failure`] when there will be no answer.
    pub fn wait(self) -> Reply {
        match self {
            Self::Here(answer) => Ok(answer),
            Self::Awaited(reply) => reply.blocking_recv().unwrap_or(Err(Failure::Stopped)),
        }
    }
}

/// Takes requests on and has them computed. Dropping it ends the engine's thread when all that waits is done.
pub struct Scheduler {
    shared: Arc<Shared>,
    dead: watch::Receiver<bool>,
    engine: Option<JoinHandle<()>>,
}

struct Shared {
    models: Vec<EngineModel>,
    limits: SchedulerLimits,
    state: Mutex<State>,
    arrived: Condvar,
}

struct State {
    account: FairQueue,
    queue: Vec<Task>,
    /// By text, those who wait for it, from its request's arrival to the end of its pass.
    wanted: HashMap<Key, Wanted>,
    cache: Cache,
    /// By model.
    speeds: Vec<Speed>,
    /// When the queue was last looked through for texts that nobody wants.
    looked_through: Instant,
    /// Model and tokens of the pass that is being computed.
    in_pass: Option<(usize, usize)>,
    closing: bool,
    dead: bool,
}

/// A text that waits for its pass.
struct Task {
    key: Key,
    waiting: Waiting,
}

struct Wanted {
    lane: Lane,
    waiters: Vec<Waiter>,
}

struct Waiter {
    reply: oneshot::Sender<Reply>,
    since: Instant,
    deadline: Instant,
}

impl State {
    /// Whether anybody still waits for a text of the queue.
    fn is_wanted(&self, task: usize) -> bool {
        let now = Instant::now();
        let wanted = self.wanted.get(&self.queue[task].key);
        wanted.is_some_and(|wanted| wanted.waiters.iter().any(|waiter| waiter.waits(now)))
    }
}

impl Waiter {
    fn waits(&self, now: Instant) -> bool {
        !self.reply.is_closed() && self.deadline > now
    }
}

/// Texts that are computed together.
struct Pass {
    model: usize,
    keys: Vec<Key>,
    tokens: usize,
}

/// Texts that nobody wants do not get into a pass, and stay in the queue no longer than this and a pass.
const LOOK_THROUGH: Duration = Duration::from_millis(100);
/// Of the time until a request's deadline, the part that it may be expected to wait: an expectation errs.
const EXPECTED_PART_OF_DEADLINE: f64 = 0.75;

impl Scheduler {
    /// Starts the engine's thread over these models.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn start(models: Vec<EngineModel>, limits: SchedulerLimits) -> std::io::Result<Self> {
        let state = State {
            account: FairQueue::default(),
            queue: Vec::new(),
            wanted: HashMap::new(),
            cache: Cache::new(limits.cache_entries),
            speeds: models.iter().map(|_| Speed::default()).collect(),
            looked_through: Instant::now(),
            in_pass: None,
            closing: false,
            dead: false,
        };
        let shared = Arc::new(Shared { models, limits, state: Mutex::new(state), arrived: Condvar::new() });
        let (tell, dead) = watch::channel(false);
        let engine = engine::start(Arc::clone(&shared), tell)?;
        Ok(Self { shared, dead, engine: Some(engine) })
    }

    /// Takes a request on: an answer for each of its texts, in their order, will come.
    ///
    /// # Errors
    /// [`Refusal`], at once.
    pub fn submit(&self, work: Work) -> Result<Vec<Pending>, Refusal> {
        let pending = self.shared.submit(work)?;
        self.shared.arrived.notify_one();
        Ok(pending)
    }

    /// Tokens that may wait.
    pub fn max_queue_tokens(&self) -> usize {
        self.shared.limits.max_queue_tokens
    }

    /// Whether the engine lives.
    pub fn is_alive(&self) -> bool {
        !*self.dead.borrow()
    }

    /// Returns when the engine's thread has died.
    pub async fn died(&self) {
        let mut dead = self.dead.clone();
        // The sender lives as long as the thread, and its last word is that it died.
        dead.wait_for(|dead| *dead).await.map(drop).unwrap_or_default();
    }
}

impl Drop for Scheduler {
    fn drop(&mut self) {
        self.shared.state().closing = true;
        self.shared.arrived.notify_one();
        if let Some(engine) = self.engine.take() {
            // Its panic has been told when it happened.
            engine.join().unwrap_or_default();
        }
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn submit(&self, work: Work) -> Result<Vec<Pending>, Refusal> {
        let metrics = &self.models[work.model].metrics;
        let keys: Vec<Key> = work.encodings.into_iter().map(|encoding| Key::new(work.model, encoding)).collect();
        let now = Instant::now();
        let state = &mut *self.state();
        if state.dead {
            return Err(Refusal::Stopped);
        }
        let known: Vec<Option<Logits>> = keys.iter().map(|key| state.cache.answer(key)).collect();
        let is_new = |(key, known): (&Key, &Option<Logits>)| known.is_none() && !state.wanted.contains_key(key);
        let lengths = keys.iter().zip(&known).map(|(key, known)| (key.encoding().len(), is_new((key, known))));
        let new_lengths: Vec<usize> = lengths.filter(|&(_, is_new)| is_new).map(|(tokens, _)| tokens).collect();
        let turns: Vec<u64> = state.account.turns(work.lane, new_lengths.iter().copied()).collect();
        self.admit(state, work.lane, work.model, &new_lengths, turns.last().copied(), work.deadline - now)?;

        let mut turns = turns.into_iter();
        let mut pending = Vec::with_capacity(keys.len());
        for (key, known) in keys.into_iter().zip(known) {
            pending.push(match known {
                Some(logits) => {
                    metrics.cache_hits.inc();
                    Pending::Here(PassResult { logits, computed: None })
                }
                None => {
                    metrics.cache_misses.inc_by(u64::from(state.cache.is_on()));
                    let (reply, awaited) = oneshot::channel();
                    let waiter = Waiter { reply, since: now, deadline: work.deadline };
                    self.wait_for(state, key, work.lane, waiter, &mut turns);
                    Pending::Awaited(awaited)
                }
            });
        }
        Ok(pending)
    }

    /// Whether texts of these lengths, of which the last has `last_turn`, may wait too.
    fn admit(
        &self,
        state: &State,
        lane: Lane,
        model: usize,
        lengths: &[usize],
        last_turn: Option<u64>,
        time_left: Duration,
    ) -> Result<(), Refusal> {
        let Some(last_turn) = last_turn else { return Ok(()) };
        let tokens: usize = lengths.iter().sum();
        let limit = self.limits.max_queue_tokens;
        if tokens > limit {
            return Err(Refusal::TooLarge { tokens, limit });
        }
        let queued: usize = state.queue.iter().map(|task| task.waiting.tokens).sum();
        // What is in no hurry leaves half of the queue to what is; alone it may have all of it.
        let room = if lane == Lane::Bulk { (limit / 2).max(tokens) } else { limit };
        if queued + tokens > room {
            let seconds = state.speeds[model].seconds(queued + tokens - room);
            return Err(Refusal::Full { retry_after: Duration::from_secs_f64(seconds) });
        }
        let before = |task: &&Task| (task.waiting.lane, task.waiting.turn) <= (lane, last_turn);
        let ahead = state.queue.iter().filter(before).map(|task| (task.waiting.model, task.waiting.tokens));
        let seconds_ahead: f64 =
            ahead.chain(state.in_pass).map(|(model, tokens)| state.speeds[model].seconds(tokens)).sum();
        let expected = seconds_ahead + state.speeds[model].seconds(tokens);
        let allowed = EXPECTED_PART_OF_DEADLINE * time_left.as_secs_f64();
        // Where nothing is ahead, waiting would not help.
        if seconds_ahead > 0.0 && expected > allowed {
            return Err(Refusal::Full { retry_after: Duration::from_secs_f64(expected - allowed) });
        }
        Ok(())
    }

    /// Has `waiter` wait for a text, with those who do already, or as the first.
    fn wait_for(&self, state: &mut State, key: Key, lane: Lane, waiter: Waiter, turns: &mut impl Iterator<Item = u64>) {
        let metrics = &self.models[key.model].metrics;
        if let Some(wanted) = state.wanted.get_mut(&key) {
            metrics.shared.inc();
            wanted.waiters.push(waiter);
            if lane < wanted.lane {
                wanted.lane = lane;
                let turn = state.account.turns(lane, [key.encoding().len()]).next();
                let task = state.queue.iter_mut().find(|task| task.key == key);
                if let (Some(task), Some(turn)) = (task, turn) {
                    task.waiting = Waiting { lane, turn, ..task.waiting };
                }
            }
            return;
        }
        let turn = turns.next().expect("a turn for each new text");
        let tokens = key.encoding().len();
        metrics.queue_texts.inc();
        metrics.queue_tokens.add(tokens as i64);
        state.queue.push(Task { waiting: Waiting { lane, turn, tokens, model: key.model }, key: key.clone() });
        state.wanted.insert(key, Wanted { lane, waiters: vec![waiter] });
    }

    /// Waits for work. `None` when there will be no more.
    fn next_pass(&self) -> Option<Pass> {
        let mut state = self.state();
        loop {
            if state.looked_through.elapsed() > LOOK_THROUGH {
                self.drop_unwanted(&mut state);
            }
            let waiting: Vec<Waiting> = state.queue.iter().map(|task| task.waiting).collect();
            let account = state.account.clone();
            let chosen = state.account.next_pass(&waiting, self.limits.max_batch_tokens);
            if chosen.iter().any(|&task| !state.is_wanted(task)) {
                state.account = account;
                self.drop_unwanted(&mut state);
            } else if !chosen.is_empty() {
                return Some(self.take(&mut state, chosen));
            } else if state.closing {
                return None;
            } else {
                state = self.arrived.wait(state).unwrap_or_else(PoisonError::into_inner);
            }
        }
    }

    fn drop_unwanted(&self, state: &mut State) {
        let State { queue, wanted, looked_through, .. } = state;
        let now = Instant::now();
        *looked_through = now;
        queue.retain(|task| {
            let metrics = &self.models[task.key.model].metrics;
            let Some(of_task) = wanted.get_mut(&task.key) else { return false };
            let gone: Vec<Waiter> = of_task.waiters.extract_if(.., |waiter| !waiter.waits(now)).collect();
            let is_wanted = !of_task.waiters.is_empty();
            if !is_wanted {
                wanted.remove(&task.key);
                self.leave_queue(task);
            }
            for waiter in gone {
                let has_left = waiter.reply.is_closed();
                (if has_left { &metrics.dropped_client } else { &metrics.dropped_deadline }).inc();
                // Who has left does not mind.
                waiter.reply.send(Err(Failure::DeadlinePassed)).ok();
            }
            is_wanted
        });
    }

    fn take(&self, state: &mut State, mut chosen: Vec<usize>) -> Pass {
        chosen.sort_unstable();
        let tasks: Vec<Task> = chosen.into_iter().rev().map(|task| state.queue.swap_remove(task)).collect();
        let now = Instant::now();
        for task in &tasks {
            self.leave_queue(task);
            let metrics = &self.models[task.key.model].metrics;
            for waiter in state.wanted.get(&task.key).into_iter().flat_map(|wanted| &wanted.waiters) {
                metrics.queue_seconds.observe((now - waiter.since).as_secs_f64());
            }
        }
        let tokens = tasks.iter().map(|task| task.waiting.tokens).sum();
        let model = tasks[0].waiting.model;
        state.in_pass = Some((model, tokens));
        Pass { model, tokens, keys: tasks.into_iter().map(|task| task.key).collect() }
    }

    fn leave_queue(&self, task: &Task) {
        let metrics = &self.models[task.key.model].metrics;
        metrics.queue_texts.dec();
        metrics.queue_tokens.sub(task.waiting.tokens as i64);
    }

    /// Gives the outcomes of a pass to those who wait for them.
    fn finish(&self, pass: Pass, outcomes: Vec<Result<Logits, Failure>>, started: Instant) {
        assert_eq!(pass.keys.len(), outcomes.len(), "the engine gives an outcome for each text");
        let metrics = &self.models[pass.model].metrics;
        let ended = Instant::now();
        let seconds = (ended - started).as_secs_f64();
        metrics.inference_seconds.observe(seconds);
        metrics.batch_texts.observe(pass.keys.len() as f64);
        metrics.batch_tokens.observe(pass.tokens as f64);

        let state = &mut *self.state();
        state.in_pass = None;
        state.speeds[pass.model].learn(pass.tokens, seconds);
        for (key, outcome) in pass.keys.into_iter().zip(outcomes) {
            let wanted = state.wanted.remove(&key);
            if let Ok(logits) = &outcome {
                state.cache.remember(key, logits);
            }
            let reply = outcome.map(|logits| PassResult { logits, computed: Some((started, ended)) });
            for waiter in wanted.into_iter().flat_map(|wanted| wanted.waiters) {
                // Who has left does not mind.
                waiter.reply.send(reply.clone()).ok();
            }
        }
    }

    /// The engine has died: nobody waits any longer.
    fn mark_dead(&self) {
        let mut state = self.state();
        state.dead = true;
        state.queue.clear();
        state.wanted.clear();
    }
}

#[cfg(test)]
mod tests;
