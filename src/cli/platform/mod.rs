//! What differs between operating systems for a program at a terminal: signals, sockets and colors.

#[cfg_attr(unix, path = "unix.rs")]
#[cfg_attr(windows, path = "windows.rs")]
mod system;

pub(super) use system::{Signals, connect_unix, understands_colors};

/// What asks a process to do something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Signal {
    /// SIGHUP.
    #[cfg_attr(windows, expect(dead_code, reason = "Windows has none"))]
    HangUp,
    /// Ctrl-C: SIGINT.
    Interrupt,
    /// SIGTERM. On Windows: the console is closed, the user logs off, or the system shuts down.
    Terminate,
}

impl Signal {
    /// The exit code of a process that the signal ends: by convention 128 plus its number.
    pub(super) fn exit_code(self) -> i32 {
        match self {
            Self::HangUp => 128 + 1,
            Self::Interrupt => 128 + 2,
            Self::Terminate => 128 + 15,
        }
    }
}
