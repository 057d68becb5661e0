//! The thread that accepts connections, answers probes, and hands all other requests to the workers.
//!
//! It does little for each event, and nothing that waits, so that a probe is answered however busy the workers are. A
//! worker hands a connection back when it has been idle for a moment. A probe that comes sooner waits for that worker.

use std::io;
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use actix_web::http::StatusCode;
use futures_util::FutureExt;
use futures_util::future::{Either, select};
use tokio::sync::oneshot;
use tokio::task::{spawn_local, yield_now};
use tokio::time::{sleep, timeout, timeout_at};

use super::handover::{Handover, Routing};
use super::listener::Listener;
use super::places::{Place, Places};
use super::probe_answers::ProbeAnswers;
use super::probe_request::{Arrived, KeepAlive, look};
use super::refusals::{Refusal, Refusals};
use super::socket::Socket;
use super::thread::{self, Ended, Starting};
use super::waiting::{Ticket, Waiting};
use super::worker::{Dispatcher, HandedBack};
use super::{StartError, Timeouts};
use crate::listen::BoundSocket;
use crate::probes::Probe;

/// Bytes that are read at a time.
const READ_BYTES: usize = 2 << 10;
/// The most bytes that are thrown away of what was sent by a peer that is refused.
const MAX_DISCARDED: usize = 64 << 10;
/// Pause after an error that is not about one connection, such as too little memory.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

const TOO_MANY: &str = "too many connections are open; try again later";
const TOO_SLOW: &str = "the request did not arrive in time";

/// A socket that is listened on, and what it is for.
pub(crate) struct BoundListener {
    pub(crate) socket: BoundSocket,
    /// The index of the application that answers what is no probe.
    pub(crate) app: usize,
    pub(crate) probes: &'static [Probe],
}

/// The thread, while it runs.
pub(crate) struct Acceptor {
    stop: oneshot::Sender<()>,
    ended: Ended,
}

/// What the acceptor needs.
pub(crate) struct AcceptorSettings {
    pub(crate) places: Arc<Places>,
    pub(crate) timeouts: Timeouts,
    pub(crate) refusals: Arc<Refusals>,
    pub(crate) answers: ProbeAnswers,
    pub(crate) dispatcher: Dispatcher,
    pub(crate) handed_back: HandedBack,
}

impl Acceptor {
    pub(crate) fn start(listeners: Vec<BoundListener>, settings: AcceptorSettings) -> Result<Self, StartError> {
        let (stop, stopped) = oneshot::channel();
        let ended =
            thread::start("acceptor", move |starting| run(listeners, settings, stopped, starting).boxed_local())?;
        Ok(Self { stop, ended })
    }

    /// Closes the listeners, and the connections that wait for a request.
    pub(crate) async fn stop(self) {
        drop(self.stop);
        // The thread drops its side when it ends.
        self.ended.await.unwrap_or_default();
    }
}

async fn run(
    listeners: Vec<BoundListener>,
    settings: AcceptorSettings,
    stopped: oneshot::Receiver<()>,
    starting: Starting,
) {
    let AcceptorSettings { places, timeouts, refusals, answers, dispatcher, handed_back } = settings;
    let shared = Rc::new(Shared { places, timeouts, refusals, answers, dispatcher, waiting: Rc::default() });
    let mut accepting = Vec::new();
    for (index, listener) in listeners.into_iter().enumerate() {
        let BoundListener { socket, app, probes } = listener;
        match Listener::new(socket) {
            Ok(listener) => {
                accepting.push(accept(Rc::clone(&shared), listener, Routing { listener: index, app, probes }))
            }
            Err(error) => return starting.report(Err(StartError::Runtime(error))),
        }
    }
    starting.report(Ok(()));
    accepting.into_iter().for_each(|accepting| drop(spawn_local(accepting)));
    spawn_local(take_back(shared, handed_back));
    // Dropped to stop.
    stopped.await.unwrap_or_default();
}

struct Shared {
    places: Arc<Places>,
    timeouts: Timeouts,
    refusals: Arc<Refusals>,
    answers: ProbeAnswers,
    dispatcher: Dispatcher,
    waiting: Rc<Waiting>,
}

