//! The socket below a connection of HTTP/2.

use std::cell::Cell;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Instant;

use futures_util::task::AtomicWaker;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::Notify;

use super::super::socket::Socket;

/// A socket whose first bytes the acceptor has read.
#[derive(Debug)]
pub(super) struct Stream {
    socket: Socket,
    first: Vec<u8>,
    /// Bytes of `first` that were read.
    read: usize,
    traffic: Rc<Traffic>,
}

/// What a connection knows about its socket.
#[derive(Debug)]
pub(super) struct Traffic {
    last_read: Cell<Instant>,
    /// Since when the socket takes no more bytes.
    blocked_since: Cell<Option<Instant>>,
    unblocked: Notify,
    /// Who reads on then.
    reader: AtomicWaker,
    discards_unsent: Cell<bool>,
}

impl Stream {
    pub(super) fn new(socket: Socket, first: Vec<u8>) -> (Self, Rc<Traffic>) {
        let traffic = Rc::new(Traffic {
            last_read: Cell::new(Instant::now()),
            blocked_since: Cell::new(None),
            unblocked: Notify::new(),
            reader: AtomicWaker::new(),
            discards_unsent: Cell::new(false),
        });
        (Self { socket, first, read: 0, traffic: Rc::clone(&traffic) }, traffic)
    }
}

impl Traffic {
    pub(super) fn last_read(&self) -> Instant {
        self.last_read.get()
    }

    pub(super) fn blocked_since(&self) -> Option<Instant> {
        self.blocked_since.get()
    }

    /// Returns when the socket takes bytes.
    pub(super) async fn unblocked(&self) {
        while self.blocked_since.get().is_some() {
            self.unblocked.notified().await;
        }
    }

    /// Makes closing the socket discard what the peer has not read.
    pub(super) fn discard_unsent(&self) {
        self.discards_unsent.set(true);
    }

    fn wrote<T>(&self, poll: Poll<T>) -> Poll<T> {
        if poll.is_ready() {
            if self.blocked_since.take().is_some() {
                self.unblocked.notify_waiters();
                self.reader.wake();
            }
        } else if self.blocked_since.get().is_none() {
            self.blocked_since.set(Some(Instant::now()));
        }
        poll
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        if self.traffic.discards_unsent.get() {
            self.socket.discard_unsent();
        }
    }
}

impl AsyncRead for Stream {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.traffic.blocked_since().is_some() {
            // A peer that reads nothing is not read from.
            this.traffic.reader.register(cx.waker());
            return Poll::Pending;
        }
        let first = &this.first[this.read..];
        if !first.is_empty() {
            let length = first.len().min(buffer.remaining());
            buffer.put_slice(&first[..length]);
            this.read += length;
            return Poll::Ready(Ok(()));
        }
        let read = Pin::new(&mut this.socket).poll_read(cx, buffer);
        if read.is_ready() {
            this.traffic.last_read.set(Instant::now());
        }
        read
    }
}

impl AsyncWrite for Stream {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.socket).poll_write(cx, bytes);
        self.traffic.wrote(written)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_shutdown(cx)
    }
}
