//! Files of Unix systems.

use std::fs::{self, File, FileType, Metadata, Permissions};
use std::io;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use tempfile::Builder;

pub(crate) use super::mounts::is_mount_point;

/// The path of what standard input is.
pub(crate) const STANDARD_INPUT: Option<&str> = Some("/dev/stdin");
/// The path of what standard output is.
pub(crate) const STANDARD_OUTPUT: Option<&str> = Some("/dev/stdout");

/// Gives new files or folders the permissions of any other: the system applies the process's umask.
pub(crate) fn open_to_the_umask(builder: &mut Builder<'_, '_>, is_folder: bool) {
    builder.permissions(Permissions::from_mode(if is_folder { 0o777 } else { 0o666 }));
}

/// Lets only their owner read new files.
pub(crate) fn open_to_the_owner(builder: &mut Builder<'_, '_>) {
    builder.permissions(Permissions::from_mode(0o600));
}

/// Who owns a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct User(u32);

impl User {
    pub(crate) fn of(metadata: &Metadata) -> Self {
        Self(metadata.uid())
    }
}

/// Opens a file or folder that will be locked.
pub(crate) fn open_to_lock(path: &Path) -> io::Result<File> {
    File::open(path)
}

/// Makes the names of the files in a folder last.
pub(crate) fn sync_folder(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}

/// Renames a folder, over an empty one if there is one.
pub(crate) fn place_folder(from: &Path, to: &Path) -> io::Result<()> {
    fs::rename(from, to)
}

/// The path of what is there, without links.
pub(crate) fn real_path(path: &Path) -> io::Result<PathBuf> {
    fs::canonicalize(path)
}

/// Whether it is a pipe that has a name.
pub(crate) fn is_pipe(file_type: FileType) -> bool {
    file_type.is_fifo()
}

/// The bytes that are free on the disk of a folder; `None` if the system does not say.
pub(crate) fn free_space(folder: &Path) -> Option<u64> {
    let disk = rustix::fs::statvfs(folder).ok()?;
    Some(disk.f_bavail.saturating_mul(disk.f_frsize))
}
