//! Files of Unix systems.
#![expect(unsafe_code, reason = "releasing the pages of a map is an unsafe operation")]

use std::fs::{self, File, FileType, Metadata};
use std::io;
use std::os::unix::fs::{FileExt, FileTypeExt, MetadataExt};
use std::path::Path;

use memmap2::{Mmap, UncheckedAdvice};

use super::file_id::{FileId, FileIdentity};

pub(super) fn identify(file: &File) -> io::Result<FileIdentity> {
    file.metadata().map(identity)
}

pub(super) fn identify_at(path: &Path) -> io::Result<FileIdentity> {
    fs::metadata(path).map(identity)
}

pub(super) fn identify_link_at(path: &Path) -> io::Result<FileIdentity> {
    fs::symlink_metadata(path).map(identity)
}

fn identity(file: Metadata) -> FileIdentity {
    FileIdentity { id: FileId { device: file.dev(), number: file.ino() }, names: file.nlink() }
}

/// What something is that is neither a file nor a folder.
pub fn special_file(found: FileType) -> &'static str {
    match found {
        found if found.is_fifo() => "a pipe",
        found if found.is_socket() => "a socket",
        _ => "a device",
    }
}

/// Reads up to as many bytes as the buffer has, from a position.
///
/// # Errors
/// The system's.
pub fn read_at(file: &File, buffer: &mut [u8], position: u64) -> io::Result<usize> {
    file.read_at(buffer, position)
}

/// Fills the buffer with the bytes from a position.
///
/// # Errors
/// `UnexpectedEof` if the file ends before, or the system's.
pub fn read_exact_at(file: &File, buffer: &mut [u8], position: u64) -> io::Result<()> {
    file.read_exact_at(buffer, position)
}

pub(crate) fn write_all_at(file: &File, bytes: &[u8], position: u64) -> io::Result<()> {
    file.write_all_at(bytes, position)
}

/// Releases pages of a map, so that they do not count as memory of this process.
///
/// # Safety
/// The map is shared, read-only and backed by a file.
pub(crate) unsafe fn release_pages(map: &Mmap, offset: usize, len: usize) -> io::Result<()> {
    // SAFETY: by the caller's promise the system reads the same bytes again when they are used.
    unsafe { map.unchecked_advise_range(UncheckedAdvice::DontNeed, offset, len) }
}
