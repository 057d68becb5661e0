//! A pool of threads that run the tasks of one job at a time.
//!
//! One pass through the encoder is about a hundred jobs, and the shortest take a few microseconds. Handing out a job
//! must therefore cost less than a microsecond. [`Protocol`] does it with one atomic word and explains how; `wait` says
//! how long an idle thread spins before it sleeps. An idle pool uses no CPU time.
//!
//! Loom checks the protocol in `protocol::model`. The front page of the crate has the command.
#![expect(unsafe_code, reason = "a job borrows from the stack of its caller, and the borrow checker cannot follow it")]

mod protocol;
mod sync;
#[cfg(not(loom))]
#[cfg(test)]
mod tests;
mod wait;

use std::io;
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};

use thiserror::Error;

use self::protocol::{MAX_TASKS, Protocol};
use self::sync::ignore_poison;
use self::wait::SpinThenSleep;

/// The operating system refused to start the compute threads.
#[derive(Debug, Error)]
#[error("cannot start {threads} compute threads")]
pub struct ThreadPoolError {
    threads: NonZeroUsize,
    source: io::Error,
}

/// A pool of compute threads. The thread that calls [`ThreadPool::run`] is one of its workers.
#[derive(Debug)]
pub struct ThreadPool {
    protocol: Arc<Protocol<SpinThenSleep>>,
    threads: Vec<JoinHandle<()>>,
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
        let threads = threads.or_else(|| thread::available_parallelism().ok()).unwrap_or(NonZeroUsize::MIN);
        let protocol = Arc::new(Protocol::new(SpinThenSleep));
        let mut pool = Self { protocol, threads: Vec::new(), job_lock: Mutex::new(()) };
        for worker in 1..threads.get() {
            let protocol = Arc::clone(&pool.protocol);
            let thread = thread::Builder::new()
                .name(format!("compute-{worker}"))
                .spawn(move || protocol.serve(worker))
                .map_err(|source| ThreadPoolError { threads, source })?;
            pool.threads.push(thread);
        }
        tracing::debug!(threads, "compute threads");
        Ok(pool)
    }

    /// Returns the number of workers.
    pub fn threads(&self) -> usize {
        self.threads.len() + 1
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
        if self.threads.is_empty() || tasks <= 1 {
            return (0..tasks).for_each(|task| body(0, task));
        }
        for first in (0..tasks).step_by(MAX_TASKS) {
            let tasks = MAX_TASKS.min(tasks - first);
            // SAFETY: this thread holds `job_lock`, so no other thread runs a job.
            unsafe { self.protocol.run_job(tasks, &|worker, task| body(worker, first + task)) };
        }
    }
}

impl Drop for ThreadPool {
    fn drop(&mut self) {
        self.protocol.close();
        for thread in self.threads.drain(..) {
            // Workers catch the panics of tasks, so there is none to pass on.
            let _ = thread.join();
        }
    }
}
