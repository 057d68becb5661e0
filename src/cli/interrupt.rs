//! Ctrl-C and SIGTERM: no half-written file or directory stays behind.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::{fs, io, process, thread};

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

/// The files and directories that are being written, to be removed when the process is interrupted.
static UNFINISHED: Mutex<Vec<PathBuf>> = Mutex::new(Vec::new());

/// What is said then.
static LAST_WORDS: Mutex<Option<Box<dyn Fn() + Send>>> = Mutex::new(None);

/// From now on an interrupt removes the unfinished output and ends the process with 128 + the signal's number.
pub(super) fn watch() -> io::Result<()> {
    let ignored = ignored_signals();
    let heeded = [SIGINT, SIGTERM, SIGHUP].into_iter().filter(|signal| ignored >> (signal - 1) & 1 == 0);
    let mut signals = Signals::new(heeded)?;
    thread::Builder::new().name("signals".into()).spawn(move || {
        if let Some(signal) = signals.forever().next() {
            // Held until the end, so that nothing is settled in the meantime.
            let unfinished = unfinished();
            unfinished.iter().for_each(|path| remove(path));
            if let Some(speak) = &*last_words() {
                speak();
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

/// Removes what is at `path`. It may have got its final name just now; then there is nothing to remove.
fn remove(path: &Path) {
    if !path.is_dir() {
        return fs::remove_file(path).unwrap_or_default();
    }
    // A file that is written into it meanwhile can make its removal fail. There are only so many of them.
    while fs::remove_dir_all(path).is_err_and(|error| error.kind() == io::ErrorKind::DirectoryNotEmpty) {}
}

/// Calls `settle`, which gives what is unfinished its final name or removes it. An interrupt comes before that, and then
/// this does not return, or after it.
pub(super) fn settle<T>(settle: impl FnOnce() -> T) -> T {
    let _held = unfinished();
    settle()
}

/// Calls `make`, which makes a file or directory that an interrupt is to remove. None comes between the two.
pub(super) fn begin<T: AsRef<Path>>(make: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
    let mut unfinished = unfinished();
    let made = make()?;
    unfinished.push(made.as_ref().to_owned());
    Ok(made)
}

/// Calls `speak` when the process is interrupted, before it ends.
pub(super) fn set_last_words(speak: impl Fn() + Send + 'static) {
    *last_words() = Some(Box::new(speak));
}

fn last_words() -> MutexGuard<'static, Option<Box<dyn Fn() + Send>>> {
    LAST_WORDS.lock().unwrap_or_else(PoisonError::into_inner)
}

fn unfinished() -> MutexGuard<'static, Vec<PathBuf>> {
    UNFINISHED.lock().unwrap_or_else(PoisonError::into_inner)
}
