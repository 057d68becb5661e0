//! Numbers that are only read: in memory of this process, or in a part of a mapped file, which other processes share.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use bytemuck::Pod;

use super::aligned::AlignedBuffer;
use super::weight_memory::WeightMemory;

/// What owns the bytes. It must return the same bytes each time.
type Owner = Arc<dyn AsRef<[u8]> + Send + Sync>;

/// Bytes that are only read. A copy shares them.
#[derive(Clone)]
pub struct SharedBytes {
    owner: Owner,
    range: Range<usize>,
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
        Self { owner: Arc::new(copy), range: 0..bytes.len() }
    }

    pub(super) fn of_memory(memory: WeightMemory) -> Self {
        let len = memory.as_ref().len();
        Self { owner: Arc::new(memory), range: 0..len }
    }

    /// A part of the same bytes.
    ///
    /// # Panics
    /// If the part is not within them.
    pub(super) fn part(&self, part: Range<usize>) -> Self {
        assert!(part.start <= part.end && part.end <= self.range.len(), "{part:?} of {} bytes", self.range.len());
        let range = self.range.start + part.start..self.range.start + part.end;
        Self { owner: Arc::clone(&self.owner), range }
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
        let mut memory = AlignedBuffer::zeros::<u32>(64);
        memory.as_mut_slice::<u32>().iter_mut().zip(0..).for_each(|(number, index)| *number = index);
        let owner: Owner = Arc::new(memory);
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
