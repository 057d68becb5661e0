//! `finsent serve`: the HTTP service.

mod models;

use std::sync::Arc;
use std::sync::mpsc::{Receiver, sync_channel};
use std::{env, panic, process, thread};

use anyhow::{Context, Result, anyhow};
use finsent_server::{
    ApiKeys, HttpLimits, Listen, ListenError, ServeError, Server, ServerSettings, Service, StartError, TraceSettings,
};

use self::models::Models;
use super::args::ServeArgs;
use super::exit::{Exit, UsageError};
use super::platform::{Signal, Signals};
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
    let mut service = Service::new(http_limits(&args), args.max_batch_tokens as usize, keys);
    if args.allow_reload {
        service = service.allow_reload();
    }
    export_traces(&mut service, args.otlp_endpoint.as_deref())?;
    let service = Arc::new(service);
    // Before anyone can connect, so that a signal is never missed.
    watch_signals(&service, args.api_key_file.is_some(), args.allow_reload)?;
    let server = Server::bind(&service, &server_settings(&args)).map_err(|error| suggest_address(error, &args))?;
    for address in server.addresses() {
        tracing::info!("listening on {address}");
    }
    log_where_to_begin(&args, server.addresses());
    if args.allow_reload && args.api_key_file.is_none() {
        tracing::info!("without --api-key-file, only SIGHUP loads models again, and no request");
    }
    match finsent_server::serve(server, Models::new(args, settings)) {
        Ok(()) => Ok(Exit::Done),
        Err(ServeError::Load(error)) => Err(error),
        Err(error) => Err(error.into()),
    }
}

/// Exports traces if this argument or the variables of OpenTelemetry name a receiver.
fn export_traces(service: &mut Service, endpoint: Option<&str>) -> Result<()> {
    let variable = |name: &str| env::var_os(name).map(|value| value.to_string_lossy().into_owned());
    let settings =
        TraceSettings::from_environment(endpoint, variable).map_err(|error| UsageError(error.to_string()))?;
    let Some(settings) = settings else { return Ok(()) };
    service.export_traces(&settings).map_err(StartError::Thread)?;
    tracing::info!("traces: {}", settings.endpoint());
    if settings.has_port_of_grpc() {
        tracing::warn!("4317 is usually the port of OTLP over gRPC; finsent exports over HTTP, usually to port 4318");
    }
    Ok(())
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
/// are any, and the models, if that is allowed. The thread that hears signals does nothing that could wait.
fn watch_signals(service: &Arc<Service>, has_keys: bool, reloads_models: bool) -> Result<()> {
    let mut signals = Signals::of_service().context("cannot handle signals")?;
    // If a request to reload is waiting already, it stands for the next as well.
    let (reload, reloads) = sync_channel(1);
    let reloading = Arc::clone(service);
    start_thread("api-keys", move || read_again(&reloading, has_keys, reloads_models, &reloads))?;
    let service = Arc::clone(service);
    start_thread("signals", move || {
        let mut is_stopping = false;
        for signal in signals.forever() {
            match signal {
                Signal::HangUp => reload.try_send(()).unwrap_or_default(),
                _ if is_stopping => {
                    logging::flush();
                    process::exit(signal.exit_code())
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

/// Reads the API keys again whenever asked to, and asks for the models. Reading a file can take as long as its file system
/// likes.
fn read_again(service: &Service, has_keys: bool, reloads_models: bool, reloads: &Receiver<()>) {
    for () in reloads {
        if has_keys {
            match service.reload_keys() {
                Ok(()) => tracing::info!("API keys reloaded"),
                Err(error) => tracing::error!("the old API keys stay valid: {error}"),
            }
        }
        if reloads_models {
            service.reload_models();
        }
        if !has_keys && !reloads_models {
            tracing::info!("SIGHUP has no effect without --api-key-file or --allow-reload");
        }
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
