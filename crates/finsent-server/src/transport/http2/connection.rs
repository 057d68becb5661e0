//! A connection of HTTP/2: its calls, its limits, its end.

use std::future::{Future, poll_fn};
use std::io;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use actix_web::http::StatusCode;
use actix_web::web::Bytes;
use futures_util::FutureExt;
use futures_util::future::LocalBoxFuture;
use h2::server::{Builder, Connection, SendResponse};
use h2::{Ping, PingPong, RecvStream};
use http::Request;
use tokio::task::JoinSet;
use tokio::time::{Sleep, sleep_until, timeout};

use super::super::handover::Handover;
use super::super::places::Place;
use super::super::refusals::{Refusal, Refusals};
use super::super::socket::Socket;
use super::super::timeouts::Timeouts;
use super::Shared;
use super::call::{self, Call};
use super::stream::{Stream, Traffic};
use crate::service::Phase;

/// What every connection of HTTP/2 begins with.
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// Calls of a connection at a time. Clients wait with others. h2 needs some 4 KB for each until the peer has taken its answer.
const MAX_CALLS: u32 = 32;
/// Bytes of the head of a call, as HTTP/2 counts them: as many as gRPC's own servers take by default. h2 unpacks the heads of
/// all calls that arrive together before they are counted.
const MAX_HEAD_BYTES: u32 = 8 << 10;
/// Bytes of a call, and of all calls of a connection, that may arrive before they are read. Messages are read at once, so
/// this is how much may be on the way.
const CALL_WINDOW: u32 = 64 << 10;
const CONNECTION_WINDOW: u32 = 1 << 20;
/// Bytes of an answer that h2 holds for the socket.
const SEND_BUFFER: usize = 16 << 10;
/// While calls are in progress, a peer that has sent nothing for so long is asked for a sign of life, and cut if it gives
/// none for as long again.
const KEEP_ALIVE: Duration = Duration::from_secs(20);

const NOT_HTTP_2: &str = "this address is for gRPC, which is HTTP/2; send HTTP/1.1 to that of --listen";

/// Serves a connection to its end.
pub(in super::super) fn serve(
    handover: Handover,
    timeouts: Timeouts,
    refusals: &Refusals,
    shared: &Rc<Shared>,
) -> io::Result<LocalBoxFuture<'static, ()>> {
    let Handover { socket, first, place, .. } = handover;
    let socket = Socket::attach(socket)?;
    let known = first.len().min(PREFACE.len());
    if first[..known] != PREFACE[..known] {
        let answer = refusals.answer(&Refusal::new(StatusCode::BAD_REQUEST, NOT_HTTP_2));
        let refuse = async move {
            if matches!(timeout(timeouts.write, socket.writable()).await, Ok(Ok(()))) {
                // The answer is short. Ignore errors: the peer has left.
                socket.try_write(&answer).map_or_else(drop, drop);
            }
        };
        return Ok(refuse.boxed_local());
    }
    let peer = socket.peer();
    let (stream, traffic) = Stream::new(socket, first);
    let shared = Rc::clone(shared);
    Ok(async move {
        let handshake = Builder::new()
            .max_concurrent_streams(MAX_CALLS)
            .max_header_list_size(MAX_HEAD_BYTES)
            .initial_window_size(CALL_WINDOW)
            .initial_connection_window_size(CONNECTION_WINDOW)
            .max_send_buffer_size(SEND_BUFFER)
            .handshake(stream);
        if let Ok(Ok(connection)) = timeout(timeouts.head, handshake).await {
            Serving::new(connection, traffic, peer, timeouts, shared, place).run().await;
        }
    }
    .boxed_local())
}

/// A connection that is being served. Dropping it ends its calls.
struct Serving {
    connection: Connection<Stream, Bytes>,
    pings: Option<PingPong>,
    calls: JoinSet<()>,
    traffic: Rc<Traffic>,
    peer: Option<SocketAddr>,
    timeouts: Timeouts,
    shared: Rc<Shared>,
    /// Since when there are no calls.
    quiet_since: Instant,
    /// When a sign of life was asked for.
    pinged: Option<Instant>,
    has_begun: bool,
    /// Whether the peer has been told to send its next calls elsewhere.
    is_leaving: bool,
    alarm: Pin<Box<Sleep>>,
    /// After the connection: the place is free when the socket is closed.
    _place: Place,
}

#[expect(clippy::large_enum_variant, reason = "it is matched at once, and calls are the common event")]
enum Event {
    Call(Request<RecvStream>, SendResponse<Bytes>),
    CallEnded,
    Closed,
    /// The service drains, or the connection must end.
    Leave,
    Alarm,
}

impl Serving {
    fn new(
        mut connection: Connection<Stream, Bytes>,
        traffic: Rc<Traffic>,
        peer: Option<SocketAddr>,
        timeouts: Timeouts,
        shared: Rc<Shared>,
        place: Place,
    ) -> Self {
        let now = Instant::now();
        Self {
            pings: connection.ping_pong(),
            connection,
            calls: JoinSet::new(),
            traffic,
            peer,
            timeouts,
            shared,
            quiet_since: now,
            pinged: None,
            has_begun: false,
            is_leaving: false,
            alarm: Box::pin(sleep_until(now.into())),
            _place: place,
        }
    }