async fn accept(shared: Rc<Shared>, listener: Listener, routing: Routing) {
    let places = &shared.places;
    let mut freed = places.freed();
    loop {
        while places.is_full() {
            // Someone was evicted for the last connection and is about to leave, or all are at the workers.
            freed.changed().await.unwrap_or_default();
        }
        match listener.accept().await {
            Ok((socket, peer)) => {
                let (place, full) = places.take(routing.listener, peer);
                welcome(&shared, socket, place, routing);
                if let Some(full) = full {
                    shared.waiting.evict_one(full, Instant::now());
                    // Whoever was evicted leaves before the next one comes.
                    yield_now().await;
                }
            }
            Err(error) if is_about_one_connection(&error) => {}
            Err(error) => {
                tracing::warn!("cannot accept connections: {error}");
                sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

/// Looks at what a new connection has sent, which often is its whole request: a probe is answered before it can be evicted,
/// and costs little.
fn welcome(shared: &Rc<Shared>, socket: Socket, mut place: Place, routing: Routing) {
    let mut bytes = vec![0; READ_BYTES];
    match socket.read_first(&mut bytes) {
        Ok(0) => return,
        Ok(read) => bytes.truncate(read),
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => bytes.clear(),
        Err(_) => return,
    }
    let (mut unsent, mut is_last, mut is_idle) = (Vec::new(), false, false);
    let is_other = match look(&bytes, routing.probes) {
        Arrived::Probe(request, length) => {
            bytes.drain(..length);
            let (answer, connection) = shared.answers.answer(&request);
            let written = socket.try_write(&answer).unwrap_or_default();
            unsent = answer[written..].to_vec();
            is_last = connection == KeepAlive::Close;
            if unsent.is_empty() && is_last {
                return;
            }
            is_idle = bytes.is_empty();
            false
        }
        Arrived::Other => true,
        Arrived::Incomplete => false,
    };
    let (shared, waiting_since) = (Rc::clone(shared), Instant::now());
    let visitor = Visitor { shared, socket, routing, bytes, unsent, is_last, waiting_since, is_idle };
    if is_other && place.admit() {
        return visitor.hand_over(place);
    }
    let ticket = visitor.shared.waiting.enter(&place, waiting_since);
    spawn_local(visitor.attend(place, ticket));
}

/// Takes connections that have become idle back from the workers.
async fn take_back(shared: Rc<Shared>, mut handed_back: HandedBack) {
    while let Some(Handover { socket, first, waiting_since, place, routing }) = handed_back.recv().await {
        match Socket::attach(socket) {
            Ok(socket) => {
                let ticket = shared.waiting.enter(&place, waiting_since);
                let shared = Rc::clone(&shared);
                let (bytes, unsent) = (first, Vec::new());
                let (is_last, is_idle) = (false, true);
                let visitor = Visitor { shared, socket, routing, bytes, unsent, is_last, waiting_since, is_idle };
                spawn_local(visitor.attend(place, ticket));
            }
            Err(error) => tracing::warn!("cannot take a connection back from a worker: {error}"),
        }
    }
}

fn is_about_one_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset, Interrupted};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset | Interrupted)
}

/// A connection that waits at the acceptor.
struct Visitor {
    shared: Rc<Shared>,
    socket: Socket,
    routing: Routing,
    /// What has arrived and is not answered.
    bytes: Vec<u8>,
    /// The rest of an answer.
    unsent: Vec<u8>,
    /// Whether the connection closes after it.
    is_last: bool,
    /// Since when the next request is being waited for.
    waiting_since: Instant,
    /// Whether a request has been answered, and nothing has arrived since.
    is_idle: bool,
}

/// What is to happen to a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Next {
    HandOver,
    Close,
}

impl Visitor {
    fn timeouts(&self) -> Timeouts {
        self.shared.timeouts
    }

