//! A pool of threads that shares out the tasks of one job at a time.
//!
//! A pass through the encoder is a hundred jobs, the short ones of a few microseconds, so handing one out has to cost
//! less than one. A job is published in one atomic word:
//!
//! ```text
//! claims = epoch of the job (32 bits) | number of its tasks (16) | next task (16)
//! ```
//!
//! Whoever has time claims the next task by a compare-and-swap of that word; the caller takes part. A member that the
//! system holds up delays the task that it has and no other, and one that comes late finds nothing left to claim. The
//! job is done when the count of unfinished tasks is zero.
//!
//! Who has nothing to do spins for [`SPIN`], gives way until [`YIELD`], and then sleeps. An idle pool uses no CPU.
#![expect(unsafe_code, reason = "a job borrows from its caller's stack, which outlives it but not by the type system")]

use std::any::Any;
use std::num::NonZeroUsize;
use std::panic::{self, AssertUnwindSafe};
use std::sync::atomic::{AtomicBool, AtomicPtr, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};
use std::{hint, io, ptr};

use thiserror::Error;

/// Time that a member spins. The gap between two jobs of a pass is under a microsecond; 20 cover a caller that was
/// interrupted.
const SPIN: Duration = Duration::from_micros(20);
/// Time after which a member sleeps. In between it offers its core to whoever else can run.
const YIELD: Duration = Duration::from_micros(100);
/// Most tasks of a job; more are several jobs.
const MAX_TASKS: usize = u16::MAX as usize;

/// The system did not give as many threads as were asked for.
#[derive(Debug, Error)]
#[error("cannot start {threads} compute threads")]
pub struct ThreadPoolError {
    threads: NonZeroUsize,
    source: io::Error,
}

/// Threads that compute together.
#[derive(Debug)]
pub struct ThreadPool {
    shared: Arc<Shared>,
    workers: Vec<JoinHandle<()>>,
    /// Held by the caller whose job runs.
    turn: Mutex<()>,
}

/// What a task of a job does, given the member that runs it and its number.
type Body<'a> = &'a (dyn Fn(usize, usize) + Sync);

#[derive(Debug, Default)]
struct Shared {
    claims: Apart<AtomicU64>,
    unfinished: Apart<AtomicUsize>,
    /// The body of the job, on its caller's stack.
    job: AtomicPtr<Body<'static>>,
    panic: Mutex<Option<Box<dyn Any + Send>>>,
    sleep: Mutex<()>,
    sleepers: AtomicUsize,
    published: Condvar,
    caller_sleeps: AtomicBool,
    finished: Condvar,
    closing: AtomicBool,
}

/// Alone on its cache lines (two: they are fetched in pairs), so that those who spin on it disturb nobody else.
#[derive(Debug, Default)]
#[repr(align(128))]
struct Apart<T>(T);

/// The word that publishes a job.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Claims(u64);

impl Claims {
    fn job(epoch: u32, tasks: usize) -> Self {
        Self(u64::from(epoch) << 32 | (tasks as u64) << 16)
    }

    fn epoch(self) -> u32 {
        (self.0 >> 32) as u32
    }

    /// The task that is next, if one is left.
    fn next(self) -> Option<usize> {
        let (tasks, next) = (self.0 >> 16 & 0xffff, self.0 & 0xffff);
        (next < tasks).then_some(next as usize)
    }
}

impl ThreadPool {
    /// A pool of `threads` workers: the caller of [`ThreadPool::run`] is one of them, the others are started here.
    ///
    /// Without a number: as many as the process may use at a time by its affinity and by the CPU quota of its cgroup
    /// (v1 or v2), both of which [`thread::available_parallelism`] honours.
    ///
    /// # Errors
    /// [`ThreadPoolError`] when the system gives no more threads.
    pub fn new(threads: Option<NonZeroUsize>) -> Result<Self, ThreadPoolError> {
        let threads = threads.or_else(|| thread::available_parallelism().ok()).unwrap_or(NonZeroUsize::MIN);
        let mut pool = Self { shared: Arc::default(), workers: Vec::new(), turn: Mutex::new(()) };
        for member in 1..threads.get() {
            let shared = Arc::clone(&pool.shared);
            let worker = thread::Builder::new()
                .name(format!("compute-{member}"))
                .spawn(move || shared.serve(member))
                .map_err(|source| ThreadPoolError { threads, source })?;
            pool.workers.push(worker);
        }
        tracing::debug!(threads, "compute threads");
        Ok(pool)
    }

