//! A file that gets its name when it is complete.

use std::fs::{self, File};
use std::io::{self, BufWriter, ErrorKind, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

use super::leftovers::{PREFIX, SUFFIX, create_locked, remove_from};
use super::links::folder;
use super::unfinished;
use crate::platform;

/// Bytes that are written and removed again to see whether the disk is full.
const PROBE_BYTES: usize = 4 << 10;
/// The end of the name of an output that is complete and could not be put in its place.
const COMPLETE: &str = ".complete";

/// The name of a file until it is complete.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TemporaryName {
    /// A name that no other file has.
    Unique,
    /// `NAME.unfinished`; replaces what a killed run left there. For one run at a time.
    Fixed,
}

/// A new file under a temporary name. Dropping it unfinished removes it.
pub(crate) struct AtomicFile {
    unfinished: BufWriter<NamedTempFile>,
    /// The file that it will become.
    path: PathBuf,
    place: Place,
    /// Says that this process is alive.
    _lock: File,
}

/// How a complete file comes to its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// It is renamed: the file that was there is replaced at once.
    Renamed,
    /// It is copied over the file that is there, which cannot be replaced: it is a mount point, or its folder is read-only.
    Copied,
}

impl AtomicFile {
    /// Begins the file that will become `path`, which has no links. What is there stays as it is until the end.
    ///
    /// # Errors
    /// If that file is read-only, no file can be created, or the disk is full.
    pub(crate) fn create(path: PathBuf, temporary: TemporaryName) -> io::Result<Self> {
        let there = check_writable(&path)?;
        let in_folder = || create_in(folder(&path), &path, temporary);
        let (place, created) = match (there && platform::is_mount_point(&path), in_folder()) {
            (is_mounted, Ok(created)) => (if is_mounted { Place::Copied } else { Place::Renamed }, created),
            // The file can be written, though its folder cannot.
            (_, Err(error)) if there && is_refusal(&error) => {
                (Place::Copied, create_in(&std::env::temp_dir(), &path, TemporaryName::Unique)?)
            }
            (_, Err(error)) => return Err(error),
        };
        let (mut unfinished, lock) = created;
        remove_from(folder(unfinished.path()), unfinished.path());
        check_space(&mut unfinished)?;
        if place == Place::Renamed
            && let Ok(metadata) = fs::metadata(&path)
        {
            fs::set_permissions(unfinished.path(), metadata.permissions())?;
        }
        Ok(Self { unfinished: BufWriter::new(unfinished), path, place, _lock: lock })
    }

    /// Writes what is buffered, and puts the file in its place.
    ///
    /// # Errors
    /// If that is not possible. A file that could not be copied is kept under another name, which the error has.
    pub(crate) fn finish(self) -> io::Result<()> {
        let Self { unfinished, path, place, _lock } = self;
        let file = unfinished.into_inner().map_err(io::IntoInnerError::into_error)?;
        file.as_file().sync_all()?;
        if place == Place::Copied {
            return copy_or_keep(file, &path);
        }
        match file.persist(&path) {
            Ok(_) => Ok(()),
            // Something was mounted there in the meantime, or the folder lets no file be replaced.
            Err(failed) if path.is_file() && is_refusal(&failed.error) => copy_or_keep(failed.file, &path),
            Err(failed) => Err(keep(failed.file, &path, &failed.error)),
        }
    }
}

impl Write for AtomicFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.unfinished.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.unfinished.flush()
    }
}

/// Whether there is a file at `path`, which can then be written.
fn check_writable(path: &Path) -> io::Result<bool> {
    let Ok(metadata) = fs::metadata(path) else { return Ok(false) };
    // The superuser may write it nevertheless, but somebody has protected it.
    if metadata.permissions().readonly() {
        return Err(io::Error::new(ErrorKind::PermissionDenied, "the file there is read-only; remove it first"));
    }
    File::options().write(true).open(path)?;
    Ok(true)
}

/// Whether the system refuses to create or replace a file, and may let it be written.
fn is_refusal(error: &io::Error) -> bool {
    use ErrorKind::{CrossesDevices, PermissionDenied, ReadOnlyFilesystem, ResourceBusy};
    matches!(error.kind(), CrossesDevices | PermissionDenied | ReadOnlyFilesystem | ResourceBusy)
}

fn create_in(in_folder: &Path, path: &Path, temporary: TemporaryName) -> io::Result<(NamedTempFile, File)> {
    let is_beside = in_folder == folder(path);
    let create = || {
        let mut builder = tempfile::Builder::new();
        match is_beside {
            true => platform::open_to_the_umask(&mut builder, false),
            false => platform::open_to_the_owner(&mut builder),
        }
        builder.suffix(SUFFIX);
        match temporary {
            TemporaryName::Unique => builder.prefix(PREFIX),
            TemporaryName::Fixed => {
                remove_if_there(&with_suffix(path, SUFFIX))?;
                builder.prefix(path.file_name().unwrap_or_default()).rand_bytes(0)
            }
        };
        builder.tempfile_in(in_folder)
    };
    create_locked(create, |file: &NamedTempFile| file.as_file().try_clone())
}

