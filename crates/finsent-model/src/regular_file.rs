//! Files of models, which have to be regular: opening a pipe waits for its writer, and a device has no end.

use std::fs::{self, File, FileType};
use std::io::{self, ErrorKind};
use std::path::Path;

use crate::platform::special_file;

/// Opens a file for reading.
///
/// # Errors
/// If it is a folder, a pipe, a socket or a device, or cannot be opened.
pub fn open_regular(path: &Path) -> io::Result<File> {
    // Before opening, which may not return; and after it, because what was there may have been replaced.
    check(fs::metadata(path)?.file_type())?;
    let file = File::open(path)?;
    check(file.metadata()?.file_type())?;
    Ok(file)
}

/// Whether there is a file.
///
/// # Errors
/// If there is something else than a file.
pub fn is_regular(path: &Path) -> io::Result<bool> {
    match fs::metadata(path) {
        Ok(metadata) => check(metadata.file_type()).map(|()| true),
        Err(_) => Ok(false),
    }
}

fn check(found: FileType) -> io::Result<()> {
    let found = match found {
        found if found.is_file() => return Ok(()),
        found if found.is_dir() => "a folder",
        found => special_file(found),
    };
    Err(io::Error::new(ErrorKind::InvalidInput, format!("it is {found}, not a file")))
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixListener;

    use super::*;

    #[test]
    fn what_is_not_a_file_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let path = |name: &str| dir.path().join(name);
        fs::write(path("file"), "").unwrap();
        let _socket = UnixListener::bind(path("socket")).unwrap();
        std::os::unix::fs::symlink("/dev/zero", path("device")).unwrap();
        assert!(open_regular(&path("file")).is_ok() && is_regular(&path("file")).unwrap());
        assert!(!is_regular(&path("missing")).unwrap());
        assert_eq!(open_regular(&path("missing")).unwrap_err().kind(), ErrorKind::NotFound);
        for (name, found) in [("", "a folder"), ("socket", "a socket"), ("device", "a device")] {
            let expected = format!("it is {found}, not a file");
            assert_eq!(open_regular(&path(name)).unwrap_err().to_string(), expected);
            assert_eq!(is_regular(&path(name)).unwrap_err().to_string(), expected);
        }
    }
}
