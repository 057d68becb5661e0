//! The threads that run the routes, each with its connections.

use std::future::poll_fn;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Poll;
use std::time::Duration;

use futures_util::FutureExt;
use tokio::sync::mpsc::{self, UnboundedReceiver, UnboundedSender};
use tokio::sync::watch;
use tokio::time::{sleep, timeout};

use super::app::{AppFactory, Serve};
use super::connection::Connection;
use super::handover::Handover;
#[cfg(feature = "grpc")]
use super::http2;
use super::refusals::Refusals;
use super::thread::{self, Ended, Starting};
use super::{StartError, Timeouts};

/// How long a worker may take to begin with its last connections when the service stops.
const QUEUE_LIMIT: Duration = Duration::from_secs(1);
const QUEUE_PAUSE: Duration = Duration::from_millis(1);
/// How much longer than its connections a worker may take to end before it is left behind.
const END_MARGIN: Duration = Duration::from_secs(1);

/// All workers.
pub(crate) struct Workers {
    ended: Vec<Ended>,
    loads: Vec<Arc<Load>>,
    ending: watch::Sender<bool>,
    shutdown_timeout: Duration,
}

/// What all workers have in common.
#[derive(Clone)]
pub(crate) struct WorkerSettings {
    pub(crate) apps: Arc<[AppFactory]>,
    pub(crate) timeouts: Timeouts,
    pub(crate) refusals: Arc<Refusals>,
    /// How long connections have to end with their current answer.
    pub(crate) shutdown_timeout: Duration,
}

/// Takes idle connections back.
pub(crate) type HandedBack = UnboundedReceiver<Handover>;

/// Takes connections to the workers. When it is dropped, no more come.
pub(crate) struct Dispatcher(Vec<Entrance>);

struct Entrance {
    connections: UnboundedSender<(Handover, Assigned)>,
    load: Arc<Load>,
}

/// The connections of a worker.
#[derive(Debug, Default)]
struct Load {
    all: AtomicUsize,
    /// Those that it has not begun with. They are many when it is held up.
    queued: AtomicUsize,
}

/// One of the connections of a worker, until this is dropped.
struct Assigned {
    load: Arc<Load>,
    is_queued: bool,
}

impl Workers {
    /// Starts so many workers.
    pub(crate) fn start(count: usize, settings: &WorkerSettings) -> Result<(Self, Dispatcher, HandedBack), StartError> {
        let ending = watch::Sender::new(false);
        let (back, handed_back) = mpsc::unbounded_channel();
        let (mut ended, mut entrances, mut loads) = (Vec::new(), Vec::new(), Vec::new());
        for index in 0..count {
            let (connections, handovers) = mpsc::unbounded_channel();
            let load = Arc::new(Load::default());
            loads.push(Arc::clone(&load));
            entrances.push(Entrance { connections, load });
            let (settings, ending, back) = (settings.clone(), ending.subscribe(), back.clone());
            let work = move |starting| work(settings, ending, handovers, back, starting).boxed_local();
            ended.push(thread::start(&format!("worker {index}"), work)?);
        }
        let workers = Self { ended, loads, ending, shutdown_timeout: settings.shutdown_timeout };
        Ok((workers, Dispatcher(entrances), handed_back))
    }

    /// Ends the connections with their current answers, and returns when they have ended or their time is over. The
    /// dispatcher must have been dropped.
    pub(crate) async fn stop(self) {
        // First they begin with the connections that they have got: a request that has been accepted is answered.
        timeout(QUEUE_LIMIT, self.begun()).await.unwrap_or_default();
        self.ending.send_replace(true);
        let limit = self.shutdown_timeout + END_MARGIN;
        let all = futures_util::future::join_all(self.ended);
        // A worker that is still busy then ends with the process.
        timeout(limit, all).await.map_or_else(drop, drop);
    }

    /// Returns when the workers have begun with all of their connections.
    async fn begun(&self) {
        while self.loads.iter().any(|load| load.queued.load(Ordering::Relaxed) > 0) {
            sleep(QUEUE_PAUSE).await;
        }
    }
}

impl Dispatcher {
    /// Hands a connection to the worker with the fewest that wait for it, and the fewest in all.
    pub(super) fn hand_over(&self, handover: Handover) {
        let Some(entrance) = self.0.iter().min_by_key(|entrance| entrance.load.now()) else { return };
        let assigned = Assigned::new(&entrance.load);
        if entrance.connections.send((handover, assigned)).is_err() {
            tracing::error!("a worker has ended unexpectedly");
        }
    }
}

impl Load {
    fn now(&self) -> (usize, usize) {
        (self.queued.load(Ordering::Relaxed), self.all.load(Ordering::Relaxed))
    }
}

impl Assigned {
    fn new(load: &Arc<Load>) -> Self {
        load.all.fetch_add(1, Ordering::Relaxed);
        load.queued.fetch_add(1, Ordering::Relaxed);
        Self { load: Arc::clone(load), is_queued: true }
    }

    /// The worker begins with the connection.
    fn begin(&mut self) {
        if self.is_queued {
            self.is_queued = false;
            self.load.queued.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

impl Drop for Assigned {
    fn drop(&mut self) {
        self.begin();
        self.load.all.fetch_sub(1, Ordering::Relaxed);
    }
}

async fn work(
    settings: WorkerSettings,
    ending: watch::Receiver<bool>,
    mut handovers: UnboundedReceiver<(Handover, Assigned)>,
    back: UnboundedSender<Handover>,
    starting: Starting,
) {
    let services = match set_up(&settings.apps, ending).await {
        Ok(services) => services,
        Err(error) => return starting.report(Err(error)),
    };
    starting.report(Ok(()));
    // Every connection has a clone of the sender, so receiving ends with the last of them.
    let (open, mut all_closed) = mpsc::channel::<()>(1);
    while let Some((handover, assigned)) = handovers.recv().await {
        let serve = services[handover.routing.app].clone();
        let (settings, back, open) = (settings.clone(), back.clone(), open.clone());
        tokio::task::spawn_local(async move {
            serve_connection(handover, assigned, &serve, &settings, back).await;
            drop(open);
        });
    }
    drop(open);
    timeout(settings.shutdown_timeout, all_closed.recv()).await.unwrap_or_default();
}

async fn set_up(apps: &[AppFactory], ending: watch::Receiver<bool>) -> Result<Vec<Serve>, StartError> {
    let mut services = Vec::new();
    for app in apps {
        services.push(app(ending.clone()).await.ok_or(StartError::Routes)?);
    }
    thread::start_blocking_thread().await?;
    Ok(services)
}

async fn serve_connection(
    handover: Handover,
    mut assigned: Assigned,
    serve: &Serve,
    settings: &WorkerSettings,
    back: UnboundedSender<Handover>,
) {
    let refusals = Arc::clone(&settings.refusals);
    let serving = match serve {
        Serve::Http1(serve) => Connection::new(handover, settings.timeouts, refusals, back).map(|it| serve(it)),
        #[cfg(feature = "grpc")]
        Serve::Http2(shared) => http2::serve(handover, settings.timeouts, &refusals, shared),
    };
    match serving {
        Ok(mut serving) => {
            // Its first request begins in this poll, if it has arrived.
            let ended = poll_fn(|cx| Poll::Ready(serving.as_mut().poll(cx).is_ready())).await;
            assigned.begin();
            if !ended {
                serving.await;
            }
        }
        Err(error) => tracing::warn!("cannot serve a connection: {error}"),
    }
}
