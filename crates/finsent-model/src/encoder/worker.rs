//! What a batch is computed with. An encoder has one worker or several, which share its weights.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use finsent_kernels::{ComputeThreads, SharedPool};

use super::arena::Arena;

/// Memory for the activations of one batch at a time, and a share of the compute threads.
#[derive(Debug)]
pub(crate) struct Worker<'a> {
    // In this order: who waits for the memory finds the threads free.
    pub(super) pool: SharedPool<'a>,
    arena: LentArena<'a>,
}

impl Worker<'_> {
    /// The number of threads, if no other worker computes.
    pub(crate) fn threads(&self) -> usize {
        self.pool.threads()
    }

    /// Runs a job that computes nothing, to measure what it costs.
    pub(crate) fn run_job(&self, tasks: usize, task: &(dyn Fn() + Sync)) {
        self.pool.run(tasks, |_, _| task());
    }

    /// The memory, for one pass.
    pub(super) fn arena(&self) -> MutexGuard<'_, Arena> {
        // A pass overwrites all that it reads, so the arena of a pass that panicked is as good as any.
        let arena = self.arena.arena.as_ref().expect("it goes back when the worker is dropped");
        arena.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The workers of an encoder that compute nothing at present. They are lent in the order in which they are asked for, so
/// that a call with many batches does not keep others waiting for all of them.
#[derive(Debug)]
pub(super) struct Workers {
    count: usize,
    idle: Mutex<Idle>,
    changed: Condvar,
}

#[derive(Debug)]
struct Idle {
    /// The one used last is lent first: its memory has grown already.
    arenas: Vec<Mutex<Arena>>,
    /// Who waits, by number.
    waiting: VecDeque<u64>,
    arrivals: u64,
}

impl Workers {
    pub(super) fn new(count: usize, arena: impl Fn() -> Arena) -> Self {
        let arenas = (0..count).map(|_| Mutex::new(arena())).collect();
        let idle = Idle { arenas, waiting: VecDeque::new(), arrivals: 0 };
        Self { count, idle: Mutex::new(idle), changed: Condvar::new() }
    }

    pub(super) fn count(&self) -> usize {
        self.count
    }

    /// Waits for a worker.
    pub(super) fn take<'a>(&'a self, threads: &'a ComputeThreads) -> Worker<'a> {
        let mut idle = self.idle();
        let number = idle.arrivals;
        idle.arrivals += 1;
        idle.waiting.push_back(number);
        let is_next = |idle: &Idle| idle.waiting.front() == Some(&number) && !idle.arenas.is_empty();
        while !is_next(&idle) {
            idle = self.changed.wait(idle).unwrap_or_else(PoisonError::into_inner);
        }
        idle.waiting.pop_front();
        let arena = idle.arenas.pop();
        if !idle.arenas.is_empty() && !idle.waiting.is_empty() {
            self.changed.notify_all();
        }
        drop(idle);
        let arena = LentArena { arena: Some(arena.expect("`is_next` has found one")), of: self };
        Worker { pool: threads.pool(), arena }
    }

    /// A worker, if one is idle that nobody waits for, and a thread for it. Never waits, so that a caller may hold others.
    pub(super) fn try_take<'a>(&'a self, threads: &'a ComputeThreads) -> Option<Worker<'a>> {
        let pool = threads.try_pool()?;
        let mut idle = self.idle();
        let arena = if idle.waiting.is_empty() { idle.arenas.pop() } else { None };
        Some(Worker { pool, arena: LentArena { arena: Some(arena?), of: self } })
    }

    /// Whether someone waits for a worker.
    pub(super) fn are_awaited(&self) -> bool {
        !self.idle().waiting.is_empty()
    }

    fn idle(&self) -> MutexGuard<'_, Idle> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Goes back when it is dropped.
#[derive(Debug)]
struct LentArena<'a> {
    /// `None` once it has gone back.
    arena: Option<Mutex<Arena>>,
    of: &'a Workers,
}

impl Drop for LentArena<'_> {
    fn drop(&mut self) {
        let mut idle = self.of.idle();
        idle.arenas.extend(self.arena.take());
        if !idle.waiting.is_empty() {
            self.of.changed.notify_all();
        }
    }
}
