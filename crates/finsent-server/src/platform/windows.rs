//! Windows: its Unix sockets are left out, because neither the standard library nor tokio has them. Their types have no
//! values, so that the rest of the server needs not know.

use std::io;
use std::os::windows::io::{AsSocket, BorrowedSocket};
use std::path::Path;
use std::pin::Pin;
use std::task::{Context, Poll};

use socket2::Socket;
use tokio::io::{AsyncRead, AsyncWrite, Interest, ReadBuf, Ready};

pub(crate) use {UnixListener as DetachedUnixListener, UnixStream as DetachedUnixStream};

/// Whether the service can listen on a Unix socket.
pub(crate) const HAS_UNIX_SOCKETS: bool = false;
/// What an address looks like.
pub(crate) const EXPECTED_ADDRESS: &str = "HOST:PORT, such as 127.0.0.1:8080";

/// There is no limit on the number of sockets.
pub(crate) fn max_open_files() -> Option<u64> {
    None
}

/// A port is free as soon as its process has ended. The option of this name would let two processes have one port.
pub(crate) fn reuse_address(_: &Socket) -> io::Result<()> {
    Ok(())
}

/// The path of a Unix socket.
#[derive(Debug)]
pub(crate) enum SocketPath {}

impl SocketPath {
    pub(crate) fn path(&self) -> &Path {
        match *self {}
    }
}

/// Whether there is something else than a socket: that makes no difference here.
pub(crate) fn is_other_than_socket(_: &Path) -> bool {
    false
}

/// Refuses: an address of a Unix socket does not get past the command line.
pub(crate) fn listen_unix(_: &Path, _backlog: i32) -> io::Result<(SocketPath, UnixListener)> {
    Err(io::ErrorKind::Unsupported.into())
}

/// A Unix socket that accepts connections.
#[derive(Debug)]
pub(crate) enum UnixListener {}

impl UnixListener {
    pub(crate) fn from_std(listener: Self) -> io::Result<Self> {
        match listener {}
    }

    pub(crate) async fn accept(&self) -> io::Result<(UnixStream, ())> {
        match *self {}
    }
}

/// A connected Unix socket.
#[derive(Debug)]
pub(crate) enum UnixStream {}

impl UnixStream {
    pub(crate) fn from_std(stream: Self) -> io::Result<Self> {
        match stream {}
    }

    pub(crate) fn into_std(self) -> io::Result<Self> {
        match self {}
    }

    pub(crate) async fn ready(&self, _: Interest) -> io::Result<Ready> {
        match *self {}
    }

    pub(crate) fn try_read(&self, _: &mut [u8]) -> io::Result<usize> {
        match *self {}
    }

    pub(crate) fn try_write(&self, _: &[u8]) -> io::Result<usize> {
        match *self {}
    }
}

impl AsSocket for UnixStream {
    fn as_socket(&self) -> BorrowedSocket<'_> {
        match *self {}
    }
}

impl AsyncRead for UnixStream {
    fn poll_read(self: Pin<&mut Self>, _: &mut Context<'_>, _: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match *self {}
    }
}

impl AsyncWrite for UnixStream {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, _: &[u8]) -> Poll<io::Result<usize>> {
        match *self {}
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        match *self {}
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        match *self {}
    }
}
