//! Where the service listens: TCP and Unix sockets.

use std::net::{SocketAddr, TcpListener, ToSocketAddrs};
use std::path::PathBuf;
use std::str::FromStr;
use std::{fmt, io};

use finsent_model::plain_words;
use socket2::{Domain, Socket, Type};
use thiserror::Error;

use crate::platform::{
    DetachedUnixListener, EXPECTED_ADDRESS, HAS_UNIX_SOCKETS, SocketPath, is_other_than_socket, listen_unix,
    reuse_address,
};

/// An address to listen on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Listen {
    /// HOST:PORT. The system chooses a free port for port 0.
    Tcp(String),
    /// The path of a Unix socket.
    Unix(PathBuf),
}

/// Why the service cannot listen on an address.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ListenError {
    /// The system refuses.
    #[error("cannot listen on {address}: {}", plain_words(error))]
    Io {
        /// The address.
        address: Listen,
        /// The system's error.
        error: io::Error,
    },
    /// Another process listens there.
    #[error("{} is already in use, perhaps by another finsent", described(.0))]
    InUse(Listen),
    /// The path is not free, and it is not a socket.
    #[error("cannot listen on unix:{}: it is a file, not a socket", .0.display())]
    NotASocket(PathBuf),
    /// The feature `grpc` is off.
    #[error("cannot listen on {0} for gRPC, which this build leaves out; build finsent with `--features grpc`")]
    NoGrpc(Listen),
    /// The process may open too few files.
    #[error("too few files may be open: {allowed}, and at least {needed} are needed; raise the limit (`ulimit -n`)")]
    TooFewFiles {
        /// How many may be open.
        allowed: u64,
        /// How many are needed at least.
        needed: usize,
    },
}

impl ListenError {
    pub(crate) fn new(address: &Listen, error: io::Error) -> Self {
        if error.kind() == io::ErrorKind::AddrInUse {
            return Self::InUse(address.clone());
        }
        Self::Io { address: address.clone(), error }
    }
}

fn described(address: &Listen) -> String {
    match address {
        Listen::Tcp(address) => match address.rsplit_once(':') {
            Some((_, port)) => format!("port {port}"),
            None => address.clone(),
        },
        Listen::Unix(path) => format!("the socket {}", path.display()),
    }
}

impl FromStr for Listen {
    type Err = String;

    fn from_str(address: &str) -> Result<Self, String> {
        if let Some(path) = address.strip_prefix("unix:") {
            let path = path.strip_prefix("//").unwrap_or(path);
            return if !HAS_UNIX_SOCKETS {
                Err(format!("Unix sockets are not available on Windows; use {EXPECTED_ADDRESS}"))
            } else if path.is_empty() {
                Err("expected a path after `unix:`, such as unix:/run/finsent.sock".into())
            } else {
                Ok(Self::Unix(path.into()))
            };
        }
        let port = address.rsplit_once(':').filter(|(host, _)| !host.is_empty()).map(|(_, port)| port.parse::<u16>());
        match port {
            Some(Ok(_)) => Ok(Self::Tcp(address.into())),
            _ => Err(format!("expected {EXPECTED_ADDRESS}")),
        }
    }
}

impl fmt::Display for Listen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => f.write_str(address),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

/// Connections that the system accepts while the acceptor is busy with others. Beyond them, a client tries again after a
/// second.
const BACKLOG: i32 = 4096;

/// A socket that is listened on.
#[derive(Debug)]
pub(crate) enum BoundSocket {
    Tcp(TcpListener),
    /// In this order: the path is removed before the listener is closed.
    Unix(SocketPath, DetachedUnixListener),
}

impl BoundSocket {
    /// Listens on an address. A host name may stand for several.
    pub(crate) fn bind(address: &Listen) -> Result<Vec<Self>, ListenError> {
        match address {
            Listen::Tcp(host) => bind_tcp(host).map_err(|error| ListenError::new(address, error)),
            Listen::Unix(path) => {
                if is_other_than_socket(path) {
                    return Err(ListenError::NotASocket(path.clone()));
                }
                let bound = listen_unix(path, BACKLOG);
                let (path, listener) = bound.map_err(|error| ListenError::new(address, error))?;
                Ok(vec![Self::Unix(path, listener)])
            }
        }
    }

    /// The address, with the port that the system chose, as a URL if it has one.
    pub(crate) fn url(&self) -> io::Result<String> {
        let scheme = if matches!(self, Self::Tcp(_)) { "http://" } else { "" };
        Ok(format!("{scheme}{}", self.name()?))
    }

    /// The address, with the port that the system chose.
    pub(crate) fn name(&self) -> io::Result<String> {
        match self {
            Self::Tcp(listener) => Ok(listener.local_addr()?.to_string()),
            Self::Unix(path, _) => Ok(Listen::Unix(path.path().to_owned()).to_string()),
        }
    }
}

/// Listens on all addresses of a host that are available.
fn bind_tcp(host: &str) -> io::Result<Vec<BoundSocket>> {
    let (mut bound, mut failed) = (Vec::new(), None);
    for address in host.to_socket_addrs()? {
        match listen_tcp(address) {
            Ok(listener) => bound.push(BoundSocket::Tcp(listener)),
            Err(error) => failed = Some(error),
        }
    }
    match failed {
        Some(error) if bound.is_empty() => Err(error),
        _ => Ok(bound),
    }
}

fn listen_tcp(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, None)?;
    reuse_address(&socket)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    socket.set_nonblocking(true)?;
    Ok(socket.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_parsed_and_errors_show_an_example() {
        assert_eq!("127.0.0.1:0".parse(), Ok(Listen::Tcp("127.0.0.1:0".into())));
        assert_eq!("[::1]:8080".parse(), Ok(Listen::Tcp("[::1]:8080".into())));
        assert_eq!("unix:/run/f.sock".parse(), Ok(Listen::Unix("/run/f.sock".into())));
        assert_eq!("unix:///run/f.sock".parse(), Ok(Listen::Unix("/run/f.sock".into())));
        for wrong in ["", "8080", ":8080", "localhost", "localhost:http", "127.0.0.1:70000", "unix:"] {
            let message = wrong.parse::<Listen>().unwrap_err();
            assert!(message.contains("unix:"), "{wrong}: {message}");
        }
    }
}
