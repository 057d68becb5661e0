//! Sockets and limits of Unix systems.

use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::{fs, io};

use finsent_model::platform::FileId;
use rustix::process::{Resource, getrlimit};
use socket2::{Domain, SockAddr, Socket, Type};

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

/// Whether there is something else than a socket.
pub(crate) fn is_other_than_socket(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok_and(|there| !there.file_type().is_socket())
}

/// Listens on a Unix socket, for its owner and its group. A socket that a dead process has left behind is replaced.
pub(crate) fn listen_unix(path: &Path, backlog: i32) -> io::Result<(SocketPath, DetachedUnixListener)> {
    if fs::symlink_metadata(path).is_ok_and(|there| there.file_type().is_socket()) {
        match DetachedUnixStream::connect(path) {
            Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => fs::remove_file(path)?,
            Err(error) => return Err(error),
            Ok(_) => return Err(io::ErrorKind::AddrInUse.into()),
        }
    }
    let socket = Socket::new(Domain::UNIX, Type::STREAM, None)?;
    socket.bind(&SockAddr::unix(path)?)?;
    let bound = SocketPath { path: path.into(), id: FileId::at_link(path).ok() };
    // Before it listens: until then nobody can connect, whatever the umask allows.
    fs::set_permissions(path, fs::Permissions::from_mode(SOCKET_MODE))?;
    socket.listen(backlog)?;
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
        let live = listen_unix(&path, 1).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, SOCKET_MODE, "the group may connect");
        assert_eq!(listen_unix(&path, 1).unwrap_err().kind(), io::ErrorKind::AddrInUse);
        assert!(!is_other_than_socket(&path));
        drop(live);
        assert!(!path.exists(), "the socket is left behind");
        let file = dir.path().join("f");
        fs::write(&file, "precious").unwrap();
        assert!(is_other_than_socket(&file) && listen_unix(&file, 1).is_err());
        assert_eq!(fs::read(&file).unwrap(), b"precious");
    }

    #[test]
    fn a_socket_of_a_successor_stays() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("s");
        let first = listen_unix(&path, 1).unwrap();
        fs::remove_file(&path).unwrap();
        let second = listen_unix(&path, 1).unwrap();
        drop(first);
        assert!(UnixStream::connect(&path).is_ok(), "the socket of the second is gone");
        fs::remove_file(&path).unwrap();
        fs::write(&path, "precious").unwrap();
        drop(second);
        assert_eq!(fs::read(&path).unwrap(), b"precious");
    }
}
