//! How workers get the tasks of a job, and how they and the caller sleep and wake.
//!
//! The caller publishes a job in one atomic word:
//!
//! ```text
//! claims = number of the job (32 bits) | count of its tasks (16) | next task (16)
//! ```
//!
//! Every thread with nothing to do claims the next task by a compare-and-swap of that word. The caller takes part. If
//! the operating system suspends a worker, only the task that this worker has claimed is delayed, and a worker that
//! comes late finds nothing left to claim. The job is done when the count of unfinished tasks reaches zero.
//!
//! Four orders make this correct. The models break each of them and see a failure:
//!
//! 1. The caller stores `unfinished` and `job` before it stores `claims` with release. A worker loads `claims` with
//!    acquire, so if it can claim a task, it sees the job that the task belongs to.
//! 2. The caller stores `claims` and then loads `sleepers`; a worker adds itself to `sleepers` and then loads `claims`.
//!    All four are sequentially consistent, so at least one of the two sees the other: the worker finds the job, or the
//!    caller wakes the worker. What tells a worker to leave is stored and loaded in the same way.
//! 3. The last worker to finish counts `unfinished` down and then loads `caller_sleeps`; the caller stores
//!    `caller_sleeps` and then loads `unfinished`. The same argument holds.
//! 4. A thread checks its condition and starts to wait under the `sleep` lock, and the thread that wakes it takes that
//!    lock first. A notification therefore cannot fall between the check and the wait.
#![expect(unsafe_code, reason = "a job borrows from the stack of its caller, and the borrow checker cannot follow it")]

mod claims;
#[cfg(all(test, loom))]
mod model;

use std::any::Any;
use std::panic::{self, AssertUnwindSafe};
use std::ptr;

use crossbeam_utils::CachePadded;

use self::claims::Claims;
pub(super) use self::claims::MAX_TASKS;
use super::sync::{AtomicBool, AtomicPtr, AtomicU64, AtomicUsize, Condvar, Mutex, MutexGuard, Ordering, ignore_poison};
use super::wait::WaitPolicy;

/// What the tasks of a job do, given the number of the worker and the number of the task.
pub(super) type Job<'a> = &'a (dyn Fn(usize, usize) + Sync);

/// The state that the caller and the workers share.
#[derive(Debug)]
pub(super) struct Protocol<W> {
    wait: W,
    claims: CachePadded<AtomicU64>,
    unfinished: CachePadded<AtomicUsize>,
    /// Points to the `Job` of the caller, on its stack.
    job: AtomicPtr<Job<'static>>,
    /// The first panic of a task of this job.
    panic: Mutex<Option<Box<dyn Any + Send>>>,
    sleep: Mutex<()>,
    /// Workers that sleep or are about to.
    sleepers: AtomicUsize,
    /// Wakes workers: a job was published, or some of them are to leave.
    published: Condvar,
    caller_sleeps: AtomicBool,
    /// Wakes the caller: the last task has finished.
    finished: Condvar,
}

impl<W: WaitPolicy> Protocol<W> {
    pub(super) fn new(wait: W) -> Self {
        Self {
            wait,
            claims: CachePadded::new(AtomicU64::new(0)),
            unfinished: CachePadded::new(AtomicUsize::new(0)),
            job: AtomicPtr::new(ptr::null_mut()),
            panic: Mutex::new(None),
            sleep: Mutex::new(()),
            sleepers: AtomicUsize::new(0),
            published: Condvar::new(),
            caller_sleeps: AtomicBool::new(false),
            finished: Condvar::new(),
        }
    }

    /// Runs a job of up to [`MAX_TASKS`] tasks with the caller as worker 0. Returns when all tasks have finished, or
    /// passes on the first panic of a task.
    ///
    /// # Safety
    /// No other call of this function runs at the same time.
    pub(super) unsafe fn run_job(&self, tasks: usize, job: Job<'_>) {
        // SAFETY: the caller runs no other job at the same time, and `job` stays on this stack until
        // `wait_for_finish` returns. Nothing in between can panic: `work` catches the panics of tasks.
        unsafe { self.set_job(tasks, &job) };
        self.open_claims(tasks);
        self.wake_sleepers();
        self.work(0);
        self.wait_for_finish();
        if let Some(payload) = self.take_panic() {
            panic::resume_unwind(payload);
        }
    }

    /// Runs tasks for as long as `stays`, which another thread may change before it calls [`Protocol::wake_sleepers`].
    pub(super) fn serve(&self, worker: usize, stays: impl Fn() -> bool) {
        while stays() {
            self.work(worker);
            if !self.wait.wait_awake(|| self.has_work() || !stays()) {
                self.sleep_until_woken(&stays);
            }
        }
    }