    /// Number of members.
    pub fn threads(&self) -> usize {
        self.workers.len() + 1
    }

    /// Calls `body(member, task)` once for each task in `0..tasks`, on all members, and returns when all are done.
    /// No two calls at a time have the same `member`, which is below [`ThreadPool::threads`].
    ///
    /// # Panics
    /// With the panic of a task, after the others that were offered with it are done. A task must not run a job of the
    /// same pool.
    pub fn run(&self, tasks: usize, body: impl Fn(usize, usize) + Sync) {
        let turn = lock(&self.turn);
        if self.workers.is_empty() || tasks <= 1 {
            return (0..tasks).for_each(|task| body(0, task));
        }
        for first in (0..tasks).step_by(MAX_TASKS) {
            self.offer(MAX_TASKS.min(tasks - first), &|member, task| body(member, first + task));
        }
        drop(turn);
    }

    /// One job. Only the holder of the turn may call this.
    fn offer(&self, tasks: usize, job: Body<'_>) {
        self.shared.publish(&job, tasks);
        self.shared.work(0);
        self.shared.await_the_others();
        if let Some(payload) = lock(&self.shared.panic).take() {
            panic::resume_unwind(payload);
        }
    }
}

impl Drop for ThreadPool {
    fn drop(&mut self) {
        self.shared.closing.store(true, Ordering::SeqCst);
        self.shared.wake();
        for worker in self.workers.drain(..) {
            // Workers catch the panics of tasks, so there is none to pass on.
            let _ = worker.join();
        }
    }
}

impl Shared {
    /// Offers a job. Only the holder of the turn may call this, and it must not let go of `job` before
    /// [`Shared::await_the_others`] returned.
    fn publish(&self, job: &Body<'_>, tasks: usize) {
        let epoch = Claims(self.claims.0.load(Ordering::Relaxed)).epoch().wrapping_add(1);
        self.unfinished.0.store(tasks, Ordering::Relaxed);
        self.job.store(ptr::from_ref(job).cast_mut().cast(), Ordering::Relaxed);
        self.claims.0.store(Claims::job(epoch, tasks).0, Ordering::SeqCst);
        if self.sleepers.load(Ordering::SeqCst) > 0 {
            self.wake();
        }
    }

    /// Claims tasks and runs them until none is left.
    fn work(&self, member: usize) {
        let mut claims = self.claims.0.load(Ordering::Acquire);
        while let Some(task) = Claims(claims).next() {
            let job = self.job.load(Ordering::Relaxed);
            match self.claims.0.compare_exchange_weak(claims, claims + 1, Ordering::AcqRel, Ordering::Acquire) {
                Ok(_) => claims += 1,
                Err(now) => {
                    claims = now;
                    continue;
                }
            }
            // SAFETY: `claims` did not change between its load and the exchange, so when `job` was read, this task
            // of its epoch was not finished; the caller publishes no other job, and keeps this one alive on its
            // stack, until all tasks are finished, this one included.
            let body = unsafe { *job };
            if let Err(payload) = panic::catch_unwind(AssertUnwindSafe(|| body(member, task))) {
                lock(&self.panic).get_or_insert(payload);
            }
            if self.unfinished.0.fetch_sub(1, Ordering::SeqCst) == 1 && self.caller_sleeps.load(Ordering::SeqCst) {
                let _sleep = lock(&self.sleep);
                self.finished.notify_one();
            }
        }
    }

    /// A worker's life.
    fn serve(&self, member: usize) {
        let has_work = || Claims(self.claims.0.load(Ordering::SeqCst)).next().is_some();
        let wanted = || has_work() || self.closing.load(Ordering::SeqCst);
        while !self.closing.load(Ordering::SeqCst) {
            self.work(member);
            if !wait_awake_for(wanted) {
                let mut sleep = lock(&self.sleep);
                self.sleepers.fetch_add(1, Ordering::SeqCst);
                while !wanted() {
                    sleep = self.published.wait(sleep).unwrap_or_else(PoisonError::into_inner);
                }
                self.sleepers.fetch_sub(1, Ordering::SeqCst);
            }
        }
    }

    fn wake(&self) {
        let _sleep = lock(&self.sleep);
        self.published.notify_all();
    }

