//! The listeners, and the server behind them from its first connection to its last answer.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use std::{io, thread};

use actix_cors::Cors;
use actix_web::dev::ServerHandle;
use actix_web::middleware::{Condition, from_fn};
use actix_web::rt::System;
use actix_web::{App, HttpServer, web};

use super::listen::{Listen, ListenError, open_unix};
use super::{Service, middleware, routes};
use crate::metrics::max_open_files;

/// Time in which the head of a request has to arrive.
const HEAD_TIMEOUT: Duration = Duration::from_secs(5);
/// Time that a connection without a request stays open; more than the minute after which load balancers drop theirs.
const KEEP_ALIVE: Duration = Duration::from_secs(75);
/// Most connections of a worker.
const MAX_CONNECTIONS: u64 = 10_000;
/// Files that are open beside the connections.
const OTHER_FILES: u64 = 64;
/// Threads that may wait for work that would hold up a worker's other connections, a worker.
const BLOCKING_THREADS: usize = 2;

/// Where and how to serve.
#[derive(Debug, Clone)]
pub struct ServerSettings {
    pub listen: Vec<Listen>,
    /// A second place for probes and metrics only.
    pub metrics_listen: Option<Listen>,
    /// Origins whose pages may ask; `*` is any, none turns CORS off.
    pub cors_origins: Vec<String>,
    /// Time that what is in flight has at the end.
    pub shutdown_timeout: Duration,
}

/// A server that listens and does not serve yet: connections wait.
#[derive(Default)]
pub struct Server {
    starts: Vec<Box<dyn FnOnce() -> actix_web::dev::Server>>,
    addresses: Vec<String>,
    sockets: Vec<PathBuf>,
}

/// A server that serves.
pub struct Running {
    handles: Vec<ServerHandle>,
    sockets: Vec<PathBuf>,
}

/// Threads that read requests and write answers; the engine has its own.
pub(super) fn workers() -> usize {
    thread::available_parallelism().map_or(1, usize::from).clamp(1, 4)
}

impl Server {
    /// Opens the listeners.
    ///
    /// # Errors
    /// [`ListenError`] naming the address.
    pub fn bind(service: &Arc<Service>, settings: &ServerSettings) -> Result<Self, ListenError> {
        let mut server = Self::default();
        server.open(service, settings, &settings.listen, routes::all)?;
        if let Some(listen) = &settings.metrics_listen {
            server.open(service, settings, std::slice::from_ref(listen), routes::observing)?;
        }
        Ok(server)
    }

    /// Opens the listeners of some routes.
    ///
    /// # Errors
    /// [`ListenError`] naming the address.
    pub(super) fn open(
        &mut self,
        service: &Arc<Service>,
        settings: &ServerSettings,
        listen: &[Listen],
        routes: fn(&mut web::ServiceConfig),
    ) -> Result<(), ListenError> {
        let service = web::Data::from(Arc::clone(service));
        let origins = settings.cors_origins.clone();
        let app = move || {
            let service = service.clone();
            App::new()
                .app_data(service)
                .configure(routes)
                .wrap(from_fn(middleware::handle))
                .wrap(Condition::new(!origins.is_empty(), cors(&origins)))
        };
        let mut http = HttpServer::new(app)
            .workers(workers())
            .worker_max_blocking_threads(BLOCKING_THREADS)
            .max_connections(connections())
            .client_request_timeout(HEAD_TIMEOUT)
            .keep_alive(KEEP_ALIVE)
            // A client that closes its side has left, and its work is dropped.
            .h1_allow_half_closed(false)
            .shutdown_timeout(settings.shutdown_timeout.as_secs())
            .disable_signals();
        for address in listen {
            let io = |source| ListenError::Io { address: address.clone(), source };
            match address {
                Listen::Tcp(host) => {
                    let before = http.addrs().len();
                    http = http.bind(host).map_err(io)?;
                    self.addresses.extend(http.addrs()[before..].iter().map(|address| format!("http://{address}")));
                }
                Listen::Unix(path) => {
                    http = http.listen_uds(open_unix(path)?).map_err(io)?;
                    self.addresses.push(address.to_string());
                    self.sockets.push(path.clone());
                }
            }
        }
        self.starts.push(Box::new(move || http.run()));
        Ok(())
    }

    /// Where it listens, with the ports that port 0 became.
    pub fn addresses(&self) -> &[String] {
        &self.addresses
    }

    /// Begins to serve. To be called on a runtime of [`run`].
    pub fn start(self) -> Running {
        let servers: Vec<_> = self.starts.into_iter().map(|start| start()).collect();
        let handles = servers.iter().map(actix_web::dev::Server::handle).collect();
        for server in servers {
            actix_web::rt::spawn(async {
                if let Err(error) = server.await {
                    tracing::error!("a listener failed: {error}");
                }
            });
        }
        Running { handles, sockets: self.sockets }
    }
}

impl Running {
    /// Closes the listeners and returns when what is in flight has been answered, or its time is over.
    pub async fn stop(self) {
        for handle in self.handles {
            handle.stop(true).await;
        }
        for socket in self.sockets {
            // It may be gone already, and nobody listens there now.
            std::fs::remove_file(socket).unwrap_or_default();
        }
    }
}

/// Runs a future on a runtime that can serve.
///
/// # Errors
/// When the system gives no runtime.
pub fn run<T>(future: impl Future<Output = T>) -> io::Result<T> {
    Ok(System::new().block_on(future))
}

/// Runs a future beside the others of the runtime.
pub fn spawn(future: impl Future<Output = ()> + 'static) {
    actix_web::rt::spawn(future);
}

/// Waits, on the runtime.
pub async fn sleep(duration: Duration) {
    tokio::time::sleep(duration).await;
}

/// Connections of a worker for which there are file descriptors.
fn connections() -> usize {
    let files = max_open_files().unwrap_or(u64::MAX).saturating_sub(OTHER_FILES);
    (files / workers() as u64).clamp(1, MAX_CONNECTIONS) as usize
}

fn cors(origins: &[String]) -> Cors {
    let cors = Cors::default().allowed_methods(["GET", "POST"]).allow_any_header().expose_any_header().max_age(3600);
    if origins.iter().any(|origin| origin == "*") {
        return cors.allow_any_origin().send_wildcard();
    }
    origins.iter().fold(cors, |cors, origin| cors.allowed_origin(origin))
}
