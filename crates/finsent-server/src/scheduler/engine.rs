//! A worker: takes batches from the queue and computes them.

use std::panic::{self, AssertUnwindSafe};
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Instant;

use finsent_model::Encoding;
use tokio::sync::watch;

use super::backend::{Backend, Logits};
use super::key::EncodingKey;
use super::shared::Shared;
use super::work::Failure;

/// Starts the thread of a worker. `dead` becomes true when it panics, or when the last one ends.
pub(super) fn start(
    worker: usize,
    shared: Arc<Shared>,
    dead: Arc<watch::Sender<bool>>,
) -> std::io::Result<JoinHandle<()>> {
    thread::Builder::new().name(format!("engine-{worker}")).spawn(move || {
        let guard = DeathGuard { shared, dead };
        while let Some(batch) = guard.shared.next_batch(worker) {
            let encodings: Vec<&Encoding> = batch.keys.iter().map(EncodingKey::encoding).collect();
            let started = Instant::now();
            let outcomes = compute(&*batch.model.backend, &encodings);
            guard.shared.finish(worker, batch, outcomes, started);
        }
    })
}

/// One outcome per encoding. If the backend panics, each encoding is computed again on its own, so that only the one that
/// causes the panic fails.
fn compute(backend: &dyn Backend, encodings: &[&Encoding]) -> Vec<Result<Logits, Failure>> {
    match panic::catch_unwind(AssertUnwindSafe(|| backend.logits(encodings))) {
        Ok(rows) => {
            let outcome = |row: Result<Vec<f32>, _>| row.map(Logits::from).map_err(|e| Failure::Compute(Arc::new(e)));
            rows.into_iter().map(outcome).collect()
        }
        Err(_) if encodings.len() > 1 => encodings.iter().flat_map(|encoding| compute(backend, &[encoding])).collect(),
        Err(_) => vec![Err(Failure::Panicked)],
    }
}

/// Announces that no worker is left, or that one has panicked.
struct DeathGuard {
    shared: Arc<Shared>,
    dead: Arc<watch::Sender<bool>>,
}

impl Drop for DeathGuard {
    fn drop(&mut self) {
        let is_last = self.shared.worker_ends();
        if !is_last && !thread::panicking() {
            return;
        }
        // In this order: a client whose request fails now must find that the service is not ready.
        self.dead.send_replace(true);
        self.shared.mark_dead();
    }
}
