//! A connection as actix-http sees it: one request at a time, within time limits.
//!
//! actix-http would parse and queue every pipelined request that has arrived, and read on while its answers wait to be
//! written. Here the bytes after a request are held back until its answer is written, and of those only a little is read
//! ahead. A head is delivered when it is whole, so that its bytes are searched once however slowly they arrive.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use actix_web::http::StatusCode;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::mpsc::UnboundedSender;
use tokio::time::{Sleep, sleep_until};

use super::exchange::Exchange;
use super::framing::{Framing, Head, MAX_HEAD_BYTES, end_of_head};
use super::handover::{Handover, Routing};
use super::places::Place;
use super::refusals::{Refusal, Refusals};
use super::socket::Socket;
use super::timeouts::Timeouts;

/// Bytes that are read at a time where they are held back.
const READ_BYTES: usize = 4 << 10;
/// Bytes after the current request that are read before it is answered, to notice that the peer has left.
const MAX_READ_AHEAD: usize = READ_BYTES;
/// How often a connection looks whether the peer of a request in progress has left. Usually a read shows it at once, but
/// nothing is read while a stream waits for its answers to be taken.
const PEER_CHECK: Duration = Duration::from_secs(1);
/// The most bytes that are thrown away when a connection is refused, so that its peer sees the refusal: closing a socket
/// with unread bytes resets the connection.
const MAX_DISCARDED: usize = 64 << 10;

/// A connection. Dropping it closes the socket and frees its place.
pub(crate) struct Connection {
    socket: Socket,
    /// After the socket: the place is free when the socket is closed.
    place: Option<Place>,
    routing: Routing,
    /// Takes the connection back to the acceptor when it is idle.
    back: UnboundedSender<Handover>,
    exchange: Exchange,
    timeouts: Timeouts,
    refusals: Arc<Refusals>,
    framing: Framing,
    /// Bytes that have arrived and are not delivered: a part of a head, or what follows the current request.
    held: Vec<u8>,
    /// Bytes at the start of `held` that are a head and may be delivered.
    deliverable: usize,
    /// Bytes of `held` that have been searched for the end of a head.
    searched: usize,
    /// Whether the next head is being waited for: some of it has arrived, or it is the first.
    head_has_begun: bool,
    /// Heads that have been delivered.
    delivered: u64,
    /// Since when the socket takes no more bytes.
    blocked_since: Option<Instant>,
    /// How the connection ends. It is reported to actix-http, which then closes it.
    end: Option<End>,
    /// What is still to be written of the answer with which the connection was refused.
    refusal: Vec<u8>,
    alarm: Alarm,
}

/// How a connection ends, for actix-http.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    Close,
    /// It is idle, and goes back to the acceptor instead of being closed.
    HandBack,
}

/// What happens to a connection at its next deadline.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Deadline {
    CheckPeer,
    Head,
    Idle,
    Write,
    /// It has ended.
    Close,
}

/// Wakes the task of a connection. It may be early, and then is set again: so it is seldom moved.
struct Alarm {
    sleep: Pin<Box<Sleep>>,
    time: Instant,
}

impl Alarm {
    fn new(time: Instant) -> Self {
        Self { sleep: Box::pin(sleep_until(time.into())), time }
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.sleep.as_mut().poll(cx)
    }

    /// Wakes the task at `time` or earlier.
    fn set(&mut self, time: Instant, cx: &mut Context<'_>) {
        if time < self.time {
            self.move_to(time, cx);
        }
    }

    fn move_to(&mut self, time: Instant, cx: &mut Context<'_>) {
        self.time = time;
        self.sleep.as_mut().reset(time.into());
        if self.poll(cx).is_ready() {
            // It is that time already.
            cx.waker().wake_by_ref();
        }
    }
}

impl Connection {
    /// A connection whose first bytes the acceptor has read.
    pub(super) fn new(
        handover: Handover,
        timeouts: Timeouts,
        refusals: Arc<Refusals>,
        back: UnboundedSender<Handover>,
    ) -> io::Result<Self> {
        let Handover { socket, first, waiting_since, place, routing } = handover;
        Ok(Self {
            socket: Socket::attach(socket)?,
            place: Some(place),
            routing,
            back,
            exchange: Exchange::new(waiting_since),
            refusals,
            framing: Framing::Head,
            held: first,
            head_has_begun: true,
            deliverable: 0,
            searched: 0,
            delivered: 0,
            blocked_since: None,
            end: None,
            refusal: Vec::new(),
            alarm: Alarm::new(waiting_since + timeouts.head),
            timeouts,
        })
    }

