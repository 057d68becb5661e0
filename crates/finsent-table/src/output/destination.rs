//! Where the output goes: standard output, or a file that appears under its name when it is complete.

use std::fs::{self, File, Permissions};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use tempfile::NamedTempFile;

use crate::unfinished;

/// What an incomplete file's name ends in.
const UNFINISHED: &str = ".unfinished";

/// An open output.
pub enum Destination {
    Stdout(BufWriter<io::Stdout>),
    /// A pipe or device: there is nothing to rename.
    Direct(BufWriter<File>),
    /// A file beside the one that it will become.
    Beside {
        unfinished: BufWriter<NamedTempFile>,
        path: PathBuf,
    },
}

/// What a file is called until it is complete.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TemporaryName {
    /// A name that no other file has.
    Unique,
    /// `NAME.unfinished`, in place of what a run that was killed left there: for one run at a time.
    Fixed,
}

impl Destination {
    /// Opens `path`, or standard output. A regular file at `path` stays as it is until [`Destination::finish`].
    pub fn open(path: Option<&Path>, interim: TemporaryName) -> Result<Self> {
        let Some(path) = path.filter(|path| !is_standard_output(path)) else {
            return Ok(Self::Stdout(BufWriter::new(io::stdout())));
        };
        Self::open_file(path, interim).with_context(|| format!("cannot write `{}`", path.display()))
    }

    /// The regular file that `path` is, or will be. None where it is standard output, a pipe or a device.
    pub fn file(path: &Path) -> Option<PathBuf> {
        let is_special = is_standard_output(path) || ["/dev", "/proc"].iter().any(|special| path.starts_with(special));
        if is_special || fs::metadata(path).is_ok_and(|metadata| !metadata.is_file()) {
            return None;
        }
        // A link to a file is followed, so that the file is replaced and not the link.
        Some(fs::canonicalize(path).unwrap_or_else(|_| path.to_owned()))
    }

    fn open_file(path: &Path, interim: TemporaryName) -> io::Result<Self> {
        let Some(path) = Self::file(path) else {
            return Ok(Self::Direct(BufWriter::new(File::options().append(true).open(path)?)));
        };
        let dir = path.parent().filter(|dir| !dir.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let name = path.file_name().unwrap_or_default();
        let mut unfinished = tempfile::Builder::new();
        unfinished.suffix(UNFINISHED).permissions(new_file_permissions());
        match interim {
            TemporaryName::Unique => unfinished.prefix(".finsent-"),
            TemporaryName::Fixed => {
                remove_if_there(&with_suffix(&path, UNFINISHED))?;
                unfinished.prefix(name).rand_bytes(0)
            }
        };
        let unfinished = unfinished::begin(|| unfinished.tempfile_in(dir))?;
        if let Ok(metadata) = fs::metadata(&path) {
            fs::set_permissions(unfinished.path(), metadata.permissions())?;
        }
        Ok(Self::Beside { unfinished: BufWriter::new(unfinished), path })
    }

    pub fn is_stdout(&self) -> bool {
        matches!(self, Self::Stdout(_))
    }

    /// Writes what is left and gives a file its name.
    pub fn finish(mut self) -> Result<()> {
        self.flush()?;
        let Self::Beside { unfinished, path } = self else {
            return Ok(());
        };
        let named = || -> io::Result<()> {
            let unfinished = unfinished.into_inner().map_err(io::IntoInnerError::into_error)?;
            unfinished.as_file().sync_all()?;
            unfinished.persist(&path).map(drop).map_err(|error| error.error)
        };
        named().with_context(|| format!("cannot write `{}`", path.display()))
    }
}

/// `scored.jsonl.journal` for `scored.jsonl` and `.journal`.
pub fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

fn remove_if_there(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

fn is_standard_output(path: &Path) -> bool {
    path == Path::new("-") || path == Path::new("/dev/stdout")
}

/// What any new file gets; the process's umask is taken off by the system.
fn new_file_permissions() -> Permissions {
    use std::os::unix::fs::PermissionsExt;
    Permissions::from_mode(0o666)
}

impl Write for Destination {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Stdout(stdout) => stdout.write(bytes),
            Self::Direct(file) => file.write(bytes),
            Self::Beside { unfinished, .. } => unfinished.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Stdout(stdout) => stdout.flush(),
            Self::Direct(file) => file.flush(),
            Self::Beside { unfinished, .. } => unfinished.flush(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(dir: &Path) -> Vec<String> {
        fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
    }

    #[test]
    fn the_old_file_stays_until_the_new_one_is_complete() {
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
    fn an_output_that_is_given_up_leaves_nothing() {
        let dir = tempfile::tempdir().unwrap();
        for interim in [TemporaryName::Unique, TemporaryName::Fixed] {
            drop(Destination::open(Some(&dir.path().join("out.csv")), interim).unwrap());
            assert!(names(dir.path()).is_empty());
        }
    }

    #[test]
    fn devices_are_written_and_not_replaced() {
        let null = Destination::open(Some(Path::new("/dev/null")), TemporaryName::Fixed).unwrap();
        assert!(matches!(null, Destination::Direct(_)));
        assert_eq!(Destination::file(Path::new("/dev/null")), None);
    }

    #[test]
    fn a_fixed_name_replaces_what_was_left_under_it_and_follows_no_link() {
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
}
