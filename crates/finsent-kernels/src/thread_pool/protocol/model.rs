//! Models of the protocol that loom runs through their interleavings, and broken protocols that it must reject.
//!
//! The code under test is the code of the pool; only the way of waiting differs. A task writes to a cell whose accesses
//! loom tracks, so a task that runs twice, too late, or at the same time as the caller's own access fails the model.

use std::sync::Arc;

use loom::cell::UnsafeCell;
use loom::thread;

use super::*;

/// Goes to sleep unless the condition is true already.
struct SleepAtOnce;

impl WaitPolicy for SleepAtOnce {
    fn wait_awake(&self, condition: impl Fn() -> bool) -> bool {
        condition()
    }
}

/// Never sleeps.
struct NeverSleep;

impl WaitPolicy for NeverSleep {
    fn wait_awake(&self, condition: impl Fn() -> bool) -> bool {
        while !condition() {
            thread::yield_now();
        }
        true
    }
}

/// How often a task ran.
struct Runs(UnsafeCell<usize>);

// SAFETY: that tasks have their cells to themselves is what the model checks: loom panics where they do not.
unsafe impl Sync for Runs {}
// SAFETY: a cell of an integer.
unsafe impl Send for Runs {}

impl Runs {
    fn add(&self) {
        // SAFETY: loom panics if there is another access at the same time.
        self.0.with_mut(|runs| unsafe { *runs += 1 });
    }

    fn get(&self) -> usize {
        // SAFETY: loom panics if there is a write at the same time.
        self.0.with(|runs| unsafe { *runs })
    }
}

/// Runs a model through all interleavings or, if `preemptions` is given, through those with at most that many switches
/// away from a thread that could continue.
fn explore(preemptions: Option<usize>, model: impl Fn() + Sync + Send + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = preemptions;
    builder.check(model);
}

/// A protocol whose workers stay until it closes.
struct Pool<W> {
    protocol: Protocol<W>,
    closing: AtomicBool,
}

impl<W> std::ops::Deref for Pool<W> {
    type Target = Protocol<W>;

    fn deref(&self) -> &Protocol<W> {
        &self.protocol
    }
}

impl<W: WaitPolicy> Pool<W> {
    fn new(wait: W) -> Self {
        Self { protocol: Protocol::new(wait), closing: AtomicBool::new(false) }
    }

    fn stays(&self) -> bool {
        !self.closing.load(Ordering::SeqCst)
    }

    fn serve(&self, worker: usize) {
        self.protocol.serve(worker, || self.stays());
    }

    fn close(&self) {
        self.closing.store(true, Ordering::SeqCst);
        self.protocol.wake_sleepers();
    }
}

/// Runs jobs with these numbers of tasks. `run`, `serve` and `close` are those of [`Pool`], or broken ones.
fn run_jobs<W: WaitPolicy + Send + Sync + 'static>(
    wait: W,
    workers: usize,
    sizes: &[usize],
    run: fn(&Protocol<W>, usize, usize, &Job<'_>),
    serve: fn(&Pool<W>, usize),
    close: fn(&Pool<W>),
) {
    // Everything outlives the workers, so that a broken protocol meets an assertion and not freed memory.
    let runs: Vec<Vec<Runs>> =
        sizes.iter().map(|&tasks| (0..tasks).map(|_| Runs(UnsafeCell::new(0))).collect()).collect();
    let bodies: Vec<_> = runs.iter().map(|runs| move |_: usize, task: usize| runs[task].add()).collect();
    let jobs: Vec<Job<'_>> = bodies.iter().map(|body| body as Job<'_>).collect();
    let protocol = Arc::new(Pool::new(wait));
    let spawn = |worker| {
        let protocol = Arc::clone(&protocol);
        thread::spawn(move || serve(&protocol, worker))
    };
    let threads: Vec<_> = (1..workers).map(spawn).collect();
    for (number, (runs, job)) in runs.iter().zip(&jobs).enumerate() {
        run(&protocol, number, runs.len(), job);
        assert!(runs.iter().all(|runs| runs.get() == 1), "a task did not run exactly once");
    }
    close(&protocol);
    threads.into_iter().for_each(|thread| thread.join().unwrap());
    assert!(runs.iter().flatten().all(|runs| runs.get() == 1), "a task ran after its job");
}

/// The protocol as it is.
fn run_job<W: WaitPolicy>(protocol: &Protocol<W>, _: usize, tasks: usize, job: &Job<'_>) {
    // SAFETY: only the main thread of a model runs jobs.
    unsafe { protocol.run_job(tasks, *job) };
}

/// The first step of the protocol.
fn set_job<W: WaitPolicy>(protocol: &Protocol<W>, tasks: usize, job: &Job<'_>) {
    // SAFETY: only the main thread of a model runs jobs, and what they borrow outlives the workers.
    unsafe { protocol.set_job(tasks, job) };
}

#[test]
fn workers_that_sleep_run_every_task_once() {
    explore(Some(3), || run_jobs(SleepAtOnce, 2, &[2, 1], run_job, Pool::serve, Pool::close));
}

#[test]
fn workers_that_spin_run_every_task_once() {
    explore(Some(3), || run_jobs(NeverSleep, 2, &[2, 1], run_job, Pool::serve, Pool::close));
}

