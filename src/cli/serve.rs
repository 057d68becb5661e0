//! `finsent serve`: listens at once, loads the models, serves, and ends in order.

use std::sync::Arc;
use std::time::{Duration, Instant};
use std::{panic, process, thread};

use anyhow::{Context, Result, anyhow};
use finsent_hub::{FileDigests, ResolvedModel};
use finsent_model::Pipeline;
use finsent_server::{
    HttpLimits, Identity, Keys, Loaded, Scheduler, SchedulerLimits, ServedModel, Server, ServerSettings, Service,
    self_test,
};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use super::args::ServeArgs;
use super::exit::{Exit, UsageError};
use super::settings::Settings;

/// Time before the listeners close in which clients are told, with their answers, that their connections will: longer than
/// one that was answered just before the signal takes to ask again.
const LEAVE_TAKING: Duration = Duration::from_millis(250);

/// What happens to a service.
enum Event {
    Loaded(Loaded),
    LoadFailed(anyhow::Error),
    Signal,
    EngineDied,
}

pub(super) fn run(args: ServeArgs, settings: Settings) -> Result<Exit> {
    let started = Instant::now();
    panic::set_hook(Box::new(|panic| {
        // Its message may quote a text, so it is not told.
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        tracing::error!("panic at {place}");
    }));
    let keys = args.api_key_file.as_deref().map_or_else(|| Ok(Keys::default()), Keys::read)?;
    let service = Arc::new(Service::new(http_limits(&args), args.max_batch_tokens as usize, keys));
    // Before anybody can know of the service, and end it.
    let (tell, told) = unbounded_channel();
    watch_signals(tell.clone(), Arc::clone(&service), args.api_key_file.is_some())?;
    let server = Server::bind(&service, &server_settings(&args))?;
    for address in server.addresses() {
        tracing::info!("listening at {address}");
    }
    let drain_delay = args.drain_delay;
    load_aside(args, settings, Arc::clone(&service), tell.clone())?;
    finsent_server::run(serve(server, service, drain_delay, tell, told, started)).context("cannot start the runtime")?
}

fn http_limits(args: &ServeArgs) -> HttpLimits {
    HttpLimits {
        max_concurrent_requests: args.max_concurrent_requests as usize,
        max_client_batch_size: args.max_client_batch_size as usize,
        max_body_bytes: args.max_body_bytes as usize,
        max_text_bytes: args.max_text_bytes as usize,
        request_timeout: args.request_timeout,
    }
}

fn server_settings(args: &ServeArgs) -> ServerSettings {
    ServerSettings {
        listen: args.listen.clone(),
        metrics_listen: args.metrics_listen.clone(),
        cors_origins: args.cors_origin.clone(),
        shutdown_timeout: args.shutdown_timeout,
    }
}

async fn serve(
    server: Server,
    service: Arc<Service>,
    drain_delay: Duration,
    tell: UnboundedSender<Event>,
    mut told: UnboundedReceiver<Event>,
    started: Instant,
) -> Result<Exit> {
    let running = server.start();
    while let Some(event) = told.recv().await {
        match event {
            Event::Loaded(loaded) => {
                service.ready(loaded);
                tracing::info!("ready after {:.2} s", started.elapsed().as_secs_f64());
                let (service, tell) = (Arc::clone(&service), tell.clone());
                finsent_server::spawn(async move {
                    service.engine_died().await;
                    // Who listened has ended, and with it the process.
                    tell.send(Event::EngineDied).unwrap_or_default();
                });
            }
            Event::LoadFailed(error) => return Err(error),
            Event::EngineDied => return Err(anyhow!("the engine has died")),
            Event::Signal => break,
        }
    }
    service.drain();
    // Whoever reads this finds it not ready.
    tracing::info!("draining");
    finsent_server::sleep(drain_delay.max(LEAVE_TAKING)).await;
    service.end_feeds();
    running.stop().await;
    tracing::info!("done");
    Ok(Exit::Done)
}

