//! The batches of a call, as many at a time as the encoder has workers.

use std::panic;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::thread;

use crate::encoder::{Encoder, Worker};

/// Calls `compute` with each of `0..batches` and a worker of the encoder. The results are in their order.
///
/// This thread computes with one worker. If others are idle, they get threads of their own for as long as there are
/// batches. Whoever waits for a worker meanwhile gets one after the next batch.
///
/// # Panics
/// If `compute` panics.
pub(super) fn compute_all<T: Send>(
    encoder: &Encoder,
    batches: usize,
    compute: impl Fn(&Worker<'_>, usize) -> T + Sync,
) -> Vec<T> {
    let queue = Queue { encoder, next: AtomicUsize::new(0), batches, compute };
    let own = encoder.worker();
    let others: Vec<Worker<'_>> = (1..batches.min(encoder.workers())).map_while(|_| encoder.try_worker()).collect();
    let computed = thread::scope(|scope| {
        let start = |worker| {
            let thread = thread::Builder::new().name("worker".into());
            // If the system has no more threads, the others compute all batches.
            thread.spawn_scoped(scope, || queue.work_until_awaited(worker).0).ok()
        };
        let threads: Vec<_> = others.into_iter().map_while(start).collect();
        let mut computed = queue.work(own);
        for thread in threads {
            computed.extend(thread.join().unwrap_or_else(|panicked| panic::resume_unwind(panicked)));
        }
        computed
    });
    in_order(computed, batches)
}

/// Batches that are not yet begun.
struct Queue<'a, F> {
    encoder: &'a Encoder,
    next: AtomicUsize,
    batches: usize,
    compute: F,
}

impl<'a, T, F: Fn(&Worker<'_>, usize) -> T> Queue<'a, F> {
    /// Computes until no batch is left. Lets those first who wait for a worker.
    fn work(&self, mut worker: Worker<'a>) -> Vec<(usize, T)> {
        let mut all = Vec::new();
        loop {
            let (computed, is_awaited) = self.work_until_awaited(worker);
            all.extend(computed);
            if !is_awaited {
                return all;
            }
            worker = self.encoder.worker();
        }
    }

    /// Computes until no batch is left, or someone else waits for a worker; returns which.
    fn work_until_awaited(&self, worker: Worker<'a>) -> (Vec<(usize, T)>, bool) {
        let mut computed = Vec::new();
        loop {
            let batch = self.next.fetch_add(1, Relaxed);
            if batch >= self.batches {
                return (computed, false);
            }
            computed.push((batch, (self.compute)(&worker, batch)));
            if self.encoder.is_awaited() {
                return (computed, true);
            }
        }
    }
}

fn in_order<T>(computed: Vec<(usize, T)>, batches: usize) -> Vec<T> {
    let mut all: Vec<Option<T>> = (0..batches).map(|_| None).collect();
    for (batch, result) in computed {
        all[batch] = Some(result);
    }
    all.into_iter().map(|result| result.expect("every batch is computed")).collect()
}
