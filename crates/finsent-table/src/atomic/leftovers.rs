//! What processes leave behind that were killed while they wrote.
//!
//! A process holds a lock on each unfinished file or folder under a random name, from its creation to its end. The system
//! releases the lock when the process ends, however it ends, so whoever gets the lock knows that the owner is gone. Where the
//! file system has no locks, nothing is removed.

use std::fs::{self, File, Metadata, TryLockError};
use std::io;
use std::path::Path;

use finsent_model::platform::FileId;

use super::unfinished;
use crate::platform::{User, open_to_lock};

/// The parts of an unfinished name that do not vary.
pub(crate) const PREFIX: &str = ".finsent-";
pub(crate) const SUFFIX: &str = ".unfinished";
/// Random characters between them.
const RANDOM: usize = 6;

/// Calls `create`, registers what it creates, and locks it; `open` opens it. The lock holds until the file is closed.
pub(crate) fn create_locked<T: AsRef<Path>>(
    create: impl Fn() -> io::Result<T>,
    open: impl Fn(&T) -> io::Result<File>,
) -> io::Result<(T, File)> {
    loop {
        let created = unfinished::register(&create)?;
        let file = open(&created)?;
        match file.try_lock() {
            // Without locks, nobody removes anything.
            Err(TryLockError::Error(_)) => return Ok((created, file)),
            Ok(()) if is_at(&file, created.as_ref()) => return Ok((created, file)),
            // Another process took it for a leftover before it was locked.
            Ok(()) | Err(TryLockError::WouldBlock) => (),
        }
    }
}

/// Removes what dead processes of this user have left in `folder`.
pub(crate) fn remove_from(folder: &Path, own: &Path) {
    let Ok(user) = fs::symlink_metadata(own).map(|own| User::of(&own)) else { return };
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let is_unfinished = entry.file_name().to_str().is_some_and(is_unfinished_name);
        // Links are not followed, and pipes not opened.
        let metadata = entry.metadata().ok().filter(|it| User::of(it) == user && (it.is_file() || it.is_dir()));
        if let Some(metadata) = metadata.filter(|_| is_unfinished) {
            remove(&entry.path(), &metadata);
        }
    }
}

fn is_unfinished_name(name: &str) -> bool {
    let random = name.strip_prefix(PREFIX).and_then(|name| name.strip_suffix(SUFFIX));
    random.is_some_and(|random| random.len() == RANDOM && random.bytes().all(|byte| byte.is_ascii_alphanumeric()))
}

/// Removes a file or folder that nobody has locked.
fn remove(path: &Path, metadata: &Metadata) {
    let Ok(file) = open_to_lock(path) else { return };
    if file.try_lock().is_err() || !is_at(&file, path) {
        return;
    }
    let removed = if metadata.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) };
    match removed {
        Ok(()) => tracing::info!("removed `{}`, which a run that was killed had left", path.display()),
        Err(error) => tracing::debug!(%error, "cannot remove `{}`", path.display()),
    }
}

/// Whether an open file is still the one at `path`.
fn is_at(file: &File, path: &Path) -> bool {
    matches!((FileId::of(file), FileId::at_link(path)), (Ok(file), Ok(there)) if file == there)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    fn names(dir: &Path) -> Vec<String> {
        let mut names: Vec<String> =
            fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn only_what_nobody_holds_is_removed() {
        let dir = tempfile::tempdir().unwrap();
        let path = |name: &str| dir.path().join(name);
        fs::write(path(".finsent-deadAA.unfinished"), "").unwrap();
        fs::create_dir_all(path(".finsent-deadBB.unfinished/sub")).unwrap();
        let live = File::create(path(".finsent-liveAA.unfinished")).unwrap();
        live.lock().unwrap();
        fs::create_dir(path(".finsent-liveBB.unfinished")).unwrap();
        let live_folder = File::open(path(".finsent-liveBB.unfinished")).unwrap();
        live_folder.lock().unwrap();
        for other in [".finsent-x.unfinished", ".finsent-deadAA", "out.csv.unfinished", "out.csv"] {
            fs::write(path(other), "").unwrap();
        }
        symlink("out.csv", path(".finsent-linkAA.unfinished")).unwrap();
        remove_from(dir.path(), &path("out.csv"));
        assert_eq!(
            names(dir.path()),
            [
                ".finsent-deadAA",
                ".finsent-linkAA.unfinished",
                ".finsent-liveAA.unfinished",
                ".finsent-liveBB.unfinished",
                ".finsent-x.unfinished",
                "out.csv",
                "out.csv.unfinished"
            ]
        );
        drop((live, live_folder));
        remove_from(dir.path(), &path("out.csv"));
        assert_eq!(names(dir.path()).len(), 5);
    }

    #[test]
    fn what_another_process_took_for_a_leftover_is_created_again() {
        let dir = tempfile::tempdir().unwrap();
        let taken = std::cell::RefCell::new(Vec::new());
        let create = || {
            let mut builder = tempfile::Builder::new();
            let created = builder.prefix(PREFIX).suffix(SUFFIX).tempfile_in(dir.path())?;
            if taken.borrow().is_empty() {
                let other = File::open(created.path())?;
                other.lock()?;
                taken.borrow_mut().push(other);
            }
            Ok(created)
        };
        let (created, _lock) = create_locked(create, |created| File::open(created.path())).unwrap();
        assert_eq!(names(dir.path()), [created.path().file_name().unwrap().to_str().unwrap()]);
        remove_from(dir.path(), created.path());
        assert!(created.path().exists());
    }
}
