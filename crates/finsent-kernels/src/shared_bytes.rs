//! Numbers that are only read: in memory of this process, or in a part of a mapped file, which other processes share.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use bytemuck::Pod;

use super::aligned::AlignedBuffer;

/// What owns the bytes. It must return the same bytes each time.
type Owner = Arc<dyn AsRef<[u8]> + Send + Sync>;

/// Bytes that are only read. A copy shares them.
#[derive(Clone)]
pub struct SharedBytes {
    owner: Owner,
    range: Range<usize>,
}

/// Numbers in memory of this process.
struct Own<T>(Vec<T>);

impl<T: Pod> AsRef<[u8]> for Own<T> {
    fn as_ref(&self) -> &[u8] {
        bytemuck::cast_slice(&self.0)
    }
}

impl SharedBytes {
    /// A part of `owner`, whose first byte has an address that is a multiple of `alignment`, which is at most 64. If its
    /// address in `owner` is none, the part is copied.
    ///
    /// # Panics
    /// If the part is not within `owner`.
    pub fn new(owner: Owner, range: Range<usize>, alignment: usize) -> Self {
        let bytes = &(*owner).as_ref()[range.clone()];
        if bytes.as_ptr().addr().is_multiple_of(alignment) {
            return Self { owner, range };
        }
        let mut copy = AlignedBuffer::zeros::<u8>(bytes.len());
        copy.as_mut_slice()[..bytes.len()].copy_from_slice(bytes);
        Self::of_buffer(copy, bytes.len())
    }

    /// The first `len` bytes of a buffer.
    pub(super) fn of_buffer(buffer: AlignedBuffer, len: usize) -> Self {
        Self { owner: Arc::new(buffer), range: 0..len }
    }

    pub(super) fn of_numbers<T: Pod + Send + Sync>(numbers: Vec<T>) -> Self {
        let len = size_of_val(numbers.as_slice());
        Self { owner: Arc::new(Own(numbers)), range: 0..len }
    }

    /// The bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &(*self.owner).as_ref()[self.range.clone()]
    }

    /// # Panics
    /// If the bytes are not whole numbers, or not aligned as they need to be.
    pub(super) fn as_slice<T: Pod>(&self) -> &[T] {
        bytemuck::cast_slice(self.as_bytes())
    }
}

impl fmt::Debug for SharedBytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} bytes", self.range.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_that_is_not_aligned_is_copied() {
        let owner: Owner = Arc::new(Own((0..64).collect::<Vec<u32>>()));
        let first = (*owner).as_ref().as_ptr().addr();
        for start in [0, 4, 8, 20, 64] {
            let part = SharedBytes::new(Arc::clone(&owner), start..start + 128, 64);
            let address = part.as_bytes().as_ptr().addr();
            assert!(address.is_multiple_of(64));
            assert_eq!(address == first + start, (first + start).is_multiple_of(64));
            let numbers: Vec<u32> = (0..32).map(|number| number + start as u32 / 4).collect();
            assert_eq!(part.as_slice::<u32>(), numbers);
        }
    }
}
