//! Where the service listens: TCP and unix sockets.

use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::{fmt, fs, io};

use thiserror::Error;

/// An address to listen at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Listen {
    /// HOST:PORT; port 0 is one that is free.
    Tcp(String),
    /// A unix socket.
    Unix(PathBuf),
}

/// An address cannot be listened at.
#[derive(Debug, Error)]
pub enum ListenError {
    /// The system refuses.
    #[error("cannot listen at `{address}`")]
    Io {
        /// The address.
        address: Listen,
        /// What the system said.
        source: io::Error,
    },
    /// Another process answers at the socket.
    #[error("cannot listen at `unix:{0}`: another process is listening there")]
    InUse(PathBuf),
    /// There is something that is not a socket.
    #[error("cannot listen at `unix:{0}`: there is a file that is not a socket")]
    NotASocket(PathBuf),
}

impl FromStr for Listen {
    type Err = String;

    fn from_str(address: &str) -> Result<Self, String> {
        if let Some(path) = address.strip_prefix("unix:") {
            let path = path.strip_prefix("//").unwrap_or(path);
            return if path.is_empty() {
                Err("expected a path after `unix:`".into())
            } else {
                Ok(Self::Unix(path.into()))
            };
        }
        let port = address.rsplit_once(':').filter(|(host, _)| !host.is_empty()).map(|(_, port)| port.parse::<u16>());
        match port {
            Some(Ok(_)) => Ok(Self::Tcp(address.into())),
            _ => Err("expected HOST:PORT, such as 127.0.0.1:8080, or unix:/path".into()),
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

/// Permissions of a unix socket: to connect is to write, and the usual umask leaves that to the owner alone. Two
/// containers of a pod have different users and a group in common.
const SOCKET_MODE: u32 = 0o660;

/// Opens a unix socket to its owner and its group. One that a dead process has left behind is replaced.
pub(super) fn open_unix(path: &Path) -> Result<UnixListener, ListenError> {
    let io = |source| ListenError::Io { address: Listen::Unix(path.into()), source };
    match fs::symlink_metadata(path) {
        Ok(there) if !there.file_type().is_socket() => return Err(ListenError::NotASocket(path.into())),
        Ok(_) => match UnixStream::connect(path) {
            Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => fs::remove_file(path).map_err(io)?,
            Err(error) => return Err(io(error)),
            Ok(_) => return Err(ListenError::InUse(path.into())),
        },
        Err(_) => {}
    }
    let listener = UnixListener::bind(path).map_err(io)?;
    fs::set_permissions(path, fs::Permissions::from_mode(SOCKET_MODE)).map_err(io)?;
    Ok(listener)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_parsed_and_others_refused_with_an_example() {
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
    fn a_socket_left_behind_is_replaced_a_live_one_and_a_file_are_not() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("s");
        drop(open_unix(&path).unwrap());
        assert!(path.exists(), "a socket outlives its listener");
        let live = open_unix(&path).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, SOCKET_MODE, "the group may connect");
        assert!(matches!(open_unix(&path), Err(ListenError::InUse(_))));
        drop(live);
        let file = dir.path().join("f");
        fs::write(&file, "precious").unwrap();
        assert!(matches!(open_unix(&file), Err(ListenError::NotASocket(_))));
        assert_eq!(fs::read(&file).unwrap(), b"precious");
    }
}