/// Signals: the first to end is an event, the second ends the process; SIGHUP reads the keys again, where there are any.
fn watch_signals(tell: UnboundedSender<Event>, service: Arc<Service>, has_keys: bool) -> Result<()> {
    let heeded = [SIGTERM, SIGINT].into_iter().chain(has_keys.then_some(SIGHUP));
    let mut signals = Signals::new(heeded).context("cannot watch for signals")?;
    thread::Builder::new().name("signals".into()).spawn(move || {
        let mut is_ending = false;
        for signal in signals.forever() {
            match signal {
                SIGHUP => match service.reload_keys() {
                    Ok(()) => tracing::info!("API keys read again"),
                    Err(error) => tracing::error!("the old API keys stay: {:#}", anyhow::Error::from(error)),
                },
                _ if is_ending => process::exit(128 + signal),
                _ => {
                    is_ending = true;
                    // Who listened has ended, and with it the process.
                    tell.send(Event::Signal).unwrap_or_default();
                }
            }
        }
    })?;
    Ok(())
}

/// Loads the models on a thread of its own, so that probes are answered meanwhile.
fn load_aside(args: ServeArgs, settings: Settings, service: Arc<Service>, tell: UnboundedSender<Event>) -> Result<()> {
    thread::Builder::new().name("load".into()).spawn(move || {
        let event = load(&args, &settings, &service).map_or_else(Event::LoadFailed, Event::Loaded);
        // Who listened has ended, and with it the process.
        tell.send(event).unwrap_or_default();
    })?;
    Ok(())
}

fn load(args: &ServeArgs, settings: &Settings, service: &Service) -> Result<Loaded> {
    let mut models: Vec<Arc<ServedModel>> = Vec::new();
    let found: Vec<ResolvedModel> = args.model.iter().map(|model| settings.find(model)).collect::<Result<_>>()?;
    let names: Vec<String> = found.iter().map(ResolvedModel::served_name).collect();
    if let Some((_, twice)) = names.iter().enumerate().find(|(index, name)| names[..*index].contains(name)) {
        return Err(
            UsageError(format!("two models would be called `{twice}`; give each directory another name")).into()
        );
    }
    for found in found {
        let (found, pipeline, digests) = load_and_hash(settings, found)?;
        let identity = identity(settings, &found, &digests);
        let model = ServedModel::new(models.len(), identity, pipeline, &service.metrics);
        self_test(&model)?;
        tracing::info!("{model}");
        models.push(Arc::new(model));
    }
    let limits = SchedulerLimits {
        max_batch_tokens: args.max_batch_tokens as usize,
        max_queue_tokens: args.max_queue_tokens as usize,
        cache_entries: args.cache_entries as usize,
    };
    let scheduler = Scheduler::start(models.iter().map(|model| model.engine()).collect(), limits)?;
    Ok(Loaded { models, scheduler })
}

fn load_and_hash(settings: &Settings, found: ResolvedModel) -> Result<(ResolvedModel, Pipeline, FileDigests)> {
    let files = found.files.clone();
    thread::scope(|scope| {
        let digests = scope.spawn(|| FileDigests::compute(&files));
        let loaded = settings.load_found(found);
        let digests = digests.join().map_err(|_| anyhow!("hashing the model's files failed"))?;
        let (found, pipeline) = loaded?;
        Ok((found, pipeline, digests?))
    })
}

fn identity(settings: &Settings, found: &ResolvedModel, digests: &FileDigests) -> Identity {
    let pin = found.pin.as_ref();
    Identity {
        name: found.served_name(),
        repository: pin.map(|pin| pin.repository.clone()),
        revision: pin.filter(|pin| digests.are(&pin.files)).map(|pin| pin.revision.clone()),
        digest: digests.of_model(),
        golden: if found.is_embedded() { settings.catalog.golden(&found.name).to_vec() } else { Vec::new() },
    }
}
