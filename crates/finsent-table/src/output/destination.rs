//! Where the output goes: standard output, or a file that gets its name when it is complete.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use crate::atomic::links::{self, folder};
use crate::atomic::{AtomicFile, TemporaryName};
use crate::error::{TableError, WriteFailure};
use crate::platform;

/// An open output. Its I/O errors name it.
pub struct Destination {
    /// For messages.
    name: String,
    target: Target,
}

enum Target {
    Stdout(BufWriter<io::Stdout>),
    /// A pipe or device: there is nothing to rename.
    Direct(BufWriter<File>),
    /// A file that gets its name when it is complete.
    File(AtomicFile),
}

impl Destination {
    /// Opens `path`, or standard output. A regular file at `path` is not touched before [`Destination::finish`]. What dead
    /// processes have left in its folder is removed.
    ///
    /// # Errors
    /// [`TableError::NoFolder`] or [`TableError::Write`].
    pub fn open(path: Option<&Path>, temporary: TemporaryName) -> Result<Self, TableError> {
        let Some(path) = path.filter(|path| !is_standard_output(path)) else {
            let target = Target::Stdout(BufWriter::new(io::stdout()));
            return Ok(Self { name: "standard output".into(), target });
        };
        let name = path.display().to_string();
        match open_file(path, temporary) {
            Ok(target) => Ok(Self { name, target }),
            Err(error) => Err(missing_folder(path).unwrap_or(TableError::Write { path: name, source: error.into() })),
        }
    }

    /// The regular file that `path` is or will be; `None` for standard output, a pipe or a device. Links are followed, so that
    /// what they point to is replaced and not the link.
    pub fn file(path: &Path) -> Option<PathBuf> {
        let is_special = ["/dev", "/proc"].iter().any(|special| path.starts_with(special));
        let is_in_memory = path.starts_with("/dev/shm");
        if is_standard_output(path)
            || is_special && !is_in_memory
            || fs::metadata(path).is_ok_and(|metadata| !metadata.is_file())
        {
            return None;
        }
        Some(links::follow(path).unwrap_or_else(|_| path.to_owned()))
    }

    /// The bytes that are free on the disk of an output; `None` if it is not a file, or the system does not say.
    pub fn free_space(path: &Path) -> Option<u64> {
        platform::free_space(folder(&Self::file(path)?))
    }

    /// Whether it is standard output.
    pub fn is_stdout(&self) -> bool {
        matches!(self.target, Target::Stdout(_))
    }

    /// Writes what is buffered, and gives a file its name.
    ///
    /// # Errors
    /// [`TableError::Write`].
    pub fn finish(mut self) -> Result<(), TableError> {
        self.flush()?;
        match self.target {
            Target::Stdout(_) | Target::Direct(_) => Ok(()),
            Target::File(file) => {
                file.finish().map_err(|source| TableError::Write { path: self.name, source: source.into() })
            }
        }
    }
}

fn open_file(path: &Path, temporary: TemporaryName) -> io::Result<Target> {
    let Some(path) = Destination::file(path) else {
        return Ok(Target::Direct(BufWriter::new(File::options().append(true).open(path)?)));
    };
    // An error that `file` has left to us.
    links::follow(&path)?;
    AtomicFile::create(path, temporary).map(Target::File)
}

/// The error of a path in a folder that does not exist.
fn missing_folder(path: &Path) -> Option<TableError> {
    let real = links::follow(path).ok()?;
    let folder = folder(&real);
    let is_missing = matches!(fs::metadata(folder), Err(error) if error.kind() == io::ErrorKind::NotFound);
    is_missing.then(|| TableError::NoFolder { path: path.to_owned(), folder: folder.to_owned() })
}

fn is_standard_output(path: &Path) -> bool {
    path == Path::new("-") || path == Path::new("/dev/stdout")
}

