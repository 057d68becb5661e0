//! The memory of weights. It is mapped from the system, which zeroes it, offers large pages, and gets it back at once when a
//! model is dropped.

use bytemuck::Pod;
use memmap2::MmapMut;

use super::aligned::{AlignedBuffer, CACHE_LINE};

/// From here on, memory is mapped. A large page of Linux has 2 MiB on most CPUs.
const MAPPED_BYTES: usize = 2 << 20;

/// Whole cache lines of memory of this process, which begin as zeros.
#[derive(Debug)]
pub(super) enum WeightMemory {
    Mapped(MmapMut),
    Allocated(AlignedBuffer),
}

impl WeightMemory {
    /// Memory for at least `len` zeros.
    pub(super) fn zeros<T: Pod>(len: usize) -> Self {
        let bytes = (len * size_of::<T>()).next_multiple_of(CACHE_LINE);
        // Miri cannot advise the system. If nothing can be mapped, the allocator reports that memory is missing.
        let mapped = (bytes >= MAPPED_BYTES && !cfg!(miri)).then(|| MmapMut::map_anon(bytes).ok()).flatten();
        let Some(map) = mapped else { return Self::Allocated(AlignedBuffer::zeros::<T>(len)) };
        // A start in f32 spends a third of its time on pages of 4 KiB.
        #[cfg(target_os = "linux")]
        if let Err(error) = map.advise(memmap2::Advice::HugePage) {
            tracing::debug!(%error, "no large pages for weights");
        }
        Self::Mapped(map)
    }

    pub(super) fn as_mut_slice<T: Pod>(&mut self) -> &mut [T] {
        match self {
            Self::Mapped(map) => bytemuck::cast_slice_mut(map),
            Self::Allocated(buffer) => buffer.as_mut_slice(),
        }
    }
}

impl AsRef<[u8]> for WeightMemory {
    fn as_ref(&self) -> &[u8] {
        match self {
            Self::Mapped(map) => map,
            Self::Allocated(buffer) => buffer.as_ref(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_and_large_memory_is_zero_and_aligned() {
        for len in [0, 1, 1000, MAPPED_BYTES / 4, MAPPED_BYTES / 4 + 1] {
            let mut memory = WeightMemory::zeros::<u32>(len);
            let numbers = &mut memory.as_mut_slice::<u32>()[..len];
            assert!(numbers.iter().all(|&number| number == 0));
            assert!(numbers.as_ptr().addr().is_multiple_of(CACHE_LINE));
            numbers.fill(u32::MAX);
            assert_eq!(memory.as_ref()[..4 * len], vec![0xff; 4 * len]);
            assert!(memory.as_ref().len().is_multiple_of(CACHE_LINE));
        }
    }
}
