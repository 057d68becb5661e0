//! Files of Windows.
#![expect(unsafe_code, reason = "the standard library does not tell how much space a disk has")]

use std::fs::{self, File, FileType, Metadata};
use std::io::{self, ErrorKind};
use std::os::windows::ffi::OsStrExt;
use std::os::windows::fs::OpenOptionsExt;
use std::path::{Component, Path, PathBuf, Prefix};
use std::ptr::null_mut;

use tempfile::Builder;
use windows_sys::Win32::Storage::FileSystem::{FILE_FLAG_BACKUP_SEMANTICS, GetDiskFreeSpaceExW};

/// What standard input is has no path.
pub(crate) const STANDARD_INPUT: Option<&str> = None;
/// What standard output is has no path.
pub(crate) const STANDARD_OUTPUT: Option<&str> = None;

/// The longest path that all programs understand without its verbatim prefix.
const MAX_PATH: usize = 260;

/// New files and folders inherit the permissions of their folder.
pub(crate) fn open_to_the_umask(_: &mut Builder<'_, '_>, _is_folder: bool) {}

/// The folder of temporary files belongs to the user.
pub(crate) fn open_to_the_owner(_: &mut Builder<'_, '_>) {}

/// Who owns a file: whoever may remove it is taken for its owner.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct User;

impl User {
    pub(crate) fn of(_: &Metadata) -> Self {
        Self
    }
}

/// Opens a file or folder that will be locked. Folders cannot be locked, so nobody removes those that were left behind.
pub(crate) fn open_to_lock(path: &Path) -> io::Result<File> {
    File::options().read(true).custom_flags(FILE_FLAG_BACKUP_SEMANTICS).open(path)
}

/// NTFS logs the changes to its folders.
pub(crate) fn sync_folder(_: &Path) -> io::Result<()> {
    Ok(())
}

/// Renames a folder, over an empty one if there is one: that is removed before, because a folder is not replaced.
pub(crate) fn place_folder(from: &Path, to: &Path) -> io::Result<()> {
    match fs::remove_dir(to) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
        _ => fs::rename(from, to),
    }
}

/// The path of what is there, without links, and without the prefix `\\?\` where it can be left out: most programs do not
/// understand it.
pub(crate) fn real_path(path: &Path) -> io::Result<PathBuf> {
    let real = fs::canonicalize(path)?;
    let is_verbatim_disk = matches!(real.components().next(),
        Some(Component::Prefix(prefix)) if matches!(prefix.kind(), Prefix::VerbatimDisk(_)));
    let short = real.to_str().filter(|_| is_verbatim_disk).and_then(|path| path.strip_prefix(r"\\?\"));
    Ok(match short {
        // What has the same path with and without the prefix: not, for example, a file called `con`.
        Some(short) if short.len() < MAX_PATH && fs::canonicalize(short).is_ok_and(|again| again == real) => {
            short.into()
        }
        _ => real,
    })
}

/// Nothing is mounted on a file, and the mount point of a volume is a link.
pub(crate) fn is_mount_point(_: &Path) -> bool {
    false
}

/// Pipes have no paths among those of files.
pub(crate) fn is_pipe(_: FileType) -> bool {
    false
}

/// The bytes that are free on the disk of a folder; `None` if the system does not say.
pub(crate) fn free_space(folder: &Path) -> Option<u64> {
    let folder: Vec<u16> = folder.as_os_str().encode_wide().chain([0]).collect();
    let mut free = 0;
    // SAFETY: the path ends in zero, the first pointer is valid for a number, and the others may be null.
    let succeeded = unsafe { GetDiskFreeSpaceExW(folder.as_ptr(), &raw mut free, null_mut(), null_mut()) } != 0;
    succeeded.then_some(free)
}
