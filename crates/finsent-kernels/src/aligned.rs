//! Memory that begins on a cache line.
#![expect(unsafe_code, reason = "bytemuck's promise for a type with an alignment of its own")]

use bytemuck::{Pod, Zeroable};

/// Bytes of a cache line, and of the widest vector.
pub(super) const CACHE_LINE: usize = 64;

#[derive(Debug, Clone, Copy)]
#[repr(C, align(64))]
struct CacheLine([u8; CACHE_LINE]);

// SAFETY: all zeros are valid bytes.
unsafe impl Zeroable for CacheLine {}
// SAFETY: an array of bytes that is as large as its alignment, so it has no padding, and every bit pattern is valid.
unsafe impl Pod for CacheLine {}

/// A buffer of numbers that begins on a cache line. It grows and never shrinks.
#[derive(Debug, Default)]
pub(super) struct AlignedBuffer(Vec<CacheLine>);

impl AlignedBuffer {
    /// A buffer of `len` zeros.
    pub(super) fn zeros<T: Pod>(len: usize) -> Self {
        Self(bytemuck::zeroed_vec(lines::<T>(len)))
    }

    /// Makes room for at least `len` numbers. New ones are zero.
    pub(super) fn grow<T: Pod>(&mut self, len: usize) {
        let lines = lines::<T>(len);
        if lines > self.0.len() {
            self.0.reserve_exact(lines - self.0.len());
            self.0.resize(lines, CacheLine::zeroed());
        }
    }

    pub(super) fn as_slice<T: Pod>(&self) -> &[T] {
        bytemuck::cast_slice(&self.0)
    }

    pub(super) fn as_mut_slice<T: Pod>(&mut self) -> &mut [T] {
        bytemuck::cast_slice_mut(&mut self.0)
    }
}

/// The cache lines of `len` numbers.
fn lines<T>(len: usize) -> usize {
    (len * size_of::<T>()).div_ceil(CACHE_LINE)
}

impl AsRef<[u8]> for AlignedBuffer {
    fn as_ref(&self) -> &[u8] {
        self.as_slice()
    }
}
