//! Maps files of weights into memory. The only file of this crate with unsafe code, besides those of `platform`.
#![expect(unsafe_code, reason = "mapping a file and releasing its pages are unsafe operations")]

use std::io;
use std::path::Path;

use memmap2::Mmap;

use crate::platform::release_pages;
use crate::regular_file::open_regular;

/// Around a byte that is read, Linux maps all cached pages of a window of this size (`fault_around_bytes`), which
/// begins at a multiple of it.
const WINDOW: usize = 64 << 10;

/// Read-only bytes: a mapped file, or a part of the program.
#[derive(Debug)]
pub(super) enum Bytes {
    Mapped(Mmap),
    Embedded(&'static [u8]),
}

impl Bytes {
    pub(super) fn map(path: &Path) -> io::Result<Self> {
        let file = open_regular(path)?;
        // SAFETY: the bytes are only read as numbers, for which every bit pattern is valid. If another process changes
        // the file meanwhile, the numbers are different; if it truncates the file, this process ends with SIGBUS, like
        // every program that maps files. Packed weights stay mapped as long as the model lives. What decides about bounds,
        // such as lengths, is copied when the file is opened.
        unsafe { Mmap::map(&file) }.map(Self::Mapped)
    }

    pub(super) fn as_slice(&self) -> &[u8] {
        match self {
            Self::Mapped(map) => map,
            Self::Embedded(bytes) => bytes,
        }
    }

    pub(super) fn are_embedded(&self) -> bool {
        matches!(self, Self::Embedded(_))
    }

    /// Releases `len` bytes from `offset`, and the pages that were mapped with them, so that they do not count as
    /// memory of this process. They can still be read: the system maps them again.
    pub(super) fn release(&self, offset: usize, len: usize) {
        let Self::Mapped(map) = self else { return };
        let end = (offset + len).next_multiple_of(WINDOW).min(map.len());
        let offset = offset / WINDOW * WINDOW;
        // SAFETY: the map is shared, read-only and backed by a file, so dropping its pages does not change its bytes.
        let released = unsafe { release_pages(map, offset, end - offset) };
        if let Err(error) = released {
            tracing::debug!(%error, "cannot release the pages of mapped weights");
        }
    }
}

impl AsRef<[u8]> for Bytes {
    fn as_ref(&self) -> &[u8] {
        self.as_slice()
    }
}
