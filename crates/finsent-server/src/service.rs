//! The state that all requests share, from start to shutdown.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};
use std::{io, thread};

use actix_web::http::StatusCode;
use tokio::sync::{Semaphore, watch};

use crate::api_keys::{ApiKeys, ApiKeysError};
use crate::error::HttpError;
use crate::loaded_models::LoadedModels;
use crate::memory_budget::MemoryBudget;
use crate::metrics::Metrics;
use crate::reload::Reloads;
use crate::traces::{TraceSettings, Tracer};

/// Bytes of long texts that are tokenized at a time. The tokenizer needs some fifty times the memory of what it reads at once.
pub(crate) const LONG_TEXT_BYTES_AT_A_TIME: usize = 1 << 20;

/// Limits on requests.
#[derive(Debug, Clone, Copy)]
pub struct HttpLimits {
    /// Requests that are processed at a time.
    pub max_concurrent_requests: usize,
    /// Texts in one request.
    pub max_client_batch_size: usize,
    /// Bytes of one body, both compressed and decompressed, and of one line of a stream.
    pub max_body_bytes: usize,
    /// Bytes of one text.
    pub max_text_bytes: usize,
    /// Time from a request's head to its answer.
    pub request_timeout: Duration,
    /// Token sequences that the explanations of a request may take; with 0, predictions are not explained.
    pub explain_budget: usize,
}

/// A service: it starts without models, becomes ready, and drains before it stops.
pub struct Service {
    pub(crate) limits: HttpLimits,
    pub(crate) keys: ApiKeys,
    pub(crate) metrics: Metrics,
    /// For `/info`, and for the memory of streams.
    pub(crate) max_batch_tokens: usize,
    /// One per concurrent request.
    pub(crate) permits: Arc<Semaphore>,
    /// For the memory of all requests.
    pub(crate) memory: MemoryBudget,
    /// For the bytes of long texts that are being tokenized.
    pub(crate) long_texts: Semaphore,
    pub(crate) started: Instant,
    /// `None` if requests are not traced.
    tracer: Option<Tracer>,
    loaded: OnceLock<LoadedModels>,
    /// What asks for other models.
    pub(crate) reloads: Reloads,
    draining: AtomicBool,
    /// The current phase, for those who wait for another.
    phases: watch::Sender<Phase>,
    stopping: watch::Sender<bool>,
    ending_streams: watch::Sender<bool>,
}

/// The state of a service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Phase {
    Loading,
    Ready,
    /// The default model was unloaded.
    Unloaded,
    Draining,
    Failed,
}

impl Phase {
    /// The status of readiness probes.
    pub(crate) fn status(self) -> StatusCode {
        if self == Self::Ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE }
    }

    /// The state of a model that is loaded: without the default model, the others are still ready.
    pub(crate) fn of_loaded_model(self) -> Self {
        if self == Self::Unloaded { Self::Ready } else { self }
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Loading => "loading",
            Self::Ready => "ready",
            Self::Unloaded => "unloaded",
            Self::Draining => "draining",
            Self::Failed => "failed",
        }
    }
}

impl Service {
    /// A service without models.
    pub fn new(limits: HttpLimits, max_batch_tokens: usize, keys: ApiKeys) -> Self {
        Self {
            keys,
            metrics: Metrics::new(),
            max_batch_tokens,
            permits: Arc::new(Semaphore::new(limits.max_concurrent_requests)),
            memory: MemoryBudget::of_process(limits.max_body_bytes),
            long_texts: Semaphore::new(LONG_TEXT_BYTES_AT_A_TIME),
            started: Instant::now(),
            tracer: None,
            loaded: OnceLock::new(),
            reloads: Reloads::default(),
            draining: AtomicBool::new(false),
            phases: watch::Sender::new(Phase::Loading),
            stopping: watch::Sender::new(false),
            ending_streams: watch::Sender::new(false),
            limits,
        }
    }

    /// Lets models be exchanged while the service runs: on [`reload_models`](Self::reload_models), and where API keys are
    /// required, by requests.
    #[must_use]
    pub fn allow_reload(mut self) -> Self {
        self.reloads.allow();
        self
    }