    async fn attend(mut self, mut place: Place, ticket: Ticket) {
        let next = match select(pin!(self.answer_probes()), pin!(ticket.evicted())).await {
            Either::Left((next, _)) => next.unwrap_or(Next::Close),
            Either::Right(_) => Next::Close,
        };
        if next == Next::Close {
            return;
        }
        if !place.admit() && !self.wait_for_place(&mut place, &ticket).await {
            return self.refuse(StatusCode::SERVICE_UNAVAILABLE, TOO_MANY).await.unwrap_or_default();
        }
        drop(ticket);
        self.hand_over(place);
    }

    /// Waits for a place at the workers, unless a newer connection needs the place here first.
    async fn wait_for_place(&self, place: &mut Place, ticket: &Ticket) -> bool {
        ticket.ask();
        let deadline = self.waiting_since + self.timeouts().head;
        let admitted = pin!(timeout_at(deadline.into(), place.admitted()));
        match select(admitted, pin!(ticket.evicted())).await {
            Either::Left((admitted, _)) => admitted.is_ok(),
            Either::Right(_) => false,
        }
    }

    fn hand_over(self, place: Place) {
        let Self { shared, socket, routing, bytes, waiting_since, .. } = self;
        match socket.detach() {
            Ok(socket) => {
                let handover = Handover { socket, first: bytes, waiting_since, place, routing };
                shared.dispatcher.hand_over(handover);
            }
            Err(error) => tracing::warn!("cannot hand a connection to a worker: {error}"),
        }
    }

    /// Answers probes until something else arrives.
    async fn answer_probes(&mut self) -> io::Result<Next> {
        self.write(&self.unsent).await?;
        self.unsent = Vec::new();
        if self.is_last {
            return Ok(Next::Close);
        }
        loop {
            match look(&self.bytes, self.routing.probes) {
                Arrived::Other => return Ok(Next::HandOver),
                Arrived::Incomplete => {
                    if !self.read().await? {
                        return Ok(Next::Close);
                    }
                }
                Arrived::Probe(request, length) => {
                    self.bytes.drain(..length);
                    let (answer, connection) = self.shared.answers.answer(&request);
                    self.write(&answer).await?;
                    if connection == KeepAlive::Close {
                        return Ok(Next::Close);
                    }
                    self.waiting_since = Instant::now();
                    self.is_idle = self.bytes.is_empty();
                    // Others first: a client may have sent thousands of probes at once.
                    yield_now().await;
                }
            }
        }
    }

    /// Reads more. Returns whether there is more.
    async fn read(&mut self) -> io::Result<bool> {
        let limit = if self.is_idle { self.timeouts().idle } else { self.timeouts().head };
        let deadline = self.waiting_since + limit;
        match timeout_at(deadline.into(), self.fill()).await {
            Ok(read) => {
                if self.is_idle {
                    self.is_idle = false;
                    self.waiting_since = Instant::now();
                }
                Ok(read? > 0)
            }
            Err(_) if self.is_idle => Ok(false),
            Err(_) => self.refuse(StatusCode::REQUEST_TIMEOUT, TOO_SLOW).await.map(|()| false),
        }
    }

    async fn fill(&mut self) -> io::Result<usize> {
        loop {
            self.socket.readable().await?;
            let mut bytes = [0; READ_BYTES];
            match self.socket.try_read(&mut bytes) {
                Ok(read) => {
                    self.bytes.extend_from_slice(&bytes[..read]);
                    return Ok(read);
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Err(error),
            }
        }
    }

    async fn refuse(&self, status: StatusCode, reason: &'static str) -> io::Result<()> {
        let answer = self.shared.refusals.answer(&Refusal::new(status, reason));
        self.write(&answer).await?;
        // Closing a socket with unread bytes would reset the connection before the peer has seen the answer.
        // It does not matter how much is read.
        self.socket.try_read(&mut vec![0; MAX_DISCARDED]).unwrap_or_default();
        Ok(())
    }

    async fn write(&self, bytes: &[u8]) -> io::Result<()> {
        let mut rest = bytes;
        while !rest.is_empty() {
            match self.socket.try_write(rest) {
                Ok(written) => rest = &rest[written..],
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    let writable = timeout(self.timeouts().write, self.socket.writable()).await;
                    if writable.is_err() {
                        self.socket.discard_unsent();
                    }
                    writable??;
                }
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}
