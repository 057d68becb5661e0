//! Ctrl-C and SIGTERM: no half-written file or directory stays behind.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::{fs, io, process, thread};

use finsent_table::unfinished;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

/// What is said when the process is interrupted.
static LAST_WORDS: Mutex<Option<Box<dyn Fn() + Send>>> = Mutex::new(None);

/// From now on an interrupt removes the unfinished output and ends the process with 128 + the signal's number.
pub(super) fn watch() -> io::Result<()> {
    let ignored = ignored_signals();
    let heeded = [SIGINT, SIGTERM, SIGHUP].into_iter().filter(|signal| ignored >> (signal - 1) & 1 == 0);
    let mut signals = Signals::new(heeded)?;
    thread::Builder::new().name("signals".into()).spawn(move || {
        if let Some(signal) = signals.forever().next() {
            unfinished::remove_all_and(|| {
                if let Some(speak) = &*last_words() {
                    speak();
                }
                process::exit(128 + signal);
            })
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

/// Calls `speak` when the process is interrupted, before it ends.
pub(super) fn set_last_words(speak: impl Fn() + Send + 'static) {
    *last_words() = Some(Box::new(speak));
}

fn last_words() -> MutexGuard<'static, Option<Box<dyn Fn() + Send>>> {
    LAST_WORDS.lock().unwrap_or_else(PoisonError::into_inner)
}
