//! The engine thread: takes batches from the queue and computes them.

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

/// Starts the thread. `dead` becomes true when it ends, whether it was closed or it panicked.
pub(super) fn start(shared: Arc<Shared>, dead: watch::Sender<bool>) -> std::io::Result<JoinHandle<()>> {
    thread::Builder::new().name("engine".into()).spawn(move || {
        let guard = DeathGuard { shared, dead };
        while let Some(batch) = guard.shared.next_batch() {
            let encodings: Vec<&Encoding> = batch.keys.iter().map(EncodingKey::encoding).collect();
            let started = Instant::now();
            let outcomes = compute(&*guard.shared.models[batch.model].backend, &encodings);
            guard.shared.finish(batch, outcomes, started);
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

/// Announces the end of the thread, however it ends.
struct DeathGuard {
    shared: Arc<Shared>,
    dead: watch::Sender<bool>,
}

impl Drop for DeathGuard {
    fn drop(&mut self) {
        // In this order: a client whose request fails now must find that the service is not ready.
        self.dead.send_replace(true);
        self.shared.mark_dead();
    }
}