    pub(super) fn exchange(&self) -> &Exchange {
        &self.exchange
    }

    pub(super) fn peer(&self) -> Option<SocketAddr> {
        self.socket.peer()
    }

    /// Whether actix-http has got a head that has not become a request: it is at it, or it refuses it.
    fn awaits_request(&self) -> bool {
        self.delivered > self.exchange.begun()
    }

    /// Whether the next request may be delivered.
    fn may_deliver(&self) -> bool {
        !self.awaits_request() && !self.exchange.is_in_progress() && self.blocked_since.is_none()
    }

    fn deadline(&self, now: Instant) -> (Instant, Deadline) {
        let waiting_since = self.exchange.waiting_since();
        if let Some(since) = self.blocked_since {
            (since + self.timeouts.write, Deadline::Write)
        } else if self.end.is_some() {
            (self.alarm.time, Deadline::Close)
        } else if self.exchange.is_in_progress() {
            (now + PEER_CHECK, Deadline::CheckPeer)
        } else if self.is_idle() {
            (waiting_since + self.timeouts.hand_back, Deadline::Idle)
        } else {
            (waiting_since + self.timeouts.head, Deadline::Head)
        }
    }

    /// Whether the last request is complete, and nothing of the next one has arrived.
    fn is_idle(&self) -> bool {
        self.framing == Framing::Head && self.held.is_empty() && !self.head_has_begun && !self.awaits_request()
    }

    /// Acts if a deadline has passed.
    fn check_deadline(&mut self, cx: &mut Context<'_>) -> io::Result<()> {
        if self.alarm.poll(cx).is_pending() {
            return Ok(());
        }
        let now = Instant::now();
        let (time, deadline) = self.deadline(now);
        if deadline == Deadline::CheckPeer && self.socket.is_closed_by_peer() {
            return Err(io::ErrorKind::ConnectionReset.into());
        }
        if now < time {
            self.alarm.move_to(time, cx);
            return Ok(());
        }
        match deadline {
            Deadline::Write | Deadline::Close => {
                self.socket.discard_unsent();
                return Err(io::ErrorKind::TimedOut.into());
            }
            Deadline::Head if self.head_has_begun => {
                self.refuse(Refusal::new(StatusCode::REQUEST_TIMEOUT, "the request did not arrive in time"));
            }
            // The rest of a body that nobody reads: its request has been answered.
            Deadline::Head => self.end = Some(End::Close),
            Deadline::Idle => self.end = Some(End::HandBack),
            Deadline::CheckPeer => {}
        }
        // If actix-http has not got to close the connection by then, it is dropped.
        self.alarm.move_to(now + self.timeouts.head, cx);
        // So that the end is read, also if this was called for a write.
        cx.waker().wake_by_ref();
        Ok(())
    }

    /// Hands the connection back to the acceptor, where it can be evicted, and where probes do not wait for this worker.
    fn hand_back(&mut self) {
        let socket = std::mem::replace(&mut self.socket, Socket::Gone);
        let (Some(mut place), Ok(socket)) = (self.place.take(), socket.detach()) else { return };
        place.leave_worker();
        let waiting_since = self.exchange.waiting_since();
        let handover = Handover { socket, first: Vec::new(), waiting_since, place, routing: self.routing };
        // If the acceptor has ended, this drops and so closes the connection.
        self.back.send(handover).unwrap_or_default();
    }

    /// Ends the connection with an answer of our own. Called only while nothing else is being written.
    fn refuse(&mut self, refusal: Refusal) {
        self.refusal = self.refusals.answer(&refusal);
        self.held = Vec::new();
        self.deliverable = 0;
        self.end = Some(End::Close);
    }