impl Write for Destination {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = match &mut self.target {
            Target::Stdout(stdout) => stdout.write(bytes),
            Target::Direct(file) => file.write(bytes),
            Target::File(file) => file.write(bytes),
        };
        written.map_err(|error| WriteFailure::of(&self.name, error))
    }

    fn flush(&mut self) -> io::Result<()> {
        let flushed = match &mut self.target {
            Target::Stdout(stdout) => stdout.flush(),
            Target::Direct(file) => file.flush(),
            Target::File(file) => file.flush(),
        };
        flushed.map_err(|error| WriteFailure::of(&self.name, error))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(dir: &Path) -> Vec<String> {
        fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
    }

    #[test]
    fn the_old_file_is_kept_until_the_new_one_is_complete() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("out.csv");
        fs::write(&path, "old").unwrap();
        let mut destination = Destination::open(Some(&path), TemporaryName::Unique).unwrap();
        destination.write_all(b"new").unwrap();
        destination.flush().unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"old");
        destination.finish().unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"new");
        assert_eq!(names(dir.path()), ["out.csv"]);
    }

    #[test]
    fn an_output_that_is_dropped_unfinished_is_removed() {
        let dir = tempfile::tempdir().unwrap();
        for temporary in [TemporaryName::Unique, TemporaryName::Fixed] {
            drop(Destination::open(Some(&dir.path().join("out.csv")), temporary).unwrap());
            assert!(names(dir.path()).is_empty());
        }
    }

    #[test]
    fn errors_name_the_output_and_what_is_missing() {
        let missing = Destination::open(Some(Path::new("/nowhere/out.csv")), TemporaryName::Unique).err().unwrap();
        assert_eq!(missing.to_string(), "cannot write `/nowhere/out.csv`: the folder `/nowhere` does not exist");
        let mut full = Destination::open(Some(Path::new("/dev/full")), TemporaryName::Unique).unwrap();
        full.write_all(b"text").unwrap();
        let error = TableError::from(full.flush().unwrap_err());
        assert!(matches!(&error, TableError::Write { path, source }
            if path == "/dev/full" && source.kind() == io::ErrorKind::StorageFull));
    }

    #[test]
    fn a_device_is_written_and_not_replaced() {
        let null = Destination::open(Some(Path::new("/dev/null")), TemporaryName::Fixed).unwrap();
        assert!(matches!(null.target, Target::Direct(_)));
        assert_eq!(Destination::file(Path::new("/dev/null")), None);
    }

    #[test]
    fn a_fixed_name_replaces_what_was_left_and_does_not_follow_links() {
        let dir = tempfile::tempdir().unwrap();
        let (path, precious) = (dir.path().join("out.csv"), dir.path().join("precious"));
        fs::write(&precious, "old").unwrap();
        std::os::unix::fs::symlink(&precious, dir.path().join("out.csv.unfinished")).unwrap();
        let mut destination = Destination::open(Some(&path), TemporaryName::Fixed).unwrap();
        assert!(dir.path().join("out.csv.unfinished").is_file());
        destination.write_all(b"new").unwrap();
        destination.finish().unwrap();
        assert_eq!((fs::read(&path).unwrap(), fs::read(&precious).unwrap()), (b"new".to_vec(), b"old".to_vec()));
        assert_eq!(names(dir.path()).len(), 2);
    }

    #[test]
    fn links_are_followed_whether_or_not_they_lead_to_a_file() {
        let dir = tempfile::tempdir().unwrap();
        let path = |name: &str| dir.path().join(name);
        fs::create_dir(path("sub")).unwrap();
        fs::write(path("sub/live"), "old").unwrap();
        for (link, target) in [("live", "sub/live"), ("dangling", "sub/new"), ("lost", "nowhere/new"), ("loop", "loop")]
        {
            std::os::unix::fs::symlink(target, path(link)).unwrap();
        }
        for link in ["live", "dangling"] {
            let mut destination = Destination::open(Some(&path(link)), TemporaryName::Unique).unwrap();
            destination.write_all(b"new").unwrap();
            destination.finish().unwrap();
            assert!(path(link).is_symlink(), "{link}");
        }
        assert_eq!(
            (fs::read(path("sub/live")).unwrap(), fs::read(path("sub/new")).unwrap()),
            (b"new".into(), b"new".into())
        );
        let error = |link: &str| Destination::open(Some(&path(link)), TemporaryName::Unique).err().unwrap();
        assert!(matches!(error("lost"), TableError::NoFolder { folder, .. } if folder.ends_with("nowhere")));
        assert!(matches!(error("loop"), TableError::Write { source, .. } if source.to_string().contains("circle")));
    }

    #[test]
    fn what_a_killed_run_left_is_removed_by_the_next() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join(".finsent-abc123.unfinished"), "old").unwrap();
        let open = || Destination::open(Some(&dir.path().join("out.csv")), TemporaryName::Unique).unwrap();
        let first = open();
        assert_eq!(names(dir.path()).len(), 1);
        // The first one is alive.
        let second = open();
        assert_eq!(names(dir.path()).len(), 2);
        first.finish().unwrap();
        second.finish().unwrap();
        assert_eq!(names(dir.path()), ["out.csv"]);
    }
}
