use std::collections::HashSet;
use std::num::NonZeroUsize;
use std::panic::{self, AssertUnwindSafe};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Condvar, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use super::protocol::MAX_TASKS;
use super::*;

/// How long a condition may take that must become true. Reached only by a failing test.
const PATIENCE: Duration = Duration::from_secs(60);

fn pool(threads: usize) -> ThreadPool {
    ThreadPool::new(NonZeroUsize::new(threads)).unwrap()
}

#[test]
fn every_task_runs_once_in_every_job() {
    let sizes = if cfg!(miri) { vec![0, 1, 5] } else { (0..40).chain([1000, MAX_TASKS, 2 * MAX_TASKS + 3]).collect() };
    for threads in [1, 2, 3, 7] {
        let pool = pool(threads);
        for &tasks in &sizes {
            let runs: Vec<AtomicUsize> = (0..tasks).map(|_| AtomicUsize::new(0)).collect();
            pool.run(tasks, |worker, task| {
                assert!(worker < threads);
                runs[task].fetch_add(1, Ordering::Relaxed);
            });
            assert!(runs.iter().all(|runs| runs.load(Ordering::Relaxed) == 1), "{threads} threads, {tasks} tasks");
        }
    }
}

#[test]
fn many_short_jobs_in_a_row_lose_no_task() {
    let jobs = if cfg!(miri) { 50 } else { 20_000 };
    let pool = pool(4);
    let sum = AtomicUsize::new(0);
    for job in 0..jobs {
        pool.run(1 + job % 5, |_, task| {
            sum.fetch_add(task + 1, Ordering::Relaxed);
        });
    }
    assert_eq!(sum.into_inner(), jobs / 5 * (1 + 3 + 6 + 10 + 15));
}

#[test]
fn a_worker_runs_one_task_at_a_time() {
    let pool = pool(4);
    let busy: Vec<AtomicBool> = (0..4).map(|_| AtomicBool::new(false)).collect();
    pool.run(if cfg!(miri) { 20 } else { 400 }, |worker, _| {
        assert!(!busy[worker].swap(true, Ordering::SeqCst));
        thread::yield_now();
        busy[worker].store(false, Ordering::SeqCst);
    });
}

#[test]
fn a_panic_reaches_the_caller_and_all_workers_go_on() {
    let pool = pool(3);
    for _ in 0..if cfg!(miri) { 2 } else { 20 } {
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
    assert_eq!(workers_that_meet(&pool), HashSet::from([0, 1, 2]));
}

/// Runs a task for each worker that waits until all of them run one.
fn workers_that_meet(pool: &ThreadPool) -> HashSet<usize> {
    let (workers, met) = (Mutex::new(HashSet::new()), Condvar::new());
    pool.run(pool.threads(), |worker, _| {
        let mut workers = workers.lock().unwrap();
        workers.insert(worker);
        met.notify_all();
        drop(met.wait_timeout_while(workers, PATIENCE, |workers| workers.len() < pool.threads()).unwrap());
    });
    workers.into_inner().unwrap()
}

#[test]
fn jobs_of_several_callers_run_one_after_the_other() {
    let pool = pool(2);
    let inside = AtomicUsize::new(0);
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..if cfg!(miri) { 5 } else { 500 } {
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
fn idle_workers_sleep_and_wake_for_the_next_job() {
    let pool = pool(3);
    for _ in 0..if cfg!(miri) { 1 } else { 5 } {
        let start = Instant::now();
        while pool.lane().sleepers() < 2 {
            assert!(start.elapsed() < PATIENCE, "idle workers do not sleep");
            thread::yield_now();
        }
        assert_eq!(workers_that_meet(&pool), HashSet::from([0, 1, 2]));
    }
}