    /// First step of a job: says what its tasks do.
    ///
    /// # Safety
    /// - All tasks of the previous job have finished, and no other thread sets a job.
    /// - If [`Protocol::open_claims`] follows, `job` stays alive until all its tasks have finished.
    unsafe fn set_job(&self, tasks: usize, job: &Job<'_>) {
        self.unfinished.store(tasks, Ordering::Relaxed);
        self.job.store(ptr::from_ref(job).cast_mut().cast(), Ordering::Relaxed);
    }

    /// Second step of a job: from here on, workers claim its tasks.
    fn open_claims(&self, tasks: usize) {
        let previous = Claims::from_bits(self.claims.load(Ordering::Relaxed));
        self.claims.store(previous.next_job(tasks).to_bits(), Ordering::SeqCst);
    }

    /// Third step of a job; also lets workers notice that they do not stay.
    pub(super) fn wake_sleepers(&self) {
        if self.sleepers.load(Ordering::SeqCst) > 0 {
            self.notify_workers();
        }
    }

    /// Claims tasks and runs them until none is left.
    fn work(&self, worker: usize) {
        let mut claims = Claims::from_bits(self.claims.load(Ordering::Acquire));
        while let Some((job, task)) = self.claim(&mut claims) {
            // SAFETY: `claim` gave this thread a task of `job` that has not finished. The thread that published the
            // job keeps it alive until all of its tasks have finished (`set_job`).
            let job = unsafe { *job };
            if let Err(payload) = panic::catch_unwind(AssertUnwindSafe(|| job(worker, task))) {
                ignore_poison(self.panic.lock()).get_or_insert(payload);
            }
            self.finish_task();
        }
    }

    /// Claims the next task. `claims` is the word as this thread last saw it.
    ///
    /// The pointer is the job of the task: the exchange succeeds only if the word did not change since it was loaded,
    /// so the task was not claimed when `job` was loaded, and the next job is not set before the task has finished. The
    /// word could be the same for another job only after 2³² jobs between the load and the exchange.
    fn claim(&self, claims: &mut Claims) -> Option<(*const Job<'static>, usize)> {
        while let Some(task) = claims.task() {
            let job = self.job.load(Ordering::Relaxed);
            let (current, claimed) = (claims.to_bits(), claims.after_claim());
            match self.claims.compare_exchange_weak(current, claimed.to_bits(), Ordering::AcqRel, Ordering::Acquire) {
                Ok(_) => {
                    *claims = claimed;
                    return Some((job, task));
                }
                Err(now) => *claims = Claims::from_bits(now),
            }
        }
        None
    }

    fn finish_task(&self) {
        if self.unfinished.fetch_sub(1, Ordering::SeqCst) == 1 && self.caller_sleeps.load(Ordering::SeqCst) {
            let _sleep = self.lock_sleep();
            self.finished.notify_one();
        }
    }

    fn wait_for_finish(&self) {
        let is_finished = || self.unfinished.load(Ordering::SeqCst) == 0;
        if !self.wait.wait_awake(is_finished) {
            let mut sleep = self.lock_sleep();
            self.caller_sleeps.store(true, Ordering::SeqCst);
            while !is_finished() {
                sleep = ignore_poison(self.finished.wait(sleep));
            }
            self.caller_sleeps.store(false, Ordering::SeqCst);
        }
    }

    fn sleep_until_woken(&self, stays: impl Fn() -> bool) {
        let mut sleep = self.lock_sleep();
        self.sleepers.fetch_add(1, Ordering::SeqCst);
        while !self.has_work() && stays() {
            sleep = ignore_poison(self.published.wait(sleep));
        }
        self.sleepers.fetch_sub(1, Ordering::SeqCst);
    }

    fn notify_workers(&self) {
        let _sleep = self.lock_sleep();
        self.published.notify_all();
    }

    fn has_work(&self) -> bool {
        Claims::from_bits(self.claims.load(Ordering::SeqCst)).task().is_some()
    }

    fn take_panic(&self) -> Option<Box<dyn Any + Send>> {
        ignore_poison(self.panic.lock()).take()
    }

    fn lock_sleep(&self) -> MutexGuard<'_, ()> {
        ignore_poison(self.sleep.lock())
    }

    /// Runs a job that does nothing, of which the caller runs no task.
    #[cfg(all(test, loom))]
    pub(super) fn run_by_others(&self, tasks: usize) {
        let job: Job<'_> = &|_, _| ();
        // SAFETY: one thread of a model runs the jobs of a protocol, and `job` lives until all tasks have finished.
        unsafe { self.set_job(tasks, &job) };
        self.open_claims(tasks);
        self.wake_sleepers();
        self.wait_for_finish();
    }

    /// Workers that sleep.
    #[cfg(all(test, not(loom)))]
    pub(super) fn sleepers(&self) -> usize {
        self.sleepers.load(Ordering::SeqCst)
    }
}
