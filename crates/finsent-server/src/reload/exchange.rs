//! The thread that loads models.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use super::failure::LoadFailure;
use super::reloads::Wish;
use super::source::ModelSource;
use crate::loaded_models::{LoadedModels, ModelPlace};
use crate::metrics::Metrics;
use crate::self_test::self_test;
use crate::served_model::ServedModel;
use crate::service::Service;

/// How long an old model that nobody holds any more may stay in memory.
const LOOK_INTERVAL: Duration = Duration::from_millis(100);

/// The results in the metrics.
const RESULTS: [&str; 4] = ["loaded", "unchanged", "failed", "unloaded"];

/// Creates the metrics of a model that may be exchanged, at zero.
pub(crate) fn create_series(metrics: &Metrics, model: &str) {
    RESULTS.iter().for_each(|result| drop(metrics.reloads(model, result)));
}

/// Does what is asked for, until the service is gone. Its models were loaded.
pub(crate) fn run(mut source: impl ModelSource, service: Weak<Service>) {
    let Some(wishes) = service.upgrade().and_then(|service| service.reloads.receiver()) else { return };
    let mut old = OldModels::default();
    while let Some(wish) = old.next_wish(&wishes) {
        let Some(service) = service.upgrade() else { return };
        let loaded = service.wait_until_loaded();
        let mut exchange = Exchange { source: &mut source, service: &service, loaded, old: &mut old };
        match wish {
            Wish::Load(index, reply) if !reply.is_closed() => reply.send(exchange.load(index)).unwrap_or_default(),
            Wish::Unload(index, reply) if !reply.is_closed() => {
                exchange.unload(index);
                // Ignore send errors: the client disconnected.
                reply.send(Ok(())).unwrap_or_default();
            }
            Wish::Load(..) | Wish::Unload(..) => {}
            Wish::LoadAll => exchange.load_all(),
        }
    }
}

/// Models that requests may still hold. This thread has allocated their weights and must be the one that frees them: what
/// another thread frees, the allocator keeps until this one allocates again.
#[derive(Default)]
struct OldModels(Vec<Arc<ServedModel>>);

impl OldModels {
    /// Waits for a wish, and frees models meanwhile. `None` if the service is gone.
    fn next_wish(&mut self, wishes: &Receiver<Wish>) -> Option<Wish> {
        loop {
            self.free();
            if self.0.is_empty() {
                return wishes.recv().ok();
            }
            match wishes.recv_timeout(LOOK_INTERVAL) {
                Ok(wish) => return Some(wish),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return None,
            }
        }
    }

    /// Frees the models that nobody else holds.
    fn free(&mut self) {
        self.0.retain(|model| !model.is_held_once());
    }
}

struct Exchange<'a, S> {
    source: &'a mut S,
    service: &'a Service,
    loaded: &'a LoadedModels,
    old: &'a mut OldModels,
}

impl<S: ModelSource> Exchange<'_, S> {
    fn load_all(&mut self) {
        self.service.reloads.all_begins();
        for (index, place) in self.loaded.places().iter().enumerate() {
            if place.model().is_some() {
                // What failed is in the log.
                self.load(index).unwrap_or_default();
            } else {
                tracing::info!("model {} stays unloaded", place.name);
            }
        }
    }

    /// Loads a model and puts it in its place, or leaves the old one there.
    fn load(&mut self, index: usize) -> Result<(), LoadFailure> {
        let (place, started) = (&self.loaded.places()[index], Instant::now());
        let digest = place.model().map(|old| old.digest.clone());
        place.set_loading();
        let result = match self.load_and_test(index, digest.as_deref()) {
            Ok(None) => {
                place.keep("");
                tracing::info!("model {} is unchanged", place.name);
                "unchanged"
            }
            Ok(Some(model)) => {
                let (model, seconds) = (Arc::new(model), started.elapsed().as_secs_f64());
                let digest = digest.as_deref().unwrap_or("none");
                self.put(place, Some(Arc::clone(&model)));
                // After the exchange: a request that follows the log line gets this model.
                tracing::info!("{model}; loaded in {seconds:.2} s, in place of {digest}");
                "loaded"
            }
            Err(failure) => {
                let stays = if digest.is_some() { "the old one stays" } else { "it stays unloaded" };
                let reason = format!("the model `{}` was not loaded, and {stays}: ", place.name);
                place.keep(&format!("{reason}{}", failure.reason));
                tracing::error!("{reason}{}", failure.details);
                self.service.metrics.reloads(&place.name, "failed").inc();
                return Err(LoadFailure { reason: reason + &failure.reason, ..failure });
            }
        };
        self.service.metrics.reloads(&place.name, result).inc();
        Ok(())
    }

    /// `None` if the model has not changed.
    fn load_and_test(&mut self, index: usize, digest: Option<&str>) -> Result<Option<ServedModel>, LoadFailure> {
        let load = || {
            let model = self.source.load(self.service, index, digest)?;
            model.as_ref().map_or(Ok(()), self_test).map_err(|error| LoadFailure::of(error.to_string()))?;
            Ok(model)
        };
        // A model that makes its loader panic must not end the thread.
        catch_unwind(AssertUnwindSafe(load)).unwrap_or_else(|_| Err(LoadFailure::of("loading it failed unexpectedly")))
    }

    fn unload(&mut self, index: usize) {
        let place = &self.loaded.places()[index];
        if self.put(place, None) {
            tracing::info!("model {} was unloaded", place.name);
            self.service.metrics.reloads(&place.name, "unloaded").inc();
        }
    }

    /// Exchanges the model of a place. Returns whether there was one.
    fn put(&mut self, place: &ModelPlace, new: Option<Arc<ServedModel>>) -> bool {
        let info = new.as_ref().map(|new| new.info());
        let old = place.exchange(new);
        self.service.metrics.exchange_info(old.as_ref().map(|old| old.info()).as_ref(), info.as_ref());
        // Updates `finsent_ready`.
        self.service.phase();
        let was_loaded = old.is_some();
        self.old.0.extend(old);
        self.old.free();
        was_loaded
    }
}
