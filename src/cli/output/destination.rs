//! Where the output goes: standard output, or a file that appears under its name when it is complete.

use std::fs::{self, File, Permissions};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use tempfile::NamedTempFile;

use crate::cli::interrupt;

/// An open output.
pub(in crate::cli) enum Destination {
    Stdout(BufWriter<io::Stdout>),
    /// A pipe or device: there is nothing to rename.
    Direct(BufWriter<File>),
    /// A file beside the one that it will become.
    Beside {
        unfinished: BufWriter<NamedTempFile>,
        path: PathBuf,
    },
}

impl Destination {
    /// Opens `path`, or standard output. A regular file at `path` stays as it is until [`Destination::finish`].
    pub(in crate::cli) fn open(path: Option<&Path>) -> Result<Self> {
        let Some(path) = path.filter(|path| !is_standard_output(path)) else {
            return Ok(Self::Stdout(BufWriter::new(io::stdout())));
        };
        Self::open_file(path).with_context(|| format!("cannot write `{}`", path.display()))
    }

    fn open_file(path: &Path) -> io::Result<Self> {
        let existing = fs::metadata(path).ok();
        let is_device = ["/dev", "/proc"].iter().any(|special| path.starts_with(special));
        if is_device || existing.as_ref().is_some_and(|metadata| !metadata.is_file()) {
            return Ok(Self::Direct(BufWriter::new(File::options().append(true).open(path)?)));
        }
        // A link to a file is followed, so that the file is replaced and not the link.
        let path = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        let dir = path.parent().filter(|dir| !dir.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let mut unfinished = tempfile::Builder::new();
        unfinished.prefix(".finsent-").suffix(".unfinished").permissions(new_file_permissions());
        let unfinished = interrupt::begin(|| unfinished.tempfile_in(dir))?;
        if let Some(metadata) = existing {
            fs::set_permissions(unfinished.path(), metadata.permissions())?;
        }
        Ok(Self::Beside { unfinished: BufWriter::new(unfinished), path })
    }

    pub(in crate::cli) fn is_stdout(&self) -> bool {
        matches!(self, Self::Stdout(_))
    }

    /// Writes what is left and gives a file its name.
    pub(in crate::cli) fn finish(mut self) -> Result<()> {
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
        let mut destination = Destination::open(Some(&path)).unwrap();
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
        drop(Destination::open(Some(&dir.path().join("out.csv"))).unwrap());
        assert!(names(dir.path()).is_empty());
    }

    #[test]
    fn devices_are_written_and_not_replaced() {
        assert!(matches!(Destination::open(Some(Path::new("/dev/null"))).unwrap(), Destination::Direct(_)));
    }
}
