//! Pools of threads that run the tasks of one job at a time, alone or sharing their threads.
//!
//! One pass through the encoder is about a hundred jobs, and the shortest take a few microseconds. Handing out a job
//! must therefore cost less than a microsecond. [`Protocol`] does it with one atomic word and explains how; `wait` says
//! how long an idle thread spins before it sleeps. An idle pool uses no CPU time.
//!
//! Passes that run at the same time have a pool each, and [`ComputeThreads`] divides the threads among them: [`Lanes`] has
//! a protocol per pool and moves threads from one to the other.
//!
//! Loom checks the protocol in `protocol::model` and the lanes in `lanes::model`. The front page of the crate has the command.
#![expect(unsafe_code, reason = "a job borrows from the stack of its caller, and the borrow checker cannot follow it")]

mod lanes;
mod protocol;
mod shared_threads;
mod sync;
#[cfg(not(loom))]
#[cfg(test)]
mod tests;
mod wait;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::{io, iter, num::NonZeroUsize};

use thiserror::Error;

use self::lanes::Lanes;
use self::protocol::{MAX_TASKS, Protocol};
pub use self::shared_threads::{ComputeThreads, SharedPool};
use self::sync::ignore_poison;
use self::wait::Waiting;

/// The operating system refused to start the compute threads.
#[derive(Debug, Error)]
#[error("cannot start {threads} compute threads")]
pub struct ThreadPoolError {
    threads: NonZeroUsize,
    source: io::Error,
}

/// A pool of compute threads. The thread that calls [`ThreadPool::run`] is one of its workers.
///
/// A pool of its own is made by [`ThreadPool::new`]. Those of [`ComputeThreads`] share their threads.
#[derive(Debug)]
pub struct ThreadPool {
    threads: Arc<Threads>,
    lane: usize,
    /// How many threads run its tasks at present, the caller included.
    present: AtomicUsize,
    /// Held while a job runs, so that jobs run one after the other.
    job_lock: Mutex<()>,
}

impl ThreadPool {
    /// Creates a pool of `threads` workers. The caller of [`ThreadPool::run`] is worker 0; this function starts the
    /// others.
    ///
    /// Without a number, the pool has as many workers as the process may use CPUs, according to its affinity mask and
    /// to the CPU quota of its cgroup (v1 or v2). [`thread::available_parallelism`] honors both.
    ///
    /// # Errors
    /// [`ThreadPoolError`] if the operating system refuses to start a thread.
    pub fn new(threads: Option<NonZeroUsize>) -> Result<Self, ThreadPoolError> {
        Ok(Self::of(Arc::new(Threads::start(threads, |_| 1)?), 0))
    }

    fn of(threads: Arc<Threads>, lane: usize) -> Self {
        let present = AtomicUsize::new(threads.count());
        Self { threads, lane, present, job_lock: Mutex::new(()) }
    }

    /// Returns the number of workers. If the threads are shared, not all of them need to be present.
    pub fn threads(&self) -> usize {
        self.threads.count()
    }

    /// Returns the number of threads that run the tasks at present: how finely to divide work.
    pub(crate) fn present(&self) -> usize {
        self.present.load(Ordering::Relaxed)
    }

    /// Calls `body(worker, task)` exactly once for each task in `0..tasks`, spread over all workers, and returns when
    /// every call has returned. `worker` is below [`ThreadPool::threads`], and no two calls that run at the same time
    /// have the same `worker`.
    ///
    /// Calls from several threads run one after the other. A task must not run a job on its own pool: it would wait for
    /// itself forever.
    ///
    /// # Panics
    /// If a task panics. The other tasks that were published with it run first.
    pub fn run(&self, tasks: usize, body: impl Fn(usize, usize) + Sync) {
        let _job = ignore_poison(self.job_lock.lock());
        if self.present() == 1 || tasks <= 1 {
            return (0..tasks).for_each(|task| body(0, task));
        }
        for first in (0..tasks).step_by(MAX_TASKS) {
            let tasks = MAX_TASKS.min(tasks - first);
            // SAFETY: this thread holds `job_lock`, so no other thread runs a job in this lane.
            unsafe { self.lane().run_job(tasks, &|worker, task| body(worker, first + task)) };
        }
    }

    fn lane(&self) -> &Protocol<Waiting> {
        self.threads.lanes.lane(self.lane)
    }
}

/// Started threads, which end when this is dropped.
#[derive(Debug)]
struct Threads {
    lanes: Arc<Lanes<Waiting>>,
    handles: Vec<JoinHandle<()>>,
}

impl Threads {
    /// Starts all threads but the one that will call. `callers` says how many lanes there are for how many threads; after
    /// them comes one in which helpers sleep.
    fn start(threads: Option<NonZeroUsize>, callers: fn(usize) -> usize) -> Result<Self, ThreadPoolError> {
        let threads = threads.or_else(|| thread::available_parallelism().ok()).unwrap_or(NonZeroUsize::MIN);
        let waits = iter::repeat_n(Waiting::SpinThenSleep, callers(threads.get())).chain([Waiting::Sleep]);
        let lanes = Arc::new(Lanes::new(waits, threads.get() - 1));
        let mut started = Self { lanes, handles: Vec::new() };
        for helper in 0..started.lanes.helpers() {
            let lanes = Arc::clone(&started.lanes);
            let thread = thread::Builder::new()
                .name(format!("compute-{}", helper + 1))
                .spawn(move || lanes.serve(helper))
                .map_err(|source| ThreadPoolError { threads, source })?;
            started.handles.push(thread);
        }
        tracing::debug!(threads, "compute threads");
        Ok(started)
    }

    /// The number of threads, with a caller.
    fn count(&self) -> usize {
        self.lanes.helpers() + 1
    }
}

impl Drop for Threads {
    fn drop(&mut self) {
        self.lanes.close();
        for thread in self.handles.drain(..) {
            // Workers catch the panics of tasks, so there is none to pass on.
            let _ = thread.join();
        }
    }
}
