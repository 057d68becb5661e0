//! Decides when each text is computed, and together with which others.
//!
//! A request is admitted or refused at once (`admission`). Its encodings wait in a queue that is fair by tokens
//! (`fair_queue`) among requests and streams (`flow`), where equal encodings of several requests are one entry (`queue`), unless a bounded cache has their logits
//! (`cache`). Whenever a worker (`engine`) is idle, it takes the next batch; batches are never delayed to fill up. Workers share
//! the threads that compute, so that a batch has all of them while it is alone.
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
pub(crate) use self::work::{Computed, EncodingOutput, Pending, Work};
pub use self::work::{Failure, Refusal, SchedulerLimits};

/// Accepts requests and computes them on threads of its own. Dropping it waits until the queue is empty, and ends the
/// threads.
pub struct Scheduler {
    shared: Arc<Shared>,
    dead: watch::Receiver<bool>,
    workers: Vec<JoinHandle<()>>,
}

impl Scheduler {
    /// Starts as many workers for these models, or others that take their places, as one of them can use.
    ///
    /// # Errors
    /// If the system cannot start a thread.
    pub fn start(models: &[Arc<BackendModel>], limits: SchedulerLimits) -> std::io::Result<Self> {
        let workers = models.iter().map(|model| model.backend.workers()).max().unwrap_or(1);
        let shared = Arc::new(Shared::new(models.len(), limits, workers));
        let (sender, dead) = watch::channel(false);
        let sender = Arc::new(sender);
        let mut scheduler = Self { shared, dead, workers: Vec::new() };
        for worker in 0..workers {
            let (shared, sender) = (Arc::clone(&scheduler.shared), Arc::clone(&sender));
            scheduler.workers.push(engine::start(worker, shared, sender)?);
        }
        Ok(scheduler)
    }

    /// Batches that are computed at the same time, at most.
    pub fn workers(&self) -> usize {
        self.workers.len()
    }

    /// Accepts a request: one [`Pending`] per encoding, in their order.
    ///
    /// # Errors
    /// [`Refusal`], at once.
    pub(crate) fn submit(&self, work: Work) -> Result<Vec<Pending>, Refusal> {
        let pending = self.shared.submit(work)?;
        self.shared.wake_one();
        Ok(pending)
    }

    /// Tokens that may wait.
    pub(crate) fn max_queue_tokens(&self) -> usize {
        self.shared.limits.max_queue_tokens
    }

    /// Whether all workers run.
    pub(crate) fn is_alive(&self) -> bool {
        !*self.dead.borrow()
    }

    /// Returns when a worker has died.
    pub(crate) async fn died(&self) {
        let mut dead = self.dead.clone();
        // The sender sends `true` before it is dropped, so an error means the same.
        dead.wait_for(|dead| *dead).await.map(drop).unwrap_or_default();
    }
}

impl Drop for Scheduler {
    fn drop(&mut self) {
        self.shared.close();
        for worker in self.workers.drain(..) {
            // A panic was logged when it happened.
            worker.join().unwrap_or_default();
        }
    }
}

#[cfg(test)]
mod tests;
