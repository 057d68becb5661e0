//! Ctrl-C and SIGTERM: they remove partial output before the process ends.

use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::{fs, io, process, thread};

use finsent_table::unfinished;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM, SIGXFSZ};
use signal_hook::flag;
use signal_hook::iterator::Signals;

/// Called when the process is interrupted, the last one first.
static LAST_ACTIONS: Mutex<Vec<Box<dyn Fn() + Send>>> = Mutex::new(Vec::new());

/// From now on an interrupt removes the unfinished output and exits with 128 plus the signal's number. A file that reaches the
/// limit on the size of files is an error of writing, like a full disk, and does not end the process.
pub(super) fn watch() -> io::Result<()> {
    flag::register(SIGXFSZ, Arc::new(AtomicBool::new(false)))?;
    let ignored = ignored_signals();
    let watched = [SIGINT, SIGTERM, SIGHUP].into_iter().filter(|signal| ignored >> (signal - 1) & 1 == 0);
    let mut signals = Signals::new(watched)?;
    thread::Builder::new().name("signals".into()).spawn(move || {
        if let Some(signal) = signals.forever().next() {
            unfinished::remove_all_and(|| {
                last_actions().iter().rev().for_each(|act| act());
                process::exit(128 + signal);
            })
        }
    })?;
    Ok(())
}

/// The signals that the parent process ignores for us (`nohup`, a shell's background job), as bits that start with signal
/// 1. Zero if the system does not say.
fn ignored_signals() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or(0)
}

/// Calls `act` when the process is interrupted, before it exits, and before what was given earlier.
pub(super) fn on_interrupt(act: impl Fn() + Send + 'static) {
    last_actions().push(Box::new(act));
}

fn last_actions() -> MutexGuard<'static, Vec<Box<dyn Fn() + Send>>> {
    LAST_ACTIONS.lock().unwrap_or_else(PoisonError::into_inner)
}
