//! Unix systems.

use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;
use std::{env, fs};

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM, SIGXFSZ};
use signal_hook::flag;

use super::Signal;

/// The signals that this process hears.
pub(in crate::cli) struct Signals(signal_hook::iterator::Signals);

impl Signals {
    /// Hears all signals of a service from now on.
    pub(in crate::cli) fn of_service() -> io::Result<Self> {
        signal_hook::iterator::Signals::new([SIGTERM, SIGINT, SIGHUP]).map(Self)
    }

    /// Hears from now on what ends a command: what the parent process ignores for us does not. A file that reaches the limit
    /// on the size of files is an error of writing, like a full disk, and does not end the process.
    pub(in crate::cli) fn of_command() -> io::Result<Self> {
        flag::register(SIGXFSZ, Arc::new(AtomicBool::new(false)))?;
        let ignored = ignored_signals();
        let watched = [SIGINT, SIGTERM, SIGHUP].into_iter().filter(|signal| ignored >> (signal - 1) & 1 == 0);
        signal_hook::iterator::Signals::new(watched).map(Self)
    }

    /// Waits for each signal.
    pub(in crate::cli) fn forever(&mut self) -> impl Iterator<Item = Signal> {
        self.0.forever().map(|signal| match signal {
            SIGHUP => Signal::HangUp,
            SIGINT => Signal::Interrupt,
            _ => Signal::Terminate,
        })
    }
}

/// The signals that the parent process ignores for us (`nohup`, a shell's background job), as bits that start with signal
/// 1. Zero if the system does not say.
fn ignored_signals() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or(0)
}

/// Connects to a Unix socket. Reading and writing fail after `timeout`.
pub(in crate::cli) fn connect_unix(path: &Path, timeout: Duration) -> io::Result<impl Read + Write> {
    let stream = UnixStream::connect(path)?;
    stream.set_read_timeout(Some(timeout))?;
    stream.set_write_timeout(Some(timeout))?;
    Ok(stream)
}

/// Whether the terminal understands sequences for colors.
pub(in crate::cli) fn understands_colors() -> bool {
    env::var_os("TERM").is_some_and(|term| term != "dumb")
}