    /// Asks for all models to be loaded again that have changed. They are loaded one after the other on the thread that has
    /// loaded them at the start, and meanwhile the old ones answer. Does nothing unless it is [allowed](Self::allow_reload).
    pub fn reload_models(&self) {
        self.reloads.ask_for_all();
    }

    /// The metrics, for the models that are being loaded.
    pub fn metrics(&self) -> &Metrics {
        &self.metrics
    }

    /// Traces requests, and exports their spans on a thread of its own.
    ///
    /// # Errors
    /// If the system cannot start the thread.
    pub fn export_traces(&mut self, settings: &TraceSettings) -> io::Result<()> {
        self.tracer = Some(Tracer::start(settings, self.metrics.spans())?);
        Ok(())
    }

    pub(crate) fn tracer(&self) -> Option<&Tracer> {
        self.tracer.as_ref()
    }

    /// Makes the service ready: from now on, requests are answered.
    pub(crate) fn set_loaded(&self, loaded: LoadedModels) {
        for model in loaded.models() {
            self.metrics.exchange_info(None, Some(&model.info()));
        }
        // Called once. If it were called again, the first models would stay.
        self.loaded.set(loaded).map_or_else(drop, drop);
        self.phase();
    }

    /// The models.
    ///
    /// # Errors
    /// [`HttpError::Loading`] before they are loaded.
    pub(crate) fn loaded(&self) -> Result<&LoadedModels, HttpError> {
        self.loaded.get().ok_or(HttpError::Loading)
    }

    /// The models, as soon as they are there.
    pub(crate) fn wait_until_loaded(&self) -> &LoadedModels {
        self.loaded.wait()
    }

    /// Asks the service to drain and stop. [`serve`](crate::serve()) then returns.
    pub fn stop(&self) {
        self.stopping.send_replace(true);
    }

    /// Returns once [`stop`](Self::stop) has been called.
    pub(crate) async fn stopped(&self) {
        // The sender lives as long as `self`, so there is no error.
        self.stopping.subscribe().wait_for(|stopping| *stopping).await.map(drop).unwrap_or_default();
    }

    /// Makes the service not ready, so that load balancers send no new requests. Requests are still answered.
    pub(crate) fn drain(&self) {
        self.draining.store(true, Ordering::SeqCst);
        self.phase();
    }

    pub(crate) fn is_draining(&self) -> bool {
        self.draining.load(Ordering::SeqCst)
    }

    /// Ends the streams: the lines that were read are answered, and no more are read.
    pub(crate) fn end_streams(&self) {
        self.ending_streams.send_replace(true);
    }

    /// Becomes true when streams must end.
    pub(crate) fn streams_end(&self) -> watch::Receiver<bool> {
        self.ending_streams.subscribe()
    }

    /// Returns when the engine thread has died, which is a bug.
    pub(crate) async fn engine_died(&self) {
        match self.loaded.get() {
            Some(loaded) => loaded.scheduler.died().await,
            None => std::future::pending().await,
        }
    }

    /// Reads the file of API keys again.
    ///
    /// # Errors
    /// [`ApiKeysError`]; the old keys stay valid.
    pub fn reload_keys(&self) -> Result<(), ApiKeysError> {
        self.keys.reload()
    }

    /// Changes with the phase.
    #[cfg(feature = "grpc")]
    pub(crate) fn phases(&self) -> watch::Receiver<Phase> {
        self.phases.subscribe()
    }

    /// The current phase. The metric `finsent_ready` is updated.
    pub(crate) fn phase(&self) -> Phase {
        let phase = match self.loaded.get() {
            _ if self.is_draining() => Phase::Draining,
            None => Phase::Loading,
            Some(loaded) if !loaded.scheduler.is_alive() => Phase::Failed,
            Some(loaded) if !loaded.has_default() => Phase::Unloaded,
            Some(_) => Phase::Ready,
        };
        self.metrics.ready.set(i64::from(phase == Phase::Ready));
        self.phases.send_if_modified(|known| std::mem::replace(known, phase) != phase);
        phase
    }
}

/// Threads that read requests and write responses. The engine has threads of its own.
pub(crate) fn http_workers() -> usize {
    thread::available_parallelism().map_or(1, usize::from).clamp(1, 4)
}
