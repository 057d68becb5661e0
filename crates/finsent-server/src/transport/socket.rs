//! A connected socket, TCP or Unix.

use std::io::{self, ErrorKind, Read};
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};

use futures_util::FutureExt;
use socket2::SockRef;
use tokio::io::{AsyncRead, AsyncWrite, Interest, ReadBuf, Ready};
use tokio::net::TcpStream;

use crate::platform::{DetachedUnixStream, UnixStream};

/// A socket that belongs to the runtime of this thread.
#[derive(Debug)]
pub(super) enum Socket {
    Tcp(TcpStream),
    Unix(UnixStream),
    /// It has gone elsewhere.
    Gone,
}

/// A socket on its way to another thread.
#[derive(Debug)]
pub(super) enum DetachedSocket {
    Tcp(std::net::TcpStream),
    Unix(DetachedUnixStream),
}

impl Socket {
    pub(super) fn attach(socket: DetachedSocket) -> io::Result<Self> {
        match socket {
            DetachedSocket::Tcp(socket) => TcpStream::from_std(socket).map(Self::Tcp),
            DetachedSocket::Unix(socket) => UnixStream::from_std(socket).map(Self::Unix),
        }
    }

    pub(super) fn detach(self) -> io::Result<DetachedSocket> {
        match self {
            Self::Tcp(socket) => socket.into_std().map(DetachedSocket::Tcp),
            Self::Unix(socket) => socket.into_std().map(DetachedSocket::Unix),
            Self::Gone => Err(ErrorKind::NotConnected.into()),
        }
    }

    /// The address of the peer. Those of Unix sockets have none.
    pub(super) fn peer(&self) -> Option<SocketAddr> {
        match self {
            Self::Tcp(socket) => socket.peer_addr().ok(),
            Self::Unix(_) | Self::Gone => None,
        }
    }

    async fn ready(&self, interest: Interest) -> io::Result<Ready> {
        match self {
            Self::Tcp(socket) => socket.ready(interest).await,
            Self::Unix(socket) => socket.ready(interest).await,
            Self::Gone => Err(ErrorKind::NotConnected.into()),
        }
    }

    pub(super) async fn readable(&self) -> io::Result<()> {
        self.ready(Interest::READABLE).await.map(drop)
    }

    pub(super) async fn writable(&self) -> io::Result<()> {
        self.ready(Interest::WRITABLE).await.map(drop)
    }

    pub(super) fn try_read(&self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Tcp(socket) => socket.try_read(buffer),
            Self::Unix(socket) => socket.try_read(buffer),
            Self::Gone => Err(ErrorKind::NotConnected.into()),
        }
    }

    /// Reads from a new connection, of which the runtime does not know yet whether there is anything to read.
    pub(super) fn read_first(&self, buffer: &mut [u8]) -> io::Result<usize> {
        let socket = match self {
            Self::Tcp(socket) => SockRef::from(socket),
            Self::Unix(socket) => SockRef::from(socket),
            Self::Gone => return Err(ErrorKind::NotConnected.into()),
        };
        (&*socket).read(buffer)
    }

    pub(super) fn try_write(&self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Tcp(socket) => socket.try_write(bytes),
            Self::Unix(socket) => socket.try_write(bytes),
            Self::Gone => Err(ErrorKind::NotConnected.into()),
        }
    }

    /// Whether the peer has closed the connection, or its side of it, even if bytes that it sent before are unread.
    pub(super) fn is_closed_by_peer(&self) -> bool {
        let ready = self.ready(Interest::READABLE).now_or_never();
        ready.is_some_and(|ready| ready.map_or(true, |ready| ready.is_read_closed()))
    }

    /// Makes closing the socket discard what the peer has not read. The system would keep it for minutes otherwise.
    pub(super) fn discard_unsent(&self) {
        if let Self::Tcp(socket) = self {
            // Ignore errors: the socket is closed either way.
            socket.set_zero_linger().unwrap_or_default();
        }
    }
}

impl AsyncRead for Socket {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Tcp(socket) => Pin::new(socket).poll_read(cx, buffer),
            Self::Unix(socket) => Pin::new(socket).poll_read(cx, buffer),
            Self::Gone => Poll::Ready(Err(ErrorKind::NotConnected.into())),
        }
    }
}

impl AsyncWrite for Socket {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Tcp(socket) => Pin::new(socket).poll_write(cx, bytes),
            Self::Unix(socket) => Pin::new(socket).poll_write(cx, bytes),
            Self::Gone => Poll::Ready(Err(ErrorKind::NotConnected.into())),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Tcp(socket) => Pin::new(socket).poll_flush(cx),
            Self::Unix(socket) => Pin::new(socket).poll_flush(cx),
            Self::Gone => Poll::Ready(Ok(())),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Tcp(socket) => Pin::new(socket).poll_shutdown(cx),
            Self::Unix(socket) => Pin::new(socket).poll_shutdown(cx),
            Self::Gone => Poll::Ready(Ok(())),
        }
    }
}
