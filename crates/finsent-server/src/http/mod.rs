//! The network: requests in, predictions out. Transport only.
//!
//! A request passes `middleware` (its id, its key, the log, the shape of errors), is `admit`ted, its `body` is read within
//! limits, a file of `routes` takes the texts out of its protocol's JSON, `infer` has them classified, and the same file
//! puts the predictions into its protocol's answer. A stream of texts is a `feed` instead: its body goes through `unpack` and
//! `lines`, and is answered while it is read.

mod admit;
mod body;
mod error;
mod feed;
mod fields;
mod infer;
mod keys;
mod lines;
mod listen;
mod middleware;
mod openapi;
mod routes;
mod self_test;
mod served;
mod server;
mod unpack;

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use tokio::sync::{Semaphore, watch};

use crate::metrics::Metrics;
use crate::scheduler::Scheduler;

pub use keys::{Keys, KeysError};
pub use listen::Listen;
pub use self_test::{SelfTestError, self_test};
pub use served::{Identity, ServedModel};
pub use server::{Server, ServerSettings, run, sleep, spawn};

/// What requests may ask of the service.
#[derive(Debug, Clone, Copy)]
pub struct HttpLimits {
    /// Requests that are worked on at a time.
    pub max_concurrent_requests: usize,
    /// Texts of one request.
    pub max_client_batch_size: usize,
    /// Bytes of one body, packed and unpacked.
    pub max_body_bytes: usize,
    /// Bytes of one text.
    pub max_text_bytes: usize,
    /// Time from a request's head to its answer.
    pub request_timeout: Duration,
}

/// What all requests share.
pub struct Service {
    limits: HttpLimits,
    keys: Keys,
    pub metrics: Metrics,
    /// What `/info` says beside the models.
    max_batch_tokens: usize,
    permits: Arc<Semaphore>,
    /// Bytes of bodies that are in memory.
    body_bytes: AtomicUsize,
    loaded: OnceLock<Loaded>,
    draining: AtomicBool,
    closing: watch::Sender<bool>,
}

/// What is there once the models are loaded.
pub struct Loaded {
    /// The first is the default.
    pub models: Vec<Arc<ServedModel>>,
    pub scheduler: Scheduler,
}

/// How far the service is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Loading,
    Ready,
    Draining,
    Failed,
}

impl Service {
    pub fn new(limits: HttpLimits, max_batch_tokens: usize, keys: Keys) -> Self {
        let metrics = Metrics::new();
        routes::make_series(&metrics, "");
        Self {
            keys,
            metrics,
            max_batch_tokens,
            permits: Arc::new(Semaphore::new(limits.max_concurrent_requests)),
            body_bytes: AtomicUsize::new(0),
            loaded: OnceLock::new(),
            draining: AtomicBool::new(false),
            closing: watch::Sender::new(false),
            limits,
        }
    }

    /// The models are loaded and tested: from now on requests are answered.
    pub fn ready(&self, loaded: Loaded) {
        for model in &loaded.models {
            routes::make_series(&self.metrics, &model.name);
        }
        // The first models stay; there are no others.
        self.loaded.set(loaded).map_or_else(drop, drop);
        self.phase();
    }

    /// Requests are still answered, but no new ones should come.
    pub fn drain(&self) {
        self.draining.store(true, Ordering::SeqCst);
        self.phase();
    }

    /// Feeds end: what they have read is answered, and no more is read.
    pub fn end_feeds(&self) {
        self.closing.send_replace(true);
    }

    /// Whether [`drain`](Self::drain) was called.
    fn is_draining(&self) -> bool {
        self.draining.load(Ordering::SeqCst)
    }

    /// Returns when the engine has died, which it should not.
    pub async fn engine_died(&self) {
        match self.loaded.get() {
            Some(loaded) => loaded.scheduler.died().await,
            None => std::future::pending().await,
        }
    }

    /// Reads the API keys again.
    ///
    /// # Errors
    /// [`KeysError`]; then the old ones stay.
    pub fn reload_keys(&self) -> Result<(), KeysError> {
        self.keys.reload()
    }

    fn phase(&self) -> Phase {
        let phase = match self.loaded.get() {
            _ if self.is_draining() => Phase::Draining,
            None => Phase::Loading,
            Some(loaded) if loaded.scheduler.is_alive() => Phase::Ready,
            Some(_) => Phase::Failed,
        };
        self.metrics.ready.set(i64::from(phase == Phase::Ready));
        phase
    }
}

#[cfg(test)]
mod tests;
