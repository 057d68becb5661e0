//! Decides when each text is computed, and together with which others.
//!
//! A request is admitted or refused at once (`admission`). Its encodings wait in a queue that is fair by tokens
//! (`fair_queue`) among requests and streams (`flow`), where equal encodings of several requests are one entry (`queue`), unless a bounded cache has their logits
//! (`cache`). Whenever the engine thread (`engine`) is idle, it takes the next batch; batches are never delayed to fill up.
//! An encoding that nobody waits for, because its client has disconnected or its deadline has passed, is dropped before it
//! is computed.

mod admission;
mod backend;
mod cache;
mod engine;
mod fair_queue;
mod flow;
mod key;
mod queue;
mod shared;
mod throughput;
mod work;

use std::sync::Arc;
use std::thread::JoinHandle;

use tokio::sync::watch;

use self::shared::Shared;

#[cfg(test)]
pub(crate) use self::backend::Backend;
pub use self::backend::BackendModel;
pub(crate) use self::backend::Logits;
pub(crate) use self::fair_queue::Lane;
pub(crate) use self::flow::Flow;
pub(crate) use self::work::{EncodingOutput, Pending, Work};
pub use self::work::{Failure, Refusal, SchedulerLimits};

/// Accepts requests and computes them on a thread of its own. Dropping it waits until the queue is empty, and ends the
/// thread.
pub struct Scheduler {
    shared: Arc<Shared>,
    dead: watch::Receiver<bool>,
    engine: Option<JoinHandle<()>>,
}

impl Scheduler {
    /// Starts the engine thread for these models. A request names a model by its index.
    ///
    /// # Errors
    /// If the system cannot start a thread.
    pub fn start(models: Vec<BackendModel>, limits: SchedulerLimits) -> std::io::Result<Self> {
        let shared = Arc::new(Shared::new(models, limits));
        let (sender, dead) = watch::channel(false);
        let engine = engine::start(Arc::clone(&shared), sender)?;
        Ok(Self { shared, dead, engine: Some(engine) })
    }

    /// Accepts a request: one [`Pending`] per encoding, in their order.
    ///
    /// # Errors
    /// [`Refusal`], at once.
    pub(crate) fn submit(&self, work: Work) -> Result<Vec<Pending>, Refusal> {
        let pending = self.shared.submit(work)?;
        self.shared.wake();
        Ok(pending)
    }

    /// Tokens that may wait.
    pub(crate) fn max_queue_tokens(&self) -> usize {
        self.shared.limits.max_queue_tokens
    }

    /// Whether the engine thread runs.
    pub(crate) fn is_alive(&self) -> bool {
        !*self.dead.borrow()
    }

    /// Returns when the engine thread has died.
    pub(crate) async fn died(&self) {
        let mut dead = self.dead.clone();
        // The sender sends `true` before it is dropped, so an error means the same.
        dead.wait_for(|dead| *dead).await.map(drop).unwrap_or_default();
    }
}

impl Drop for Scheduler {
    fn drop(&mut self) {
        self.shared.close();
        if let Some(engine) = self.engine.take() {
            // A panic was logged when it happened.
            engine.join().unwrap_or_default();
        }
    }
}

#[cfg(test)]
mod tests;
