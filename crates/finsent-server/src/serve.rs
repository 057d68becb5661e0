//! A service from its start to its end: it serves, loads its models meanwhile, drains and stops.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use std::{io, thread};

use futures_util::future::{Either, select};
use thiserror::Error;
use tokio::runtime::Builder;
use tokio::sync::oneshot;

use crate::loaded_models::LoadedModels;
use crate::reload::{self, ModelSource};
use crate::routes;
use crate::server::{RunningServer, Server};
use crate::service::Service;
use crate::transport::StartError;

/// The shortest drain. While it lasts, responses ask clients to close their connections. It must be long enough for a client
/// that was answered just before to send its next request on the same connection.
const MIN_DRAIN: Duration = Duration::from_millis(250);

/// Why a service ended without being asked to.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ServeError<E> {
    /// The models could not be loaded.
    #[error("{0}")]
    Load(E),
    /// The thread that loads the models panicked, which is a bug.
    #[error("loading the models failed unexpectedly")]
    LoadPanicked,
    /// The inference engine died, which is a bug.
    #[error("the inference engine has died")]
    EngineDied,
    /// The system cannot start a thread or a runtime.
    #[error("cannot start the service")]
    System(#[from] io::Error),
    /// The threads that serve cannot be started.
    #[error(transparent)]
    Start(#[from] StartError),
}

/// Serves until [`Service::stop`] is called. Meanwhile `source` loads the models on a thread of its own, so that probes are
/// answered while models are loading, at the start and [again](Service::reload_models). At the end, the service drains: it
/// is not ready and still answers requests for the drain delay, then running requests are finished.
///
/// # Errors
/// [`ServeError`] if the service cannot go on.
pub fn serve<S: ModelSource>(server: Server, mut source: S) -> Result<(), ServeError<S::Error>> {
    let runtime = Builder::new_current_thread().enable_time().build()?;
    let (service, drain_delay) = (Arc::clone(&server.service), server.drain_delay);
    let running = server.start()?;
    let (sender, loaded) = oneshot::channel();
    let loading = Arc::clone(&service);
    let load = move || {
        let result = source.start(&loading);
        let (is_loaded, service) = (result.is_ok(), Arc::downgrade(&loading));
        drop(loading);
        // If it cannot be sent, the service has stopped.
        if sender.send(result).is_ok() && is_loaded {
            reload::run(source, service);
        }
    };
    thread::Builder::new().name("load".into()).spawn(load).map_err(StartError::Thread)?;
    runtime.block_on(run(&service, running, drain_delay, loaded))
}

async fn run<E>(
    service: &Service,
    running: RunningServer,
    drain_delay: Duration,
    loaded: oneshot::Receiver<Result<LoadedModels, E>>,
) -> Result<(), ServeError<E>> {
    match select(pin!(service.stopped()), pin!(run_models(service, loaded))).await {
        Either::Left(_) => {}
        Either::Right((error, _)) => {
            running.abandon().await;
            return Err(error);
        }
    }
    service.drain();
    // Logged after the change: a probe that follows the log line must find the service not ready.
    tracing::info!("draining");
    tokio::time::sleep(drain_delay.max(MIN_DRAIN)).await;
    service.end_streams();
    running.stop().await;
    tracing::info!("stopped");
    Ok(())
}

/// Makes the service ready once the models are loaded. Returns only when it can no longer be.
async fn run_models<E>(service: &Service, loaded: oneshot::Receiver<Result<LoadedModels, E>>) -> ServeError<E> {
    match loaded.await {
        Ok(Ok(loaded)) => {
            for place in loaded.places() {
                routes::create_series(service.metrics(), &place.name);
                reload::create_series(service.metrics(), &place.name);
            }
            service.set_loaded(loaded);
            tracing::info!("ready after {:.2} s", service.started.elapsed().as_secs_f64());
            service.engine_died().await;
            ServeError::EngineDied
        }
        Ok(Err(error)) => ServeError::Load(error),
        Err(_) => ServeError::LoadPanicked,
    }
}
