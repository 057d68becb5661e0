//! The files and folders that are being written, so that a program that is interrupted can remove them.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::{fs, io};

static UNFINISHED: Mutex<Vec<PathBuf>> = Mutex::new(Vec::new());

/// Removes all unfinished files and folders, then calls `end`, which should end the process. No output gets its final name
/// in between.
pub fn remove_all_and<T>(end: impl FnOnce() -> T) -> T {
    // Held until the end, so that no output is named in the meantime.
    let unfinished = unfinished();
    unfinished.iter().for_each(|path| remove(path));
    end()
}

/// Removes the file or folder at `path`. If it has just got its final name, there is nothing to remove.
fn remove(path: &Path) {
    if !path.is_dir() {
        return fs::remove_file(path).unwrap_or_default();
    }
    // Another thread may create a file in the folder while it is being removed. It creates only a few.
    while fs::remove_dir_all(path).is_err_and(|error| error.kind() == io::ErrorKind::DirectoryNotEmpty) {}
}

/// Calls `settle`, which gives an unfinished output its final name or removes it. An interrupt comes either before or after
/// it; if it comes before, this function does not return.
pub(crate) fn settle<T>(settle: impl FnOnce() -> T) -> T {
    let _held = unfinished();
    settle()
}

/// Calls `create`, and registers the file or folder that it creates. No interrupt comes in between.
pub(crate) fn register<T: AsRef<Path>>(create: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
    let mut unfinished = unfinished();
    let created = create()?;
    unfinished.push(created.as_ref().to_owned());
    Ok(created)
}

fn unfinished() -> MutexGuard<'static, Vec<PathBuf>> {
    UNFINISHED.lock().unwrap_or_else(PoisonError::into_inner)
}
