//! What differs between operating systems. The rest of the workspace asks here what its files are and how much memory there
//! is; crates that need more of their system have a module of this name too.
//!
//! | module | compiled for |
//! |---|---|
//! | `unix` | Linux, macOS and other Unix systems |
//! | `proc` | systems with `/proc`: Linux |
//! | `macos`, `windows` | the system of that name |

mod file_id;
#[cfg(target_os = "macos")]
mod macos;
#[cfg(all(unix, not(target_os = "macos")))]
mod proc;
#[cfg(unix)]
mod unix;
#[cfg(windows)]
mod windows;

use std::fs::File;
use std::io;
use std::path::Path;

pub use file_id::{FileId, FileIdentity};
#[cfg(target_os = "macos")]
pub(crate) use macos::{own_memory, total_memory, unused_memory};
#[cfg(all(unix, not(target_os = "macos")))]
pub(crate) use proc::{own_memory, total_memory, unused_memory};
#[cfg(unix)]
use unix as system;
#[cfg(windows)]
use windows as system;
#[cfg(windows)]
pub(crate) use windows::{own_memory, total_memory, unused_memory};

pub use system::{read_at, read_exact_at, special_file};
pub(crate) use system::{release_pages, write_all_at};

impl FileId {
    /// The ID of an open file.
    ///
    /// # Errors
    /// If the system does not tell.
    pub fn of(file: &File) -> io::Result<Self> {
        system::identify(file).map(|identity| identity.id)
    }

    /// The ID of what is at a path, or of what a link there leads to.
    ///
    /// # Errors
    /// If there is nothing, or the system does not tell.
    pub fn at(path: &Path) -> io::Result<Self> {
        system::identify_at(path).map(|identity| identity.id)
    }

    /// The ID of what is at a path, which may be a link.
    ///
    /// # Errors
    /// If there is nothing, or the system does not tell.
    pub fn at_link(path: &Path) -> io::Result<Self> {
        system::identify_link_at(path).map(|identity| identity.id)
    }
}

impl FileIdentity {
    /// The identity of what is at a path, or of what a link there leads to.
    ///
    /// # Errors
    /// If there is nothing, or the system does not tell.
    pub fn at(path: &Path) -> io::Result<Self> {
        system::identify_at(path)
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_file_has_one_id_under_all_of_its_names() {
        let dir = tempfile::tempdir().unwrap();
        let path = |name: &str| dir.path().join(name);
        fs::write(path("one"), "").unwrap();
        fs::write(path("other"), "").unwrap();
        fs::hard_link(path("one"), path("hard")).unwrap();
        let one = FileIdentity::at(&path("one")).unwrap();
        assert_eq!((one, one.names), (FileIdentity::at(&path("hard")).unwrap(), 2));
        assert_eq!(one.id, FileId::of(&File::open(path("one")).unwrap()).unwrap());
        let other = FileId::at(&path("other")).unwrap();
        assert!(one.id != other && one.id.is_on_device_of(&other));
        assert!(FileId::at(dir.path()).is_ok() && FileId::at(&path("missing")).is_err());
    }

    #[test]
    fn bytes_are_read_and_written_at_a_position() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("file");
        let file = File::options().read(true).write(true).create_new(true).open(&path).unwrap();
        write_all_at(&file, b"world", 6).unwrap();
        write_all_at(&file, b"hello ", 0).unwrap();
        let mut bytes = [0; 5];
        read_exact_at(&file, &mut bytes, 6).unwrap();
        assert_eq!(&bytes, b"world");
        assert_eq!(read_at(&file, &mut bytes, 9).unwrap(), 2);
        assert_eq!(read_exact_at(&file, &mut bytes, 9).unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
    }

    #[test]
    fn a_machine_has_memory() {
        assert!(total_memory().is_some_and(|bytes| bytes > 64 << 20));
    }
}
