//! Files and memory of Windows.
#![expect(unsafe_code, reason = "the standard library does not tell how much memory there is, and releases no pages")]

use std::fs::{File, FileType};
use std::io;
use std::os::windows::fs::{FileExt, OpenOptionsExt};
use std::path::Path;

use memmap2::Mmap;
use winapi_util::AsHandleRef;
use windows_sys::Win32::Storage::FileSystem::{FILE_FLAG_BACKUP_SEMANTICS, FILE_FLAG_OPEN_REPARSE_POINT};
use windows_sys::Win32::System::Memory::VirtualUnlock;
use windows_sys::Win32::System::SystemInformation::{GlobalMemoryStatusEx, MEMORYSTATUSEX};

use super::file_id::{FileId, FileIdentity};

pub(super) fn identify(file: &File) -> io::Result<FileIdentity> {
    identity(file)
}

pub(super) fn identify_at(path: &Path) -> io::Result<FileIdentity> {
    identity(&open(path, FILE_FLAG_BACKUP_SEMANTICS)?)
}

pub(super) fn identify_link_at(path: &Path) -> io::Result<FileIdentity> {
    identity(&open(path, FILE_FLAG_BACKUP_SEMANTICS | FILE_FLAG_OPEN_REPARSE_POINT)?)
}

/// Opens a file or folder only to ask what it is.
fn open(path: &Path, flags: u32) -> io::Result<File> {
    File::options().access_mode(0).custom_flags(flags).open(path)
}

fn identity(file: impl AsHandleRef) -> io::Result<FileIdentity> {
    let found = winapi_util::file::information(file)?;
    let id = FileId { device: found.volume_serial_number(), number: found.file_index() };
    Ok(FileIdentity { id, names: found.number_of_links() })
}

/// What something is that is neither a file nor a folder.
pub fn special_file(_: FileType) -> &'static str {
    "a device"
}

/// Reads up to as many bytes as the buffer has, from a position.
///
/// # Errors
/// The system's.
pub fn read_at(file: &File, buffer: &mut [u8], position: u64) -> io::Result<usize> {
    file.seek_read(buffer, position)
}

/// Fills the buffer with the bytes from a position.
///
/// # Errors
/// `UnexpectedEof` if the file ends before, or the system's.
pub fn read_exact_at(file: &File, mut buffer: &mut [u8], mut position: u64) -> io::Result<()> {
    while !buffer.is_empty() {
        match file.seek_read(buffer, position) {
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(read) => {
                buffer = &mut buffer[read..];
                position += read as u64;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => (),
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

pub(crate) fn write_all_at(file: &File, mut bytes: &[u8], mut position: u64) -> io::Result<()> {
    while !bytes.is_empty() {
        match file.seek_write(bytes, position) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(written) => {
                bytes = &bytes[written..];
                position += written as u64;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => (),
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Releases pages of a map, so that they do not count as memory of this process.
///
/// # Safety
/// The map is shared, read-only and backed by a file.
pub(crate) unsafe fn release_pages(map: &Mmap, offset: usize, len: usize) -> io::Result<()> {
    let pages = &map[offset..offset + len];
    // SAFETY: unlocking pages that are not locked takes them out of the working set and leaves them mapped.
    unsafe { VirtualUnlock(pages.as_ptr().cast(), pages.len()) };
    Ok(())
}

/// Not known.
pub(crate) fn own_memory() -> Option<usize> {
    None
}

/// The memory of the machine, in bytes.
pub(crate) fn total_memory() -> Option<usize> {
    memory().and_then(|memory| usize::try_from(memory.ullTotalPhys).ok())
}

/// The memory that the machine can still give, in bytes.
pub(crate) fn unused_memory() -> Option<usize> {
    memory().and_then(|memory| usize::try_from(memory.ullAvailPhys).ok())
}

fn memory() -> Option<MEMORYSTATUSEX> {
    let mut status = MEMORYSTATUSEX { dwLength: size_of::<MEMORYSTATUSEX>() as u32, ..Default::default() };
    // SAFETY: the pointer is valid for a structure whose length it has.
    let succeeded = unsafe { GlobalMemoryStatusEx(&raw mut status) } != 0;
    succeeded.then_some(status)
}
