//! The bytes of a file of weights, mapped and not copied. The one place of this crate that maps memory.
#![expect(unsafe_code, reason = "mapping a file, and giving its pages back, are unsafe by nature")]

use std::fs::File;
use std::io;
use std::path::Path;

use memmap2::{Mmap, UncheckedAdvice};

/// What the system maps at once around a byte that is read (`fault_around_bytes`, a window that begins at a multiple of it),
/// as much of it as the file's cache holds.
const WINDOW: usize = 64 << 10;

/// Read-only bytes: a mapped file, or a part of the binary.
#[derive(Debug)]
pub(super) enum Bytes {
    Mapped(Mmap),
    Embedded(&'static [u8]),
}

impl Bytes {
    pub(super) fn map(path: &Path) -> io::Result<Self> {
        let file = File::open(path)?;
        // SAFETY: the bytes are only ever read as numbers, for which every bit pattern is valid. A file that another
        // process changes meanwhile gives other numbers; one that it shortens ends this process by SIGBUS, as it does
        // every program that maps files.
        unsafe { Mmap::map(&file) }.map(Self::Mapped)
    }

    pub(super) fn as_slice(&self) -> &[u8] {
        match self {
            Self::Mapped(map) => map,
            Self::Embedded(bytes) => bytes,
        }
    }

    /// Tells the system that `len` bytes from `offset` are not needed any more, so that they do not count as this
    /// process's memory, and neither do their neighbours that came with them. All can still be read, and come from the
    /// file again.
    pub(super) fn release(&self, offset: usize, len: usize) {
        let Self::Mapped(map) = self else { return };
        let end = (offset + len).next_multiple_of(WINDOW).min(map.len());
        let offset = offset / WINDOW * WINDOW;
        // SAFETY: the map is shared, read-only and backed by a file, so dropping its pages changes no byte of it.
        let released = unsafe { map.unchecked_advise_range(UncheckedAdvice::DontNeed, offset, end - offset) };
        if let Err(error) = released {
            tracing::debug!(%error, "the mapped pages could not be given back");
        }
    }
}
