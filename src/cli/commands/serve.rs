//! `finsent serve`: the HTTP service.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, sync_channel};
use std::{panic, process, thread};

use anyhow::{Context, Result, anyhow};
use finsent_hub::{FileDigests, ResolvedModel};
use finsent_model::Pipeline;
use finsent_model::machine::Topology;
use finsent_server::{
    ApiKeys, HttpLimits, Listen, ListenError, LoadedModels, ModelCard, ModelIdentity, Scheduler, SchedulerLimits,
    ServeError, ServedModel, Server, ServerSettings, Service, StartError, self_test,
};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

use super::args::ServeArgs;
use super::exit::{Exit, UsageError};
use super::quantity::quantity;
use super::settings::Settings;
use super::{allocator, logging};

pub(super) fn run(args: ServeArgs, settings: Settings) -> Result<Exit> {
    allocator::give_memory_back();
    panic::set_hook(Box::new(|panic| {
        // The message of a panic may quote a text, so only its place is logged.
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        tracing::error!("panic at {place}");
    }));
    finsent_model::silence_caught_panics();
    let keys = args.api_key_file.as_deref().map_or_else(|| Ok(ApiKeys::default()), ApiKeys::read)?;
    let service = Arc::new(Service::new(http_limits(&args), args.max_batch_tokens as usize, keys));
    // Before anyone can connect, so that a signal is never missed.
    watch_signals(&service, args.api_key_file.is_some())?;
    let server = Server::bind(&service, &server_settings(&args)).map_err(|error| suggest_address(error, &args))?;
    for address in server.addresses() {
        tracing::info!("listening on {address}");
    }
    log_where_to_begin(&args, server.addresses());
    match finsent_server::serve(server, move |service| load(&args, &settings, service)) {
        Ok(()) => Ok(Exit::Done),
        Err(ServeError::Load(error)) => Err(error),
        Err(error) => Err(error.into()),
    }
}

fn http_limits(args: &ServeArgs) -> HttpLimits {
    HttpLimits {
        max_concurrent_requests: args.max_concurrent_requests as usize,
        max_client_batch_size: args.max_client_batch_size as usize,
        max_body_bytes: args.max_body_bytes as usize,
        max_text_bytes: args.max_text_bytes as usize,
        request_timeout: args.request_timeout,
        explain_budget: args.explain_budget as usize,
    }
}

fn server_settings(args: &ServeArgs) -> ServerSettings {
    ServerSettings {
        listen: args.listen.clone(),
        grpc_listen: args.grpc_listen.clone(),
        metrics_listen: args.metrics_listen.clone(),
        page: !args.no_page,
        cors_origins: args.cors_origin.clone(),
        drain_delay: args.drain_delay,
        shutdown_timeout: args.shutdown_timeout,
    }
}