#[test]
fn two_workers_and_the_caller_run_every_task_once() {
    explore(Some(2), || run_jobs(SleepAtOnce, 3, &[2], run_job, Pool::serve, Pool::close));
}

#[test]
fn a_pool_without_a_job_closes() {
    explore(None, || run_jobs(SleepAtOnce, 3, &[], run_job, Pool::serve, Pool::close));
}

#[test]
fn the_panic_of_a_task_reaches_the_caller_and_the_next_job_runs() {
    explore(Some(3), || {
        let protocol = Arc::new(Pool::new(SleepAtOnce));
        let worker = Arc::clone(&protocol);
        let worker = thread::spawn(move || worker.serve(1));
        let panicking = |_: usize, task: usize| {
            if task == 0 {
                panic::resume_unwind(Box::new("task zero"));
            }
        };
        let result = panic::catch_unwind(AssertUnwindSafe(|| run_job(&protocol, 0, 2, &(&panicking as Job<'_>))));
        assert_eq!(result.unwrap_err().downcast_ref(), Some(&"task zero"));
        let runs = Runs(UnsafeCell::new(0));
        let adding = |_: usize, _: usize| runs.add();
        run_job(&protocol, 1, 1, &(&adding as Job<'_>));
        assert_eq!(runs.get(), 1);
        protocol.close();
        worker.join().unwrap();
    });
}

#[test]
fn a_job_that_the_caller_leaves_to_the_workers_runs() {
    let run = |protocol: &Protocol<SleepAtOnce>, _, tasks, job: &Job<'_>| {
        set_job(protocol, tasks, job);
        protocol.open_claims(tasks);
        protocol.wake_sleepers();
        protocol.wait_for_finish();
    };
    explore(None, move || run_jobs(SleepAtOnce, 2, &[1], run, Pool::serve, Pool::close));
    explore(Some(3), move || run_jobs(SleepAtOnce, 2, &[1, 1], run, Pool::serve, Pool::close));
}

#[test]
#[should_panic(expected = "a task did not run exactly once")]
fn claims_opened_before_the_job_is_set_are_caught() {
    let run = |protocol: &Protocol<NeverSleep>, number, tasks, job: &Job<'_>| {
        if number == 0 {
            set_job(protocol, tasks, job);
            protocol.open_claims(tasks);
        } else {
            // A worker that claims a task in between runs the job before this one.
            protocol.unfinished.store(tasks, Ordering::Relaxed);
            protocol.open_claims(tasks);
            set_job(protocol, tasks, job);
        }
        protocol.work(0);
        protocol.wait_for_finish();
    };
    explore(None, move || run_jobs(NeverSleep, 2, &[1, 1], run, Pool::serve, Pool::close));
}

#[test]
#[should_panic(expected = "deadlock")]
fn a_job_published_without_waking_the_workers_is_caught() {
    let run = |protocol: &Protocol<SleepAtOnce>, _, tasks, job: &Job<'_>| {
        set_job(protocol, tasks, job);
        protocol.open_claims(tasks);
        protocol.wait_for_finish();
    };
    explore(None, move || run_jobs(SleepAtOnce, 2, &[1], run, Pool::serve, Pool::close));
}

#[test]
#[should_panic(expected = "deadlock")]
fn workers_woken_without_the_lock_are_caught() {
    let run = |protocol: &Protocol<SleepAtOnce>, _, tasks, job: &Job<'_>| {
        set_job(protocol, tasks, job);
        protocol.open_claims(tasks);
        if protocol.sleepers.load(Ordering::SeqCst) > 0 {
            protocol.published.notify_all();
        }
        protocol.wait_for_finish();
    };
    explore(None, move || run_jobs(SleepAtOnce, 2, &[1], run, Pool::serve, Pool::close));
}

#[test]
#[should_panic(expected = "deadlock")]
fn a_last_task_that_does_not_wake_the_caller_is_caught() {
    let serve = |protocol: &Pool<SleepAtOnce>, worker| {
        while protocol.stays() {
            let mut claims = Claims::from_bits(protocol.claims.load(Ordering::Acquire));
            while let Some((job, task)) = protocol.claim(&mut claims) {
                // SAFETY: as in `work`.
                let job = unsafe { *job };
                job(worker, task);
                protocol.unfinished.fetch_sub(1, Ordering::SeqCst);
            }
            protocol.sleep_until_woken(|| protocol.stays());
        }
    };
    explore(None, move || run_jobs(SleepAtOnce, 2, &[2], run_job, serve, Pool::close));
}

#[test]
#[should_panic(expected = "deadlock")]
fn a_pool_that_closes_without_waking_the_workers_is_caught() {
    let close = |protocol: &Pool<SleepAtOnce>| protocol.closing.store(true, Ordering::SeqCst);
    explore(None, move || run_jobs(SleepAtOnce, 2, &[], run_job, Pool::serve, close));
}

#[test]
#[should_panic(expected = "Causality violation")]
fn a_caller_that_does_not_wait_for_its_workers_is_caught() {
    let run = |protocol: &Protocol<SleepAtOnce>, _, tasks, job: &Job<'_>| {
        set_job(protocol, tasks, job);
        protocol.open_claims(tasks);
        protocol.wake_sleepers();
        protocol.work(0);
    };
    explore(None, move || run_jobs(SleepAtOnce, 2, &[2], run, Pool::serve, Pool::close));
}
