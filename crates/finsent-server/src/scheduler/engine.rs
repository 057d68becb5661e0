//! The engine's thread: takes passes and computes them.

use std::panic::{self, AssertUnwindSafe};
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Instant;

use finsent_model::Encoding;
use tokio::sync::watch;

use super::{Engine, Failure, Logits, Shared};

/// Starts the thread. When it dies, of a panic that is not a text's, `dead` says so.
pub(super) fn start(shared: Arc<Shared>, dead: watch::Sender<bool>) -> std::io::Result<JoinHandle<()>> {
    thread::Builder::new().name("engine".into()).spawn(move || {
        let watch = DeathWatch { shared, dead };
        while let Some(pass) = watch.shared.next_pass() {
            let encodings: Vec<&Encoding> = pass.keys.iter().map(super::Key::encoding).collect();
            let started = Instant::now();
            let outcomes = compute(&*watch.shared.models[pass.model].engine, &encodings);
            watch.shared.finish(pass, outcomes, started);
        }
    })
}

/// An outcome for each encoding. Where one makes the engine panic, they are computed again one by one, so that the others
/// have their answers.
fn compute(engine: &dyn Engine, encodings: &[&Encoding]) -> Vec<Result<Logits, Failure>> {
    match panic::catch_unwind(AssertUnwindSafe(|| engine.logits(encodings))) {
        Ok(rows) => {
            let outcome = |row: Result<Vec<f32>, _>| row.map(Logits::from).map_err(|e| Failure::Compute(Arc::new(e)));
            rows.into_iter().map(outcome).collect()
        }
        Err(_) if encodings.len() > 1 => encodings.iter().flat_map(|encoding| compute(engine, &[encoding])).collect(),
        Err(_) => vec![Err(Failure::Panicked)],
    }
}

struct DeathWatch {
    shared: Arc<Shared>,
    dead: watch::Sender<bool>,
}

impl Drop for DeathWatch {
    fn drop(&mut self) {
        // First the word: whoever is let go after it finds the service not ready.
        self.dead.send_replace(true);
        self.shared.mark_dead();
    }
}
