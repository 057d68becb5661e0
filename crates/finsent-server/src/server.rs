//! The HTTP server: its listeners, its connections, its end.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use actix_cors::Cors;
use actix_web::dev::ServerHandle;
use actix_web::middleware::{Condition, from_fn};
use actix_web::{App, HttpServer, web};

use crate::listen::{Listen, ListenError, listen_unix};
use crate::metrics::max_open_files;
use crate::service::{Service, http_workers};
use crate::{middleware, routes};

/// The time in which the head of a request must arrive.
const HEAD_TIMEOUT: Duration = Duration::from_secs(5);
/// How long an idle connection stays open: longer than the minute after which load balancers close theirs.
const KEEP_ALIVE: Duration = Duration::from_secs(75);
/// The most connections of a worker.
const MAX_CONNECTIONS: u64 = 10_000;
/// Files that are open besides the connections.
const OTHER_FILES: u64 = 64;
/// Threads per worker for work that would delay its other connections.
const BLOCKING_THREADS: usize = 2;

/// Where and how to serve.
#[derive(Debug, Clone)]
pub struct ServerSettings {
    /// The addresses of the service.
    pub listen: Vec<Listen>,
    /// A second address, for probes and metrics only.
    pub metrics_listen: Option<Listen>,
    /// Origins whose pages may send requests; `*` stands for all. If there are none, CORS is off.
    pub cors_origins: Vec<String>,
    /// How long the service stays open after it has become not ready, so that load balancers notice.
    pub drain_delay: Duration,
    /// How long running requests may take at the end.
    pub shutdown_timeout: Duration,
}

/// A server that listens and does not serve yet: connections wait.
pub struct Server {
    pub(crate) service: Arc<Service>,
    pub(crate) drain_delay: Duration,
    starts: Vec<Box<dyn FnOnce() -> actix_web::dev::Server>>,
    addresses: Vec<String>,
    sockets: Vec<PathBuf>,
}

/// A server that serves.
pub(crate) struct RunningServer {
    handles: Vec<ServerHandle>,
    sockets: Vec<PathBuf>,
}

impl Server {
    /// Listens on all addresses.
    ///
    /// # Errors
    /// [`ListenError`] if one of them is not available.
    pub fn bind(service: &Arc<Service>, settings: &ServerSettings) -> Result<Self, ListenError> {
        routes::create_series(service.metrics(), "");
        let mut server = Self::new(service, settings);
        server.listen(settings, &settings.listen, routes::register_all)?;
        if let Some(listen) = &settings.metrics_listen {
            server.listen(settings, std::slice::from_ref(listen), routes::register_observation)?;
        }
        Ok(server)
    }

    pub(crate) fn new(service: &Arc<Service>, settings: &ServerSettings) -> Self {
        Self {
            service: Arc::clone(service),
            drain_delay: settings.drain_delay,
            starts: Vec::new(),
            addresses: Vec::new(),
            sockets: Vec::new(),
        }
    }

    /// Listens on addresses that have the same routes.
    pub(crate) fn listen(
        &mut self,
        settings: &ServerSettings,
        listen: &[Listen],
        routes: fn(&mut web::ServiceConfig),
    ) -> Result<(), ListenError> {
        let service = web::Data::from(Arc::clone(&self.service));
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
            .workers(http_workers())
            .worker_max_blocking_threads(BLOCKING_THREADS)
            .max_connections(connections())
            .client_request_timeout(HEAD_TIMEOUT)
            .keep_alive(KEEP_ALIVE)
            // A client that closes its side has disconnected, and its work is dropped.
            .h1_allow_half_closed(false)
            .shutdown_timeout(settings.shutdown_timeout.as_secs())
            .disable_signals();
        for address in listen {
            let io = |error| ListenError::new(address, error);
            match address {
                Listen::Tcp(host) => {
                    let before = http.addrs().len();
                    http = http.bind(host).map_err(io)?;
                    self.addresses.extend(http.addrs()[before..].iter().map(|address| format!("http://{address}")));
                }
                Listen::Unix(path) => {
                    http = http.listen_uds(listen_unix(path)?).map_err(io)?;
                    self.addresses.push(address.to_string());
                    self.sockets.push(path.clone());
                }
            }
        }
        self.starts.push(Box::new(move || http.run()));
        Ok(())
    }

    /// The addresses that it listens on, with the port that the system chose for port 0.
    pub fn addresses(&self) -> &[String] {
        &self.addresses
    }

    /// Starts to serve, on the current runtime of actix-web.
    pub(crate) fn start(self) -> RunningServer {
        let servers: Vec<_> = self.starts.into_iter().map(|start| start()).collect();
        let handles = servers.iter().map(actix_web::dev::Server::handle).collect();
        for server in servers {
            actix_web::rt::spawn(async {
                if let Err(error) = server.await {
                    tracing::error!("a listener failed: {error}");
                }
            });
        }
        RunningServer { handles, sockets: self.sockets }
    }
}

impl RunningServer {
    /// Stops listening, and returns once the running requests are answered or their time is over.
    pub(crate) async fn stop(self) {
        for handle in self.handles {
            handle.stop(true).await;
        }
        for socket in self.sockets {
            // Nobody listens there now. It is fine if the file is gone.
            fs::remove_file(socket).unwrap_or_default();
        }
    }
}

/// The most connections of a worker that the process has file descriptors for.
fn connections() -> usize {
    let files = max_open_files().unwrap_or(u64::MAX).saturating_sub(OTHER_FILES);
    (files / http_workers() as u64).clamp(1, MAX_CONNECTIONS) as usize
}

fn cors(origins: &[String]) -> Cors {
    let cors = Cors::default().allowed_methods(["GET", "POST"]).allow_any_header().expose_any_header().max_age(3600);
    if origins.iter().any(|origin| origin == "*") {
        return cors.allow_any_origin().send_wildcard();
    }
    origins.iter().fold(cors, |cors, origin| cors.allowed_origin(origin))
}
