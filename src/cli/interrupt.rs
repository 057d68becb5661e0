//! Ctrl-C and SIGTERM: no half-written file stays behind.

use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::{fs, io, process, thread};

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

/// The file that is being written, to be removed when the process is interrupted.
static UNFINISHED: Mutex<Option<PathBuf>> = Mutex::new(None);

/// From now on an interrupt removes the unfinished output and ends the process with 128 + the signal's number.
pub(super) fn watch() -> io::Result<()> {
    let ignored = ignored_signals();
    let heeded = [SIGINT, SIGTERM, SIGHUP].into_iter().filter(|signal| ignored >> (signal - 1) & 1 == 0);
    let mut signals = Signals::new(heeded)?;
    thread::Builder::new().name("signals".into()).spawn(move || {
        if let Some(signal) = signals.forever().next() {
            if let Some(path) = unfinished().take() {
                // It may have got its final name just now; then there is nothing to remove.
                fs::remove_file(path).unwrap_or_default();
            }
            process::exit(128 + signal);
        }
    })?;
    Ok(())
}

/// The signals that whoever started this process wants ignored (`nohup`, a shell's background job), a bit each from
/// signal 1 on. Where the system does not tell, none.
fn ignored_signals() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or(0)
}

/// Names the file to remove on an interrupt.
pub(super) fn remember(path: &Path) {
    *unfinished() = Some(path.to_owned());
}

fn unfinished() -> std::sync::MutexGuard<'static, Option<PathBuf>> {
    UNFINISHED.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}
