//! The HTTP server: its listeners, its threads, its end.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use actix_cors::Cors;
use actix_web::middleware::{Condition, from_fn};
use actix_web::{App, web};

use crate::listen::{BoundSocket, Listen, ListenError};
use crate::platform::max_open_files;
use crate::probes::{self, Probe};
use crate::service::{Service, http_workers};
#[cfg(feature = "grpc")]
use crate::transport::http2_app_factory;
use crate::transport::{
    Acceptor, AcceptorSettings, AppFactory, BoundListener, Limits, Places, ProbeAnswers, Refusals, StartError,
    Timeouts, TooFewFiles, WorkerSettings, Workers, app_factory,
};
use crate::{middleware, routes};

/// Where and how to serve.
#[derive(Debug, Clone)]
pub struct ServerSettings {
    /// The addresses of the service.
    pub listen: Vec<Listen>,
    /// The addresses for gRPC. They need the feature `grpc`.
    pub grpc_listen: Vec<Listen>,
    /// A second address, for probes and metrics only.
    pub metrics_listen: Option<Listen>,
    /// Whether browsers get the page at `/`.
    pub page: bool,
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
    pub(crate) timeouts: Timeouts,
    shutdown_timeout: Duration,
    limits: Limits,
    listeners: Vec<BoundListener>,
    /// By the indices of the listeners.
    apps: Vec<AppFactory>,
    addresses: Vec<String>,
}

/// A server that serves.
pub(crate) struct RunningServer {
    acceptor: Acceptor,
    workers: Workers,
}

impl Server {
    /// Listens on all addresses.
    ///
    /// # Errors
    /// [`ListenError`] if one of them is not available, or too few files may be open.
    pub fn bind(service: &Arc<Service>, settings: &ServerSettings) -> Result<Self, ListenError> {
        routes::create_series(service.metrics(), "");
        let mut server = Self::new(service, settings)?;
        let routes = if settings.page { routes::register_all } else { routes::register_without_page };
        server.listen(settings, &settings.listen, routes, probes::OF_SERVICE)?;
        server.listen_for_grpc(&settings.grpc_listen)?;
        if let Some(listen) = &settings.metrics_listen {
            let listen = std::slice::from_ref(listen);
            server.listen(settings, listen, routes::register_observation, probes::OF_METRICS_LISTENER)?;
        }
        Ok(server)
    }

    pub(crate) fn new(service: &Arc<Service>, settings: &ServerSettings) -> Result<Self, ListenError> {
        let files = max_open_files();
        let too_few =
            |error: TooFewFiles| ListenError::TooFewFiles { allowed: files.unwrap_or(u64::MAX), needed: error.needed };
        Ok(Self {
            service: Arc::clone(service),
            drain_delay: settings.drain_delay,
            timeouts: Timeouts::default(),
            shutdown_timeout: settings.shutdown_timeout,
            limits: Limits::for_files(files).map_err(too_few)?,
            listeners: Vec::new(),
            apps: Vec::new(),
            addresses: Vec::new(),
        })
    }

    /// Listens on addresses that have the same routes.
    pub(crate) fn listen(
        &mut self,
        settings: &ServerSettings,
        listen: &[Listen],
        routes: fn(&mut web::ServiceConfig),
        probes: &'static [Probe],
    ) -> Result<(), ListenError> {
        let service = web::Data::from(Arc::clone(&self.service));
        let origins = settings.cors_origins.clone();
        let app = app_factory(move || {
            App::new()
                .app_data(service.clone())
                .configure(routes)
                .wrap(from_fn(middleware::handle))
                .wrap(Condition::new(!origins.is_empty(), cors(&origins)))
        });
        self.listen_for(app, listen, probes, BoundSocket::url)
    }

    /// Listens for gRPC.
    #[cfg(feature = "grpc")]
    pub(crate) fn listen_for_grpc(&mut self, listen: &[Listen]) -> Result<(), ListenError> {
        let service = web::Data::from(Arc::clone(&self.service));
        let app = move || {
            App::new().app_data(service.clone()).configure(routes::register_grpc).wrap(from_fn(middleware::handle))
        };
        let app = http2_app_factory(app, &self.service);
        self.listen_for(app, listen, &[], |socket| Ok(format!("{} (gRPC)", socket.name()?)))
    }

    #[cfg(not(feature = "grpc"))]
    fn listen_for_grpc(&mut self, listen: &[Listen]) -> Result<(), ListenError> {
        listen.first().map_or(Ok(()), |address| Err(ListenError::NoGrpc(address.clone())))
    }

    fn listen_for(
        &mut self,
        app: AppFactory,
        listen: &[Listen],
        probes: &'static [Probe],
        described: fn(&BoundSocket) -> io::Result<String>,
    ) -> Result<(), ListenError> {
        self.apps.push(app);
        let app = self.apps.len() - 1;
        for address in listen {
            for socket in BoundSocket::bind(address)? {
                self.addresses.push(described(&socket).map_err(|error| ListenError::new(address, error))?);
                self.listeners.push(BoundListener { socket, app, probes });
            }
        }
        Ok(())
    }

    /// The addresses that it listens on, for people, with the port that the system chose for port 0.
    pub fn addresses(&self) -> &[String] {
        &self.addresses
    }

    /// Starts to serve, on threads of its own.
    pub(crate) fn start(self) -> Result<RunningServer, StartError> {
        let refusals = Arc::new(Refusals::new(&self.service));
        let settings = WorkerSettings {
            apps: self.apps.into(),
            timeouts: self.timeouts,
            refusals: Arc::clone(&refusals),
            shutdown_timeout: self.shutdown_timeout,
        };
        let (workers, dispatcher, handed_back) = Workers::start(http_workers(), &settings)?;
        let settings = AcceptorSettings {
            places: Places::new(self.limits, self.listeners.len()),
            timeouts: self.timeouts,
            refusals,
            answers: ProbeAnswers::new(&self.service),
            dispatcher,
            handed_back,
        };
        Ok(RunningServer { acceptor: Acceptor::start(self.listeners, settings)?, workers })
    }
}

impl RunningServer {
    /// Stops listening, and returns once the running requests are answered or their time is over.
    pub(crate) async fn stop(self) {
        self.acceptor.stop().await;
        self.workers.stop().await;
    }

    /// Stops listening, and leaves the running requests to their end with the process.
    pub(crate) async fn abandon(self) {
        self.acceptor.stop().await;
    }
}

fn cors(origins: &[String]) -> Cors {
    let cors = Cors::default().allowed_methods(["GET", "POST"]).allow_any_header().expose_any_header().max_age(3600);
    if origins.iter().any(|origin| origin == "*") {
        return cors.allow_any_origin().send_wildcard();
    }
    origins.iter().fold(cors, |cors, origin| cors.allowed_origin(origin))
}