    fn await_the_others(&self) {
        let is_finished = || self.unfinished.0.load(Ordering::SeqCst) == 0;
        if !wait_awake_for(is_finished) {
            let mut sleep = lock(&self.sleep);
            self.caller_sleeps.store(true, Ordering::SeqCst);
            while !is_finished() {
                sleep = self.finished.wait(sleep).unwrap_or_else(PoisonError::into_inner);
            }
            self.caller_sleeps.store(false, Ordering::SeqCst);
        }
    }
}

/// Whether `condition` came true before it was time to sleep.
fn wait_awake_for(condition: impl Fn() -> bool) -> bool {
    let start = Instant::now();
    loop {
        for _ in 0..16 {
            if condition() {
                return true;
            }
            hint::spin_loop();
        }
        match start.elapsed() {
            waited if waited < SPIN => (),
            waited if waited < YIELD => thread::yield_now(),
            _ => return false,
        }
    }
}

/// What these locks guard is whole even after a panic.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    fn pool(threads: usize) -> ThreadPool {
        ThreadPool::new(NonZeroUsize::new(threads)).unwrap()
    }

    #[test]
    fn every_task_runs_once_in_every_job() {
        for threads in [1, 2, 3, 7] {
            let pool = pool(threads);
            for tasks in (0..40).chain([1000, MAX_TASKS, 2 * MAX_TASKS + 3]) {
                let runs: Vec<AtomicUsize> = (0..tasks).map(|_| AtomicUsize::new(0)).collect();
                pool.run(tasks, |member, task| {
                    assert!(member < threads);
                    runs[task].fetch_add(1, Ordering::Relaxed);
                });
                assert!(runs.iter().all(|runs| runs.load(Ordering::Relaxed) == 1), "{threads} threads, {tasks} tasks");
            }
        }
    }

    #[test]
    fn many_short_jobs_in_a_row_lose_no_task() {
        let pool = pool(4);
        let sum = AtomicUsize::new(0);
        for job in 0..20_000 {
            pool.run(1 + job % 5, |_, task| {
                sum.fetch_add(task + 1, Ordering::Relaxed);
            });
        }
        assert_eq!(sum.into_inner(), 20_000 / 5 * (1 + 3 + 6 + 10 + 15));
    }

    #[test]
    fn a_member_runs_one_task_at_a_time() {
        let pool = pool(4);
        let busy: Vec<AtomicBool> = (0..4).map(|_| AtomicBool::new(false)).collect();
        pool.run(400, |member, _| {
            assert!(!busy[member].swap(true, Ordering::SeqCst));
            thread::yield_now();
            busy[member].store(false, Ordering::SeqCst);
        });
    }

    #[test]
    fn a_panic_reaches_the_caller_and_the_team_goes_on() {
        let pool = pool(3);
        for _ in 0..20 {
            let done = AtomicUsize::new(0);
            let result = panic::catch_unwind(AssertUnwindSafe(|| {
                pool.run(10, |_, task| {
                    assert_ne!(task, 4, "task four");
                    done.fetch_add(1, Ordering::Relaxed);
                });
            }));
            assert!(result.is_err());
            assert_eq!(done.into_inner(), 9);
        }
        let members = Mutex::new(HashSet::new());
        pool.run(100, |member, _| {
            members.lock().unwrap().insert(member);
        });
        assert!(!members.into_inner().unwrap().is_empty());
    }

    #[test]
    fn callers_take_turns() {
        let pool = pool(2);
        let inside = AtomicUsize::new(0);
        thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..500 {
                        let job = Mutex::new(0);
                        pool.run(2, |_, _| {
                            assert!(inside.fetch_add(1, Ordering::SeqCst) < 2, "tasks of two jobs at a time");
                            *job.lock().unwrap() += 1;
                            inside.fetch_sub(1, Ordering::SeqCst);
                        });
                        assert_eq!(job.into_inner().unwrap(), 2);
                    }
                });
            }
        });
    }

    #[test]
    fn a_team_that_slept_wakes_up() {
        let pool = pool(3);
        for _ in 0..5 {
            let asleep = (0..10_000).any(|_| {
                thread::sleep(YIELD);
                pool.shared.sleepers.load(Ordering::SeqCst) == 2
            });
            assert!(asleep, "an idle pool sleeps");
            let tasks = AtomicUsize::new(0);
            pool.run(8, |_, _| {
                tasks.fetch_add(1, Ordering::Relaxed);
            });
            assert_eq!(tasks.into_inner(), 8);
        }
    }
}