    async fn run(mut self) {
        let (mut ending, mut phases) = (self.shared.ending.clone(), self.shared.service.phases());
        let mut must_end = pin!(async { ending.wait_for(|ending| *ending).await.map(drop).unwrap_or_default() }.fuse());
        let mut drains = pin!(
            async { phases.wait_for(|&phase| phase == Phase::Draining).await.map(drop).unwrap_or_default() }.fuse()
        );
        let (mut ends, mut is_draining) = (false, false);
        loop {
            // While the service drains, a new connection is answered once, as in HTTP/1.1.
            if !self.is_leaving && (ends || (is_draining && self.has_begun)) {
                self.leave();
            }
            self.set_alarm();
            let event = poll_fn(|cx| {
                if must_end.as_mut().poll(cx).is_ready() {
                    ends = true;
                    return Poll::Ready(Event::Leave);
                }
                if drains.as_mut().poll(cx).is_ready() {
                    is_draining = true;
                    return Poll::Ready(Event::Leave);
                }
                self.poll(cx)
            });
            match event.await {
                Event::Call(request, respond) => self.begin(request, respond),
                Event::CallEnded => {
                    if self.calls.is_empty() {
                        self.quiet_since = Instant::now();
                    }
                }
                Event::Leave => {}
                Event::Alarm if self.go_on() => {}
                Event::Alarm | Event::Closed => return,
            }
        }
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Event> {
        // A peer that does not read its answers gets no more of them. Calls that were cancelled stay until their tasks have run, and
        // a peer that goes on to begin and cancel calls until then is cut by h2.
        if self.traffic.blocked_since().is_some() || self.calls.len() >= MAX_CALLS as usize {
            if self.connection.poll_closed(cx).is_ready() {
                return Poll::Ready(Event::Closed);
            }
        } else if let Poll::Ready(accepted) = pin!(self.connection.accept()).poll(cx) {
            return Poll::Ready(match accepted {
                Some(Ok((request, respond))) => Event::Call(request, respond),
                Some(Err(_)) | None => Event::Closed,
            });
        }
        if let Poll::Ready(Some(_)) = self.calls.poll_join_next(cx) {
            return Poll::Ready(Event::CallEnded);
        }
        if let Some(pings) = &mut self.pings
            && pings.poll_pong(cx).is_ready()
        {
            self.pinged = None;
        }
        self.alarm.as_mut().poll(cx).map(|()| Event::Alarm)
    }

    fn begin(&mut self, request: Request<RecvStream>, respond: SendResponse<Bytes>) {
        self.has_begun = true;
        let call = Call {
            routes: Rc::clone(&self.shared.routes),
            service: Arc::clone(&self.shared.service),
            traffic: Rc::clone(&self.traffic),
            peer: self.peer,
            limit: self.timeouts.write,
        };
        self.calls.spawn_local(call::answer(call, request, respond));
    }

    /// Tells the peer to send its next calls elsewhere. Those in progress are answered.
    fn leave(&mut self) {
        self.connection.graceful_shutdown();
        self.is_leaving = true;
        self.quiet_since = Instant::now();
    }

    fn set_alarm(&mut self) {
        let deadline = self.deadline().into();
        if self.alarm.deadline() != deadline {
            self.alarm.as_mut().reset(deadline);
        }
    }

    /// When something is to be done that no event tells.
    fn deadline(&self) -> Instant {
        let deadline = if !self.calls.is_empty() {
            self.pinged.unwrap_or_else(|| self.traffic.last_read()) + KEEP_ALIVE
        } else if self.is_leaving {
            self.quiet_since + self.timeouts.head
        } else {
            self.quiet_since + self.timeouts.idle
        };
        let of_writing = self.traffic.blocked_since().map(|since| since + self.timeouts.write);
        of_writing.map_or(deadline, |of_writing| of_writing.min(deadline))
    }

    /// Does what the time has come for. Returns whether the connection goes on.
    fn go_on(&mut self) -> bool {
        let now = Instant::now();
        if self.pinged.is_some_and(|pinged| self.traffic.last_read() > pinged) {
            self.pinged = None;
        }
        if now < self.deadline() {
            return true;
        }
        if self.traffic.blocked_since().is_some_and(|since| now >= since + self.timeouts.write) {
            self.traffic.discard_unsent();
            return false;
        }
        if self.calls.is_empty() {
            if self.is_leaving {
                return false;
            }
            self.leave();
            return true;
        }
        if self.pinged.is_some() {
            self.traffic.discard_unsent();
            return false;
        }
        if let Some(pings) = &mut self.pings {
            // It fails if the last one is not answered, which is noticed in any case.
            pings.send_ping(Ping::opaque()).unwrap_or_default();
        }
        self.pinged = Some(now);
        true
    }
}
