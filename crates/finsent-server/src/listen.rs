//! Where the service listens: TCP and Unix sockets.

use std::net::{SocketAddr, TcpListener, ToSocketAddrs};
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::{fmt, fs, io};

use finsent_model::plain_words;
use socket2::{Domain, SockAddr, Socket, Type};
use thiserror::Error;

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
            return if path.is_empty() {
                Err("expected a path after `unix:`, such as unix:/run/finsent.sock".into())
            } else {
                Ok(Self::Unix(path.into()))
            };
        }
        let port = address.rsplit_once(':').filter(|(host, _)| !host.is_empty()).map(|(_, port)| port.parse::<u16>());
        match port {
            Some(Ok(_)) => Ok(Self::Tcp(address.into())),
            _ => Err("expected HOST:PORT, such as 127.0.0.1:8080, or unix:/run/finsent.sock".into()),
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

/// Permissions of a Unix socket. Connecting needs write permission, which the usual umask gives to the owner only. Two
/// containers of a pod have different users and share a group.
const SOCKET_MODE: u32 = 0o660;

/// A socket that is listened on.
#[derive(Debug)]
pub(crate) enum BoundSocket {
    Tcp(TcpListener),
    /// In this order: the path is removed before the listener is closed.
    Unix(SocketPath, UnixListener),
}

impl BoundSocket {
    /// Listens on an address. A host name may stand for several.
    pub(crate) fn bind(address: &Listen) -> Result<Vec<Self>, ListenError> {
        match address {
            Listen::Tcp(host) => bind_tcp(host).map_err(|error| ListenError::new(address, error)),
            Listen::Unix(path) => Ok(vec![listen_unix(path)?]),
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
            Self::Unix(path, _) => Ok(Listen::Unix(path.path.clone()).to_string()),
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
    socket.set_reuse_address(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    socket.set_nonblocking(true)?;
    Ok(socket.into())
}

/// The path of a Unix socket that this process has bound. It is removed when this is dropped, unless another process has
/// put something else there.
#[derive(Debug)]
pub(crate) struct SocketPath {
    path: PathBuf,
    id: Option<FileId>,
}

/// Device and inode. The inode is not used again while the socket is bound to it.
type FileId = (u64, u64);

fn file_id(path: &Path) -> Option<FileId> {
    fs::symlink_metadata(path).ok().map(|file| (file.dev(), file.ino()))
}

impl Drop for SocketPath {
    fn drop(&mut self) {
        if self.id.is_some() && file_id(&self.path) == self.id {
            // It is fine if the file is gone.
            fs::remove_file(&self.path).unwrap_or_default();
        }
    }
}

/// Listens on a Unix socket, for its owner and its group. A socket that a dead process has left behind is replaced.
fn listen_unix(path: &Path) -> Result<BoundSocket, ListenError> {
    let io = |error| ListenError::new(&Listen::Unix(path.into()), error);
    match fs::symlink_metadata(path) {
        Ok(there) if !there.file_type().is_socket() => return Err(ListenError::NotASocket(path.into())),
        Ok(_) => match UnixStream::connect(path) {
            Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => fs::remove_file(path).map_err(io)?,
            Err(error) => return Err(io(error)),
            Ok(_) => return Err(ListenError::InUse(Listen::Unix(path.into()))),
        },
        Err(_) => {}
    }
    bind_unix(path).map_err(io)
}

fn bind_unix(path: &Path) -> io::Result<BoundSocket> {
    let socket = Socket::new(Domain::UNIX, Type::STREAM, None)?;
    socket.bind(&SockAddr::unix(path)?)?;
    let bound = SocketPath { path: path.into(), id: file_id(path) };
    // Before it listens: until then nobody can connect, whatever the umask allows.
    fs::set_permissions(path, fs::Permissions::from_mode(SOCKET_MODE))?;
    socket.listen(BACKLOG)?;
    socket.set_nonblocking(true)?;
    Ok(BoundSocket::Unix(bound, socket.into()))
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

    #[test]
    fn a_stale_socket_is_replaced_but_a_live_one_and_a_file_are_not() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("s");
        drop(UnixListener::bind(&path).unwrap());
        assert!(path.exists(), "a socket of the standard library outlives its listener");
        let live = listen_unix(&path).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, SOCKET_MODE, "the group may connect");
        assert!(matches!(listen_unix(&path), Err(ListenError::InUse(_))));
        drop(live);
        assert!(!path.exists(), "the socket is left behind");
        let file = dir.path().join("f");
        fs::write(&file, "precious").unwrap();
        assert!(matches!(listen_unix(&file), Err(ListenError::NotASocket(_))));
        assert_eq!(fs::read(&file).unwrap(), b"precious");
    }

    #[test]
    fn a_socket_of_a_successor_stays() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("s");
        let first = listen_unix(&path).unwrap();
        fs::remove_file(&path).unwrap();
        let second = listen_unix(&path).unwrap();
        drop(first);
        assert!(UnixStream::connect(&path).is_ok(), "the socket of the second is gone");
        fs::remove_file(&path).unwrap();
        fs::write(&path, "precious").unwrap();
        drop(second);
        assert_eq!(fs::read(&path).unwrap(), b"precious");
    }
}
