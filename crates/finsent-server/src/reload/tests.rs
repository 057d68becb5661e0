//! The thread that loads models, with a source whose loads the tests begin and end.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::{self, JoinHandle};

use futures_util::FutureExt;

use super::*;
use crate::ApiKeys;
use crate::error::HttpError;
use crate::loaded_models::LoadedModels;
use crate::scheduler::SchedulerLimits;
use crate::served_model::ServedModel;
use crate::service::{Phase, Service};
use crate::tests::{LIMITS, small_model};

/// How a load ends.
enum Outcome {
    Unchanged,
    Loaded,
    Failed,
    Panics,
}

/// Reports each load, then waits for its outcome.
struct Source {
    begun: Sender<usize>,
    outcomes: Receiver<Outcome>,
}

impl ModelSource for Source {
    type Error = ();

    fn start(&mut self, _: &Service) -> Result<LoadedModels, ()> {
        Err(())
    }

    fn load(&mut self, service: &Service, index: usize, _: Option<&str>) -> Result<Option<ServedModel>, LoadFailure> {
        self.begun.send(index).unwrap();
        match self.outcomes.recv().unwrap() {
            Outcome::Unchanged => Ok(None),
            Outcome::Loaded => Ok(Some(small_model(service))),
            Outcome::Failed => Err(LoadFailure::of("as intended")),
            Outcome::Panics => panic!("as intended"),
        }
    }
}

struct Harness {
    service: Arc<Service>,
    begun: Receiver<usize>,
    outcomes: Sender<Outcome>,
}

impl Harness {
    fn new() -> Self {
        let service = Arc::new(Service::new(LIMITS, 512, ApiKeys::default()).allow_reload());
        let limits = SchedulerLimits { max_batch_tokens: 100, max_queue_tokens: 100, cache_entries: 10 };
        service.set_loaded(LoadedModels::start(vec![small_model(&service)], limits).unwrap());
        let (sender, begun) = channel();
        let (outcomes, received) = channel();
        let source = Source { begun: sender, outcomes: received };
        let of_service = Arc::downgrade(&service);
        thread::spawn(move || run(source, of_service));
        Self { service, begun, outcomes }
    }

    /// A wish for the model.
    fn wish(&self) -> Pin<Box<dyn Future<Output = Result<(), HttpError>> + '_>> {
        Box::pin(self.service.reloads.ask(|reply| Wish::Load(0, reply)))
    }

    /// Asks for the model, on a thread of its own.
    fn load(&self) -> JoinHandle<Result<(), HttpError>> {
        let service = Arc::clone(&self.service);
        thread::spawn(move || block_on(service.reloads.ask(|reply| Wish::Load(0, reply))))
    }

    fn unload(&self) {
        block_on(self.service.reloads.ask(|reply| Wish::Unload(0, reply))).unwrap();
    }

    fn digest(&self) -> Result<String, HttpError> {
        self.service.loaded().unwrap().find(None).map(|model| model.digest.clone())
    }
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
}

fn reason(outcome: Result<(), HttpError>) -> String {
    outcome.unwrap_err().to_string()
}

#[test]
fn models_are_loaded_one_at_a_time_and_not_for_a_client_that_has_left() {
    let harness = Harness::new();
    let first = harness.load();
    harness.begun.recv().unwrap();
    assert!(harness.wish().now_or_never().is_none(), "a load did not wait for the one before");
    let second = harness.load();
    assert!(harness.begun.try_recv().is_err(), "two models are loaded at a time");
    harness.outcomes.send(Outcome::Failed).unwrap();
    assert_eq!(reason(first.join().unwrap()), "the model `small` was not loaded, and the old one stays: as intended");
    harness.begun.recv().unwrap();
    harness.outcomes.send(Outcome::Loaded).unwrap();
    second.join().unwrap().unwrap();
    harness.unload();
    assert!(harness.begun.try_recv().is_err(), "a model was loaded for a client that has left");
    assert!(matches!(harness.digest(), Err(HttpError::Unloaded { .. })));
    assert_eq!(harness.service.phase(), Phase::Unloaded);
}

#[test]
fn a_loader_that_panics_leaves_the_old_model_and_the_next_load_works() {
    let harness = Harness::new();
    let first = harness.load();
    harness.outcomes.send(Outcome::Panics).unwrap();
    assert!(reason(first.join().unwrap()).contains("loading it failed unexpectedly"));
    assert!(harness.digest().is_ok());
    for outcome in [Outcome::Unchanged, Outcome::Loaded] {
        harness.outcomes.send(outcome).unwrap();
        harness.load().join().unwrap().unwrap();
    }
    assert_eq!(harness.service.phase(), Phase::Ready);
}

#[test]
fn more_wishes_than_may_wait_are_refused() {
    let harness = Harness::new();
    let first = harness.load();
    harness.begun.recv().unwrap();
    let mut waiting = Vec::new();
    let refused = loop {
        let mut wish = harness.wish();
        match (&mut wish).now_or_never() {
            None => waiting.push(wish),
            Some(outcome) => break outcome,
        }
    };
    assert!(matches!(refused, Err(HttpError::Overloaded { .. })) && waiting.len() == 16, "{}", waiting.len());
    drop(waiting);
    harness.outcomes.send(Outcome::Unchanged).unwrap();
    first.join().unwrap().unwrap();
}
