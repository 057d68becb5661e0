//! A directory that appears under its name when it is complete.

use std::fs::{self, File, Permissions};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use tempfile::TempDir;

use crate::{UsageError, unfinished};

/// A new directory, beside the one that it will become. It is gone when it is dropped unfinished.
#[derive(Debug)]
pub struct AtomicDirectory {
    /// None when it has its name.
    unfinished: Option<TempDir>,
    path: PathBuf,
}

impl AtomicDirectory {
    /// Begins what will be `path`, which is not there yet or is an empty directory.
    pub fn create(path: &Path) -> Result<Self> {
        let cannot_write = || format!("cannot write `{}`", path.display());
        // A link to a directory is followed, so that the directory is replaced and not the link.
        let real = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        let parent = real.parent().filter(|dir| !dir.as_os_str().is_empty()).unwrap_or(Path::new("."));
        if let Some(refusal) = refusal(&real, parent).with_context(cannot_write)? {
            return Err(UsageError(format!("`{}` {refusal}", path.display())).into());
        }
        let unfinished = begin(&real, parent).with_context(cannot_write)?;
        Ok(Self { unfinished: Some(unfinished), path: real })
    }

    /// Where to put the files.
    pub fn unfinished(&self) -> &Path {
        self.unfinished.as_ref().expect("it has no name before it is finished").path()
    }

    /// Gives the directory its name. Its files have been synced.
    pub fn finish(mut self) -> io::Result<()> {
        File::open(self.unfinished())?.sync_all()?;
        unfinished::settle(|| {
            fs::rename(self.unfinished(), &self.path)?;
            self.unfinished.take().map(TempDir::keep);
            Ok(())
        })
    }
}

impl Drop for AtomicDirectory {
    fn drop(&mut self) {
        let Some(unfinished) = self.unfinished.take() else { return };
        let path = unfinished.path().to_owned();
        if let Err(error) = unfinished::settle(|| unfinished.close()) {
            tracing::warn!(%error, "`{}` could not be removed", path.display());
        }
    }
}

/// Why `path` cannot become a new directory, if it cannot.
fn refusal(path: &Path, parent: &Path) -> io::Result<Option<String>> {
    let mut entries = match fs::read_dir(path) {
        Ok(entries) => entries,
        Err(error) if error.kind() == ErrorKind::NotADirectory || path.is_symlink() => {
            return Ok(Some("is no directory: name one that is new".into()));
        }
        Err(error) if error.kind() == ErrorKind::NotFound && !parent.is_dir() => {
            let parent = parent.display();
            return Ok(Some(format!("cannot be made, for there is no directory `{parent}`: make that first")));
        }
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    if entries.next().is_some() {
        return Ok(Some("is not empty: name a directory that is new".into()));
    }
    let is_mounted = fs::metadata(path)?.dev() != fs::metadata(parent)?.dev();
    Ok(is_mounted.then(|| "is where a volume is mounted, which cannot be replaced: name a directory in it".into()))
}

fn begin(path: &Path, parent: &Path) -> io::Result<TempDir> {
    // What any new directory gets; the process's umask is taken off by the system.
    let permissions = fs::metadata(path).map(|metadata| metadata.permissions());
    let mut unfinished = tempfile::Builder::new();
    unfinished.prefix(".finsent-").suffix(".unfinished").permissions(Permissions::from_mode(0o777));
    let unfinished = unfinished::begin(|| unfinished.tempdir_in(parent))?;
    if let Ok(permissions) = permissions {
        fs::set_permissions(unfinished.path(), permissions)?;
    }
    Ok(unfinished)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(dir: &Path) -> Vec<String> {
        fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
    }

    fn finished(path: &Path) -> io::Result<()> {
        let directory = AtomicDirectory::create(path).unwrap();
        fs::write(directory.unfinished().join("file"), "").unwrap();
        directory.finish()
    }

    #[test]
    fn a_directory_appears_when_it_is_complete() {
        let dir = tempfile::tempdir().unwrap();
        let directory = AtomicDirectory::create(&dir.path().join("new")).unwrap();
        assert!(names(dir.path()) != ["new"]);
        directory.finish().unwrap();
        assert_eq!(names(dir.path()), ["new"]);
    }

    #[test]
    fn a_directory_that_is_given_up_leaves_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let directory = AtomicDirectory::create(&dir.path().join("new")).unwrap();
        fs::write(directory.unfinished().join("file"), "").unwrap();
        drop(directory);
        assert!(names(dir.path()).is_empty());
    }

    #[test]
    fn a_directory_that_was_filled_in_the_meantime_stays_as_it_is() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("new");
        let directory = AtomicDirectory::create(&path).unwrap();
        fs::create_dir(&path).unwrap();
        fs::write(path.join("other"), "").unwrap();
        assert!(directory.finish().is_err());
        assert_eq!((names(dir.path()), names(&path)), (vec!["new".into()], vec!["other".into()]));
    }

    #[test]
    fn an_empty_directory_keeps_its_permissions_and_the_links_to_it() {
        let dir = tempfile::tempdir().unwrap();
        let (path, link) = (dir.path().join("new"), dir.path().join("link"));
        fs::create_dir(&path).unwrap();
        fs::set_permissions(&path, Permissions::from_mode(0o750)).unwrap();
        std::os::unix::fs::symlink(&path, &link).unwrap();
        finished(&link).unwrap();
        assert_eq!((names(&path), link.is_symlink()), (vec!["file".into()], true));
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o750);
    }

    #[test]
    fn what_is_no_place_for_a_directory_is_refused_at_once() {
        let dir = tempfile::tempdir().unwrap();
        let refused = |name: &str| AtomicDirectory::create(&dir.path().join(name)).unwrap_err().to_string();
        fs::write(dir.path().join("file"), "").unwrap();
        std::os::unix::fs::symlink("nowhere", dir.path().join("link")).unwrap();
        assert!(refused("file").contains("no directory"));
        assert!(refused("link").contains("no directory"));
        assert!(refused("nowhere/new").ends_with("nowhere`: make that first"));
        assert!(refused("").contains("not empty"));
    }
}
