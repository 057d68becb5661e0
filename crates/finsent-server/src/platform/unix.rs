//! Sockets and limits of Unix systems.

use std::fs;
use std::io;
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::path::{Path, PathBuf};

use finsent_model::platform::FileId;
use rustix::process::{Resource, getrlimit};
use socket2::{Domain, SockAddr, Socket, Type};

use crate::listen::{BACKLOG, Listen, ListenError};

pub(crate) use std::os::unix::net::{UnixListener as DetachedUnixListener, UnixStream as DetachedUnixStream};
pub(crate) use tokio::net::{UnixListener, UnixStream};

/// Whether the service can listen on a Unix socket.
pub(crate) const HAS_UNIX_SOCKETS: bool = true;
/// What an address looks like.
pub(crate) const EXPECTED_ADDRESS: &str = "HOST:PORT, such as 127.0.0.1:8080, or unix:/run/finsent.sock";

/// Permissions of a Unix socket. Connecting needs write permission, which the usual umask gives to the owner only. Two
/// containers of a pod have different users and share a group.
const SOCKET_MODE: u32 = 0o660;

/// The most files that the process may have open; `None` if there is no limit.
pub(crate) fn max_open_files() -> Option<u64> {
    getrlimit(Resource::Nofile).current
}

/// Lets a port be bound again at once after a process that listened there has ended.
pub(crate) fn reuse_address(socket: &Socket) -> io::Result<()> {
    socket.set_reuse_address(true)
}

/// The path of a Unix socket that this process has bound. It is removed when this is dropped, unless another process has
/// put something else there.
#[derive(Debug)]
pub(crate) struct SocketPath {
    path: PathBuf,
    /// Its number is not used again while the socket is bound to it.
    id: Option<FileId>,
}

impl SocketPath {
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for SocketPath {
    fn drop(&mut self) {
        if self.id.is_some() && FileId::at_link(&self.path).ok() == self.id {
            // It is fine if the file is gone.
            fs::remove_file(&self.path).unwrap_or_default();
        }
    }
}

/// Listens on a Unix socket, for its owner and its group. A socket that a dead process has left behind is replaced.
pub(crate) fn listen_unix(path: &Path) -> Result<(SocketPath, DetachedUnixListener), ListenError> {
    let io = |error| ListenError::new(&Listen::Unix(path.into()), error);
    match fs::symlink_metadata(path) {
        Ok(there) if !there.file_type().is_socket() => return Err(ListenError::NotASocket(path.into())),
        Ok(_) => match DetachedUnixStream::connect(path) {
            Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => fs::remove_file(path).map_err(io)?,
            Err(error) => return Err(io(error)),
            Ok(_) => return Err(ListenError::InUse(Listen::Unix(path.into()))),
        },
        Err(_) => {}
    }
    bind_unix(path).map_err(io)
}

fn bind_unix(path: &Path) -> io::Result<(SocketPath, DetachedUnixListener)> {
    let socket = Socket::new(Domain::UNIX, Type::STREAM, None)?;
    socket.bind(&SockAddr::unix(path)?)?;
    let bound = SocketPath { path: path.into(), id: FileId::at_link(path).ok() };
    // Before it listens: until then nobody can connect, whatever the umask allows.
    fs::set_permissions(path, fs::Permissions::from_mode(SOCKET_MODE))?;
    socket.listen(BACKLOG)?;
    socket.set_nonblocking(true)?;
    Ok((bound, socket.into()))
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::{UnixListener, UnixStream};

    use super::*;

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