    /// Writes what is left of the answer of a refusal, and throws away what the peer has sent meanwhile.
    fn poll_refusal(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.refusal.is_empty() {
            return Poll::Ready(Ok(()));
        }
        while !self.refusal.is_empty() {
            match Pin::new(&mut self.socket).poll_write(cx, &self.refusal) {
                Poll::Ready(written) => drop(self.refusal.drain(..written?)),
                Poll::Pending => {
                    self.block(cx);
                    return Poll::Pending;
                }
            }
        }
        self.blocked_since = None;
        let mut bytes = [0; READ_BYTES];
        for _ in 0..MAX_DISCARDED / READ_BYTES {
            let mut buffer = ReadBuf::new(&mut bytes);
            let read = Pin::new(&mut self.socket).poll_read(cx, &mut buffer);
            if !matches!(read, Poll::Ready(Ok(()))) || buffer.filled().is_empty() {
                break;
            }
        }
        Poll::Ready(Ok(()))
    }

    fn poll_deliver(&mut self, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        loop {
            if self.end.is_some() {
                return Poll::Ready(Ok(()));
            }
            if self.deliverable > 0 {
                let count = self.deliverable.min(buffer.remaining());
                self.deliver_held(count, buffer);
                self.deliverable -= count;
                return Poll::Ready(Ok(()));
            }
            if self.framing != Framing::Head {
                return self.poll_body(cx, buffer);
            }
            if !self.may_deliver() {
                return self.poll_ahead(cx);
            }
            if self.held.is_empty() {
                return self.poll_new_head(cx, buffer);
            }
            if self.searched < self.held.len() {
                self.search_held(cx);
            } else if !ready!(self.poll_hold(cx))? {
                return Poll::Ready(Ok(()));
            }
        }
    }

    /// Moves bytes that were held back to actix-http.
    fn deliver_held(&mut self, count: usize, buffer: &mut ReadBuf<'_>) {
        buffer.put_slice(&self.held[..count]);
        self.held.drain(..count);
        self.searched = 0;
    }

    fn poll_body(&mut self, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if !self.held.is_empty() {
            let available = self.held.len().min(buffer.remaining());
            let count = self.framing.take(&self.held[..available]);
            self.deliver_held(count, buffer);
            return Poll::Ready(Ok(()));
        }
        let before = buffer.filled().len();
        let read = Pin::new(&mut self.socket).poll_read(cx, buffer);
        if read.is_pending() {
            self.alarm.set(Instant::now() + PEER_CHECK, cx);
        }
        ready!(read)?;
        let count = self.framing.take(&buffer.filled()[before..]);
        self.hold_from(before + count, buffer);
        Poll::Ready(Ok(()))
    }

    /// Holds back what `buffer` has from `start` on.
    fn hold_from(&mut self, start: usize, buffer: &mut ReadBuf<'_>) {
        self.held.extend_from_slice(&buffer.filled()[start..]);
        buffer.set_filled(start);
    }

    /// Reads the beginning of a request. Usually this is the whole of it, which is delivered without a copy.
    fn poll_new_head(&mut self, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let read = Pin::new(&mut self.socket).poll_read(cx, buffer);
        if read.is_pending() && self.is_idle() {
            self.alarm.set(self.exchange.waiting_since() + self.timeouts.hand_back, cx);
        }
        ready!(read)?;
        let arrived = &buffer.filled()[before..];
        if arrived.is_empty() {
            return Poll::Ready(Ok(()));
        }
        if let Head::Complete(length, mut framing) = Head::parse(arrived)
            && length <= MAX_HEAD_BYTES
        {
            let count = length + framing.take(&arrived[length..]);
            self.begin_delivery(framing, cx);
            self.hold_from(before + count, buffer);
            return Poll::Ready(Ok(()));
        }
        self.hold_from(before, buffer);
        self.poll_deliver(cx, buffer)
    }

    /// From now on the rest of a head is being waited for.
    fn begin_head(&mut self, cx: &mut Context<'_>) {
        if !self.head_has_begun {
            self.head_has_begun = true;
            self.exchange.wait_from_now();
        }
        self.alarm.set(self.exchange.waiting_since() + self.timeouts.head, cx);
    }

    fn begin_delivery(&mut self, framing: Framing, cx: &mut Context<'_>) {
        self.delivered += 1;
        self.head_has_begun = false;
        self.framing = framing;
        if framing != Framing::Head {
            // The rest of the body is waited for, and perhaps nobody reads it.
            self.alarm.set(Instant::now() + PEER_CHECK, cx);
        }
    }

