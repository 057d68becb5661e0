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
use tokio::task::coop;

use super::super::socket::Socket;

/// Bytes for one step of the 128 that tokio gives a task before others run: 64 KB are the heads of four long calls, or thousands
/// of frames.
const BYTES_PER_STEP: usize = 512;

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

/// Spends the task's share of the thread on bytes that were read. h2 reads for as long as there are any.
fn spend(bytes: usize, cx: &mut Context<'_>) {
    for _ in 0..bytes / BYTES_PER_STEP {
        let Poll::Ready(step) = coop::poll_proceed(cx) else { return };
        step.made_progress();
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
        let before = buffer.filled().len();
        let read = Pin::new(&mut this.socket).poll_read(cx, buffer);
        if read.is_ready() {
            this.traffic.last_read.set(Instant::now());
            spend(buffer.filled().len() - before, cx);
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

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::io::Write;
    use std::net::{TcpListener, TcpStream};
    use std::thread;

    use super::super::super::socket::DetachedSocket;
    use super::*;

    #[test]
    fn a_turn_reads_64_kb_and_then_others_run() {
        const BYTES: usize = 4 << 20;
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let mut peer = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let socket = listener.accept().unwrap().0;
        socket.set_nonblocking(true).unwrap();
        let writing = thread::spawn(move || peer.write_all(&vec![0; BYTES]));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let (mut stream, _) = Stream::new(Socket::attach(DetachedSocket::Tcp(socket)).unwrap(), Vec::new());
            let (mut total, mut most) = (0, 0);
            while total < BYTES {
                let turn = poll_fn(|cx| {
                    let mut sum = 0;
                    loop {
                        let mut bytes = [0; 16 << 10];
                        let mut buffer = ReadBuf::new(&mut bytes);
                        let is_pending = Pin::new(&mut stream).poll_read(cx, &mut buffer).is_pending();
                        sum += buffer.filled().len();
                        if is_pending || buffer.filled().is_empty() {
                            return Poll::Ready(sum);
                        }
                    }
                });
                let turn = turn.await;
                total += turn;
                most = most.max(turn);
                tokio::task::yield_now().await;
            }
            assert!((32 << 10..=80 << 10).contains(&most), "{most} bytes in a turn");
        });
        writing.join().unwrap().unwrap();
    }
}
