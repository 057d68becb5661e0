//! A socket that accepts connections on the acceptor's runtime.

use std::io;
use std::net::IpAddr;

use tokio::net::TcpListener;

use super::socket::Socket;
use crate::listen::BoundSocket;
use crate::platform::{SocketPath, UnixListener};

pub(super) enum Listener {
    Tcp(TcpListener),
    /// The path goes before the listener: a successor cannot have it before.
    Unix {
        _path: SocketPath,
        listener: UnixListener,
    },
}

impl Listener {
    pub(super) fn new(socket: BoundSocket) -> io::Result<Self> {
        Ok(match socket {
            BoundSocket::Tcp(listener) => Self::Tcp(TcpListener::from_std(listener)?),
            BoundSocket::Unix(path, listener) => {
                Self::Unix { _path: path, listener: UnixListener::from_std(listener)? }
            }
        })
    }

    /// The next connection, and the address of its peer.
    pub(super) async fn accept(&self) -> io::Result<(Socket, Option<IpAddr>)> {
        match self {
            Self::Tcp(listener) => {
                let (socket, peer) = listener.accept().await?;
                Ok((Socket::Tcp(socket), Some(peer.ip())))
            }
            Self::Unix { listener, .. } => {
                let (socket, _) = listener.accept().await?;
                Ok((Socket::Unix(socket), None))
            }
        }
    }
}