/// Logs where a person finds what the service has, and a first request.
fn log_where_to_begin(args: &ServeArgs, addresses: &[String]) {
    let is_tcp = args.listen.iter().any(|listen| matches!(listen, Listen::Tcp(_)));
    // Those of the service come before that for metrics.
    let Some(base) = addresses.iter().find(|address| is_tcp && address.starts_with("http://")) else { return };
    let base = reachable(base);
    if !args.no_page {
        tracing::info!("page: {base}/");
    }
    tracing::info!("routes: {base}/docs, metrics: {base}/metrics");
    let key = if args.api_key_file.is_some() { " -H 'Authorization: Bearer KEY'" } else { "" };
    tracing::info!(r#"try: curl -s {base}/v1/sentiment{key} --json '{{"inputs": "Shares plunged 12%"}}'"#);
}

/// The address with a host that this machine can connect to, instead of one that stands for all of its addresses.
fn reachable(address: &str) -> String {
    address.replacen("//0.0.0.0:", "//127.0.0.1:", 1).replacen("//[::]:", "//[::1]:", 1)
}

/// Adds the flag with another address to the error if a port is in use.
fn suggest_address(error: ListenError, args: &ServeArgs) -> anyhow::Error {
    let ListenError::InUse(address) = &error else { return error.into() };
    let flag = if args.listen.contains(address) {
        "--listen"
    } else if args.grpc_listen.contains(address) {
        "--grpc-listen"
    } else {
        "--metrics-listen"
    };
    match next_port(address) {
        Some(address) => anyhow!("{error}; choose another: {flag} {address}"),
        None => error.into(),
    }
}

fn next_port(address: &Listen) -> Option<String> {
    let Listen::Tcp(address) = address else { return None };
    let (host, port) = address.rsplit_once(':')?;
    Some(format!("{host}:{}", port.parse::<u16>().ok()?.checked_add(1)?))
}

/// The first SIGTERM or SIGINT drains the service, the second ends the process. SIGHUP reads the API keys again, if there
/// are any. The thread that hears signals does nothing that could wait.
fn watch_signals(service: &Arc<Service>, has_keys: bool) -> Result<()> {
    let mut signals = Signals::new([SIGTERM, SIGINT, SIGHUP]).context("cannot handle signals")?;
    // If a request to reload is waiting already, it stands for the next as well.
    let (reload, reloads) = sync_channel(1);
    let reloading = Arc::clone(service);
    start_thread("api-keys", move || reload_keys(&reloading, has_keys, &reloads))?;
    let service = Arc::clone(service);
    start_thread("signals", move || {
        let mut is_stopping = false;
        for signal in signals.forever() {
            match signal {
                SIGHUP => reload.try_send(()).unwrap_or_default(),
                _ if is_stopping => {
                    logging::flush();
                    process::exit(128 + signal)
                }
                _ => {
                    is_stopping = true;
                    service.stop();
                }
            }
        }
    })
}

fn start_thread(name: &str, body: impl FnOnce() + Send + 'static) -> Result<()> {
    thread::Builder::new().name(name.into()).spawn(body).map_err(StartError::Thread)?;
    Ok(())
}

/// Reads the API keys again whenever asked to. Reading a file can take as long as its file system likes.
fn reload_keys(service: &Service, has_keys: bool, reloads: &Receiver<()>) {
    for () in reloads {
        if !has_keys {
            tracing::info!("SIGHUP has no effect without --api-key-file");
            continue;
        }
        match service.reload_keys() {
            Ok(()) => tracing::info!("API keys reloaded"),
            Err(error) => tracing::error!("the old API keys stay valid: {error}"),
        }
    }
}

fn load(args: &ServeArgs, settings: &Settings, service: &Service) -> Result<LoadedModels> {
    let resolved: Vec<ResolvedModel> = args.model.iter().map(|model| settings.find(model)).collect::<Result<_>>()?;
    let names: Vec<String> = resolved.iter().map(ResolvedModel::served_name).collect();
    if let Some((_, name)) = names.iter().enumerate().find(|(index, name)| names[..*index].contains(name)) {
        return Err(UsageError(format!("two models would be named `{name}`; rename the folder of one of them")).into());
    }
    let mut models: Vec<Arc<ServedModel>> = Vec::new();
    for resolved in resolved {
        let (resolved, pipeline, digests) = load_and_hash(settings, resolved)?;
        let identity = identity(settings, &resolved, &digests);
        let model = ServedModel::new(models.len(), identity, pipeline, service.metrics());
        self_test(&model)?;
        tracing::info!("{model}");
        models.push(Arc::new(model));
    }
    let limits = SchedulerLimits {
        max_batch_tokens: args.max_batch_tokens as usize,
        max_queue_tokens: args.max_queue_tokens as usize,
        cache_entries: args.cache_entries as usize,
    };
    let scheduler = Scheduler::start(models.iter().map(|model| model.backend()).collect(), limits)?;
    log_workers(scheduler.workers());
    Ok(LoadedModels { models, scheduler })
}

/// Logs what explains the speed of the service.
fn log_workers(workers: usize) {
    let machine = Topology::read().map(|topology| format!(" on a machine of {topology}")).unwrap_or_default();
    tracing::info!("{}{machine}", quantity(workers as u64, "worker"));
}

/// Hashes the files while they are being loaded.
fn load_and_hash(settings: &Settings, resolved: ResolvedModel) -> Result<(ResolvedModel, Pipeline, FileDigests)> {
    let files = resolved.files.clone();
    thread::scope(|scope| {
        let digests = scope.spawn(|| FileDigests::compute(&files));
        let loaded = settings.load_found(resolved);
        let digests = digests.join().map_err(|_| anyhow!("hashing the files of the model failed unexpectedly"))?;
        let (resolved, pipeline) = loaded?;
        Ok((resolved, pipeline, digests?))
    })
}

fn identity(settings: &Settings, resolved: &ResolvedModel, digests: &FileDigests) -> ModelIdentity {
    let pin = resolved.pin.as_ref();
    let golden = if resolved.is_embedded() {
        settings.catalog.published_predictions(&resolved.name).to_vec()
    } else {
        Vec::new()
    };
    ModelIdentity {
        name: resolved.served_name(),
        repository: pin.map(|pin| pin.repository.clone()),
        revision: pin.filter(|pin| digests.match_listed(&pin.files)).map(|pin| pin.revision.clone()),
        digest: digests.model_digest(),
        golden,
        card: card(settings, resolved),
    }
}

/// What the catalog says about a model. A directory is not a model of the catalog, whatever its name.
fn card(settings: &Settings, resolved: &ResolvedModel) -> ModelCard {
    let Some(spec) = settings.catalog.get(&resolved.name) else { return ModelCard::default() };
    ModelCard {
        description: Some(spec.description.clone()),
        license: Some(spec.license.clone()),
        languages: spec.languages.as_ref().map(ToString::to_string),
        accuracy: spec.accuracy.clone(),
        limits: spec.limits.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_that_stands_for_all_is_logged_as_one_to_connect_to() {
        assert_eq!(reachable("http://0.0.0.0:8080"), "http://127.0.0.1:8080");
        assert_eq!(reachable("http://[::]:8080"), "http://[::1]:8080");
        assert_eq!(reachable("http://10.0.0.0:8080"), "http://10.0.0.0:8080");
    }

    #[test]
    fn the_next_port_is_suggested_for_one_in_use() {
        let suggest = |address: &str| next_port(&address.parse().unwrap());
        assert_eq!(suggest("127.0.0.1:8080").as_deref(), Some("127.0.0.1:8081"));
        assert_eq!(suggest("[::1]:8080").as_deref(), Some("[::1]:8081"));
        assert_eq!(suggest("127.0.0.1:65535"), None);
        assert_eq!(suggest("unix:/run/finsent.sock"), None);
    }
}
