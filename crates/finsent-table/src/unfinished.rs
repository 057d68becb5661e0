//! The files and directories that are being written, so that a program that is interrupted can remove them.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::{fs, io};

static UNFINISHED: Mutex<Vec<PathBuf>> = Mutex::new(Vec::new());

/// Removes all unfinished files and directories, then calls `end`, which should end the process. No output gets its final
/// name in between.
pub fn remove_all_and<T>(end: impl FnOnce() -> T) -> T {
    // Held until the end, so that nothing is settled in the meantime.
    let unfinished = unfinished();
    unfinished.iter().for_each(|path| remove(path));
    end()
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
pub(crate) fn settle<T>(settle: impl FnOnce() -> T) -> T {
    let _held = unfinished();
    settle()
}

/// Calls `make`, which makes a file or directory that an interrupt is to remove. None comes between the two.
pub(crate) fn begin<T: AsRef<Path>>(make: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
    let mut unfinished = unfinished();
    let made = make()?;
    unfinished.push(made.as_ref().to_owned());
    Ok(made)
}

fn unfinished() -> MutexGuard<'static, Vec<PathBuf>> {
    UNFINISHED.lock().unwrap_or_else(PoisonError::into_inner)
}
