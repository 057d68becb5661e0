//! What differs between operating systems in sockets, and in what they tell of a process.
//!
//! | module | compiled for |
//! |---|---|
//! | `unix` | Linux, macOS and other Unix systems |
//! | `windows` | Windows, which has no Unix sockets here: their types have no values |
//! | `proc` | Linux |
//! | `no_proc` | other systems |

#[cfg_attr(target_os = "linux", path = "proc.rs")]
#[cfg_attr(not(target_os = "linux"), path = "no_proc.rs")]
mod process;
#[cfg_attr(unix, path = "unix.rs")]
#[cfg_attr(windows, path = "windows.rs")]
mod system;

pub(crate) use process::process_status;
pub(crate) use system::{
    DetachedUnixListener, DetachedUnixStream, EXPECTED_ADDRESS, HAS_UNIX_SOCKETS, SocketPath, UnixListener, UnixStream,
    is_other_than_socket, listen_unix, max_open_files, reuse_address,
};

/// What the system tells of this process.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ProcessStatus {
    pub(crate) cpu_seconds: f64,
    pub(crate) resident_bytes: u64,
    pub(crate) virtual_bytes: u64,
    pub(crate) open_files: usize,
    pub(crate) threads: i64,
    /// In seconds since 1970.
    pub(crate) start_seconds: f64,
}
