//! Models of the lanes that loom runs through their interleavings: a helper is moved while jobs run.

use std::sync::Arc;

use loom::cell::UnsafeCell;
use loom::thread;

use super::super::protocol::Job;
use super::*;

/// Goes to sleep unless the condition is true already.
struct SleepAtOnce;

impl WaitPolicy for SleepAtOnce {
    fn wait_awake(&self, condition: impl Fn() -> bool) -> bool {
        condition()
    }
}

/// How often each task of a job ran.
struct Runs([UnsafeCell<usize>; 2]);

// SAFETY: that tasks have their cells to themselves is what the model checks: loom panics where they do not.
unsafe impl Sync for Runs {}
// SAFETY: cells of integers.
unsafe impl Send for Runs {}

impl Runs {
    fn new() -> Self {
        Self([UnsafeCell::new(0), UnsafeCell::new(0)])
    }

    fn add(&self, task: usize) {
        // SAFETY: loom panics if there is another access at the same time.
        self.0[task].with_mut(|runs| unsafe { *runs += 1 });
    }

    fn of(&self, task: usize) -> usize {
        // SAFETY: loom panics if there is a write at the same time.
        self.0[task].with(|runs| unsafe { *runs })
    }
}

/// Runs a job of `tasks` tasks in a lane, and checks that each ran once.
fn run_job(lanes: &Lanes<SleepAtOnce>, lane: usize, tasks: usize) {
    let runs = Runs::new();
    let body = |_: usize, task: usize| runs.add(task);
    // SAFETY: one thread of a model runs the jobs of a lane.
    unsafe { lanes.lane(lane).run_job(tasks, &body as Job<'_>) };
    assert!((0..tasks).all(|task| runs.of(task) == 1), "a task did not run exactly once");
}

fn lanes_with_a_helper(serve: fn(&Lanes<SleepAtOnce>)) -> (Arc<Lanes<SleepAtOnce>>, thread::JoinHandle<()>) {
    let lanes = Arc::new(Lanes::new([SleepAtOnce, SleepAtOnce], 1));
    let of_helper = Arc::clone(&lanes);
    (lanes, thread::spawn(move || serve(&of_helper)))
}

fn explore(preemptions: usize, model: impl Fn() + Sync + Send + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(preemptions);
    builder.check(model);
}

#[test]
fn a_helper_that_is_moved_between_jobs_loses_no_task() {
    explore(3, || {
        let (lanes, helper) = lanes_with_a_helper(|lanes| lanes.serve(0));
        run_job(&lanes, 0, 2);
        lanes.assign(0, 1);
        run_job(&lanes, 1, 2);
        lanes.close();
        helper.join().unwrap();
    });
}

#[test]
fn a_helper_may_be_moved_while_another_caller_runs_a_job() {
    explore(2, || {
        let (lanes, helper) = lanes_with_a_helper(|lanes| lanes.serve(0));
        let of_caller = Arc::clone(&lanes);
        let caller = thread::spawn(move || run_job(&of_caller, 0, 2));
        lanes.assign(0, 1);
        run_job(&lanes, 1, 1);
        caller.join().unwrap();
        lanes.close();
        helper.join().unwrap();
    });
}

#[test]
fn a_helper_that_is_moved_to_a_job_runs_it_alone() {
    explore(3, || {
        let (lanes, helper) = lanes_with_a_helper(|lanes| lanes.serve(0));
        lanes.assign(0, 1);
        // This caller takes no part, so that the job ends only if the helper has come.
        lanes.lane(1).run_by_others(1);
        lanes.close();
        helper.join().unwrap();
    });
}

#[test]
#[should_panic(expected = "deadlock")]
fn a_helper_that_is_not_woken_when_it_is_moved_is_caught() {
    explore(3, || {
        let (lanes, helper) = lanes_with_a_helper(|lanes| lanes.serve(0));
        lanes.assignments[0].store(1, Ordering::SeqCst);
        lanes.lane(1).run_by_others(1);
        lanes.close();
        helper.join().unwrap();
    });
}
