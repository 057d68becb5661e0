//! A folder that gets its name when it is complete.

use std::fs::{self, File};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use finsent_model::platform::FileId;
use tempfile::TempDir;

use super::{leftovers, links, unfinished};
use crate::error::{DirectoryProblem, TableError};
use crate::platform;

/// A new folder under a temporary name, beside the one that it will become. Dropping it unfinished removes it.
#[derive(Debug)]
pub struct AtomicDirectory {
    /// `None` once it has its name.
    unfinished: Option<TempDir>,
    path: PathBuf,
    /// Says that this process is alive.
    _lock: File,
}

impl AtomicDirectory {
    /// Creates the folder that will become `path`, which must not exist, or be an empty folder.
    ///
    /// # Errors
    /// [`TableError::Directory`] if `path` is something else, [`TableError::Write`] if the system refuses.
    pub fn create(path: &Path) -> Result<Self, TableError> {
        let cannot_write =
            |error: io::Error| TableError::Write { path: path.display().to_string(), source: error.into() };
        // A link is followed, so that what it points to is replaced and not the link.
        let real = links::follow(path).map_err(cannot_write)?;
        let parent = links::folder(&real);
        if let Some(problem) = problem(&real, parent).map_err(cannot_write)? {
            return Err(TableError::Directory { path: path.to_owned(), problem });
        }
        let (unfinished, lock) = create_beside(&real, parent).map_err(cannot_write)?;
        leftovers::remove_from(parent, unfinished.path());
        Ok(Self { unfinished: Some(unfinished), path: real, _lock: lock })
    }

    /// The temporary path, under which files are created.
    pub fn unfinished(&self) -> &Path {
        self.unfinished.as_ref().expect("it has a temporary name until it is finished").path()
    }

    /// Gives the folder its name. Sync its files first.
    ///
    /// # Errors
    /// If the system refuses, for example because something with that name was created in the meantime.
    pub fn finish(mut self) -> io::Result<()> {
        platform::sync_folder(self.unfinished())?;
        unfinished::settle(|| {
            platform::place_folder(self.unfinished(), &self.path)?;
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
            tracing::warn!(%error, "cannot remove `{}`", path.display());
        }
    }
}

/// Why `path` cannot become a new folder, if it cannot.
fn problem(path: &Path, parent: &Path) -> io::Result<Option<DirectoryProblem>> {
    let mut entries = match fs::read_dir(path) {
        Ok(entries) => entries,
        Err(error) if error.kind() == ErrorKind::NotADirectory => return Ok(Some(DirectoryProblem::NotAFolder)),
        Err(error) if error.kind() == ErrorKind::NotFound && !parent.is_dir() => {
            return Ok(Some(DirectoryProblem::NoParent(parent.to_owned())));
        }
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    if entries.next().is_some() {
        return Ok(Some(DirectoryProblem::NotEmpty));
    }
    let is_mounted = !FileId::at(path)?.is_on_device_of(&FileId::at(parent)?) || platform::is_mount_point(path);
    Ok(is_mounted.then_some(DirectoryProblem::MountPoint))
}

fn create_beside(path: &Path, parent: &Path) -> io::Result<(TempDir, File)> {
    let permissions = fs::metadata(path).map(|metadata| metadata.permissions());
    let create = || {
        let mut builder = tempfile::Builder::new();
        platform::open_to_the_umask(&mut builder, true);
        builder.prefix(leftovers::PREFIX).suffix(leftovers::SUFFIX).tempdir_in(parent)
    };
    let (unfinished, lock) =
        leftovers::create_locked(create, |folder: &TempDir| platform::open_to_lock(folder.path()))?;
    if let Ok(permissions) = permissions {
        fs::set_permissions(unfinished.path(), permissions)?;
    }
    Ok((unfinished, lock))
}

#[cfg(test)]
mod tests {
    use std::fs::Permissions;
    use std::os::unix::fs::PermissionsExt;

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
    fn a_folder_gets_its_name_when_it_is_complete() {
        let dir = tempfile::tempdir().unwrap();
        let directory = AtomicDirectory::create(&dir.path().join("new")).unwrap();
        assert!(names(dir.path()) != ["new"]);
        directory.finish().unwrap();
        assert_eq!(names(dir.path()), ["new"]);
    }

    #[test]
    fn a_folder_that_is_dropped_unfinished_is_removed() {
        let dir = tempfile::tempdir().unwrap();
        let directory = AtomicDirectory::create(&dir.path().join("new")).unwrap();
        fs::write(directory.unfinished().join("file"), "").unwrap();
        drop(directory);
        assert!(names(dir.path()).is_empty());
    }

    #[test]
    fn a_folder_that_was_filled_in_the_meantime_is_not_replaced() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("new");
        let directory = AtomicDirectory::create(&path).unwrap();
        fs::create_dir(&path).unwrap();
        fs::write(path.join("other"), "").unwrap();
        assert!(directory.finish().is_err());
        assert_eq!((names(dir.path()), names(&path)), (vec!["new".into()], vec!["other".into()]));
    }

    #[test]
    fn an_empty_folder_keeps_its_permissions_and_the_links_to_it() {
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
    fn a_link_to_a_folder_that_is_not_there_is_followed() {
        let dir = tempfile::tempdir().unwrap();
        let link = dir.path().join("link");
        std::os::unix::fs::symlink("new", &link).unwrap();
        finished(&link).unwrap();
        assert_eq!((names(&dir.path().join("new")), link.is_symlink()), (vec!["file".into()], true));
    }

    #[test]
    fn files_filled_folders_and_missing_parents_are_refused() {
        let dir = tempfile::tempdir().unwrap();
        let problem = |name: &str| match AtomicDirectory::create(&dir.path().join(name)).unwrap_err() {
            TableError::Directory { problem, .. } => problem,
            other => panic!("{other}"),
        };
        fs::write(dir.path().join("file"), "").unwrap();
        std::os::unix::fs::symlink("nowhere/new", dir.path().join("link")).unwrap();
        assert_eq!(problem("file"), DirectoryProblem::NotAFolder);
        assert_eq!(problem("link"), DirectoryProblem::NoParent(dir.path().join("nowhere")));
        assert_eq!(problem("nowhere/new"), DirectoryProblem::NoParent(dir.path().join("nowhere")));
        assert_eq!(problem(""), DirectoryProblem::NotEmpty);
    }
}