/// Fails if there is no space for a small file.
fn check_space(file: &mut NamedTempFile) -> io::Result<()> {
    let file = file.as_file_mut();
    match file.write_all(&[0; PROBE_BYTES]) {
        Err(error) if matches!(error.kind(), ErrorKind::StorageFull | ErrorKind::QuotaExceeded) => return Err(error),
        _ => (),
    }
    file.set_len(0)?;
    file.rewind()
}

/// Copies the file over the one at `path`, or keeps it under another name.
fn copy_or_keep(file: NamedTempFile, path: &Path) -> io::Result<()> {
    match unfinished::settle(|| copy_over(file.as_file(), path)) {
        Ok(()) => Ok(()),
        Err(error) => Err(keep(file, path, &error)),
    }
}

/// Keeps a file that could not be put in its place, under another name. Returns the error with that name.
fn keep(file: NamedTempFile, path: &Path, error: &io::Error) -> io::Error {
    let name = with_suffix(Path::new(path.file_name().unwrap_or_default()), COMPLETE);
    let why = finsent_model::plain_words(error);
    match kept(file, &name) {
        Ok(kept) => io::Error::new(error.kind(), format!("{why}; the complete output is in `{}`", kept.display())),
        Err(_) => io::Error::new(error.kind(), why),
    }
}

/// Gives a file this name, unless there is one, and returns its path.
fn kept(file: NamedTempFile, name: &Path) -> io::Result<PathBuf> {
    if !file.path().exists() {
        // Its folder is gone, and its contents are not, as long as it is open.
        let mut copy = tempfile::Builder::new().suffix(name).tempfile()?;
        let mut from = file.as_file();
        from.rewind()?;
        io::copy(&mut from, &mut copy)?;
        return copy.keep().map(|(_, path)| path).map_err(|failed| failed.error);
    }
    let (_, from) = file.keep().map_err(|failed| failed.error)?;
    let named = folder(&from).join(name);
    Ok(if named.exists() || fs::rename(&from, &named).is_err() { from } else { named })
}

/// Writes the contents of a file over those of the one at `path`. What is longer is written first, so that a full disk leaves
/// them as they were.
fn copy_over(mut from: &File, path: &Path) -> io::Result<()> {
    let mut to = File::options().write(true).open(path)?;
    let (old, new) = (to.metadata()?.len(), from.metadata()?.len());
    if new > old {
        from.seek(SeekFrom::Start(old))?;
        to.seek(SeekFrom::Start(old))?;
        if let Err(error) = io::copy(&mut from, &mut to).and_then(|_| to.sync_all()) {
            to.set_len(old)?;
            return Err(error);
        }
    }
    from.rewind()?;
    to.rewind()?;
    io::copy(&mut from.take(old.min(new)), &mut to)?;
    to.set_len(new)?;
    to.sync_all()
}

/// `scored.jsonl.journal` for `scored.jsonl` and `.journal`.
pub fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

fn remove_if_there(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use std::fs::Permissions;
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn begun(path: &Path, place: Place) -> AtomicFile {
        let mut file = AtomicFile::create(path.to_owned(), TemporaryName::Unique).unwrap();
        file.place = place;
        file.write_all(b"new contents").unwrap();
        file
    }

    #[test]
    fn a_file_that_cannot_be_replaced_is_written_when_the_new_one_is_complete() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("out.csv");
        for old in ["", "old", "old contents, and more of them"] {
            fs::write(&path, old).unwrap();
            let file = begun(&path, Place::Copied);
            assert_eq!(fs::read_to_string(&path).unwrap(), old);
            file.finish().unwrap();
            assert_eq!(fs::read_to_string(&path).unwrap(), "new contents");
            assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
        }
    }

    #[test]
    fn what_could_not_be_copied_is_kept() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("out.csv");
        fs::write(&path, "").unwrap();
        let file = begun(&path, Place::Copied);
        fs::remove_file(&path).unwrap();
        fs::create_dir(&path).unwrap();
        let error = file.finish().unwrap_err().to_string();
        assert!(error.contains("the complete output is in") && error.contains("out.csv.complete"), "{error}");
        assert_eq!(fs::read_to_string(dir.path().join("out.csv.complete")).unwrap(), "new contents");
    }

    #[test]
    fn the_contents_of_a_folder_that_is_gone_are_kept() {
        let dir = tempfile::tempdir().unwrap();
        let file = begun(&dir.path().join("out.csv"), Place::Renamed);
        drop(dir);
        let error = file.finish().unwrap_err().to_string();
        let kept = error.split('`').nth(1).unwrap();
        assert!(kept.ends_with("out.csv.complete"), "{error}");
        assert_eq!(fs::read_to_string(kept).unwrap(), "new contents");
        fs::remove_file(kept).unwrap();
    }

    #[test]
    fn a_file_that_is_protected_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("out.csv");
        fs::write(&path, "old").unwrap();
        fs::set_permissions(&path, Permissions::from_mode(0o444)).unwrap();
        let error = AtomicFile::create(path.clone(), TemporaryName::Unique).err().unwrap();
        assert!(error.to_string().contains("read-only"), "{error}");
        assert_eq!(fs::read_to_string(&path).unwrap(), "old");
    }
}