    /// Looks for a whole head in what is held back.
    fn search_held(&mut self, cx: &mut Context<'_>) {
        let is_new = self.searched == 0;
        if is_new {
            // Empty lines before a request are ignored, as HTTP asks for. They do not count as a part of it either.
            let blank = self.held.iter().take_while(|byte| b"\r\n".contains(byte)).count();
            self.held.drain(..blank);
            if self.held.is_empty() {
                return;
            }
            self.begin_head(cx);
        }
        // The empty line may have begun in the last three bytes that were searched.
        let end = end_of_head(&self.held, self.searched.saturating_sub(3));
        self.searched = self.held.len();
        if end.map_or(self.held.len() > MAX_HEAD_BYTES, |end| end > MAX_HEAD_BYTES) {
            let reason = "the head of the request is larger than 16 KB";
            return self.refuse(Refusal::new(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, reason));
        }
        // The beginning is parsed once without its end, so that what is no HTTP at all is refused at once.
        if end.is_none() && !is_new {
            return;
        }
        match Head::parse(&self.held) {
            Head::Complete(length, framing) => {
                self.deliverable = length;
                self.begin_delivery(framing, cx);
            }
            Head::Refused(reason) => self.refuse(Refusal::new(StatusCode::BAD_REQUEST, reason)),
            Head::Incomplete => {}
        }
    }

    /// Reads more and holds it back. Returns whether there was more.
    fn poll_hold(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<bool>> {
        let mut bytes = [0; READ_BYTES];
        let mut buffer = ReadBuf::new(&mut bytes);
        ready!(Pin::new(&mut self.socket).poll_read(cx, &mut buffer))?;
        self.held.extend_from_slice(buffer.filled());
        Poll::Ready(Ok(!buffer.filled().is_empty()))
    }

    /// Reads a little while the current request is in progress, so that the end of the connection is noticed.
    fn poll_ahead(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.alarm.set(Instant::now() + PEER_CHECK, cx);
        while self.held.len() < MAX_READ_AHEAD {
            match self.poll_hold(cx) {
                Poll::Ready(Ok(true)) => {}
                Poll::Ready(ended) => return Poll::Ready(ended.map(drop)),
                Poll::Pending => break,
            }
        }
        if !self.held.is_empty() {
            self.exchange.wake_after_answer(cx.waker());
        }
        Poll::Pending
    }

    /// After a write: reads again if that waited for it.
    fn unblock(&mut self, cx: &Context<'_>) {
        if self.blocked_since.take().is_some() && !self.held.is_empty() {
            cx.waker().wake_by_ref();
        }
    }

    fn block(&mut self, cx: &mut Context<'_>) {
        let since = *self.blocked_since.get_or_insert_with(Instant::now);
        self.alarm.set(since + self.timeouts.write, cx);
    }
}

impl AsyncRead for Connection {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        this.check_deadline(cx)?;
        this.poll_deliver(cx, buffer)
    }
}

impl AsyncWrite for Connection {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        this.check_deadline(cx)?;
        if this.end.is_none() && this.awaits_request() {
            // The answer to a head that has not become a request: actix-http refuses it.
            this.refuse(Refusal::of_parser(bytes));
        }
        if this.end.is_some() {
            // The answer that ended it, if there is one, is the last. It is written in place of this one.
            ready!(this.poll_refusal(cx))?;
            return Poll::Ready(Ok(bytes.len()));
        }
        match Pin::new(&mut this.socket).poll_write(cx, bytes) {
            Poll::Ready(written) => {
                this.unblock(cx);
                Poll::Ready(written)
            }
            Poll::Pending => {
                this.block(cx);
                Poll::Pending
            }
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        this.check_deadline(cx)?;
        ready!(this.poll_refusal(cx))?;
        Pin::new(&mut this.socket).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        this.check_deadline(cx)?;
        ready!(this.poll_refusal(cx))?;
        if this.end == Some(End::HandBack) {
            this.hand_back();
            return Poll::Ready(Ok(()));
        }
        Pin::new(&mut this.socket).poll_shutdown(cx)
    }
}
