//! The memory of weights. It is mapped, so that the system zeroes it, may use large pages for it, and gets it back as soon as
//! a model is dropped.
#![expect(unsafe_code, reason = "several matrices share one map")]

use std::ops::Range;
use std::slice;
use std::sync::{Arc, Mutex, PoisonError};

use bytemuck::Pod;
use memmap2::{MmapMut, MmapRaw};

use super::aligned::{AlignedBuffer, CACHE_LINE};
use super::platform;

/// Smaller weights are allocated.
const LEAST_MAPPED: usize = 64 << 10;
/// Weights share maps of this size, so that large pages are filled. Larger ones have maps of their own.
const REGION: usize = 32 << 20;

/// Where the weights of one model are.
#[derive(Debug, Default)]
pub struct WeightStore {
    /// The region that has room left, from this byte on.
    open: Mutex<Option<(Arc<Region>, usize)>>,
}

impl WeightStore {
    /// Memory for at least `len` zeros.
    pub(super) fn zeros<T: Pod>(&self, len: usize) -> WeightMemory {
        let bytes = (len * size_of::<T>()).next_multiple_of(CACHE_LINE);
        // Miri cannot advise the system. If the system maps nothing, the allocator reports that memory is missing.
        let part = if bytes < LEAST_MAPPED || cfg!(miri) { None } else { self.part(bytes) };
        part.unwrap_or_else(|| WeightMemory::Allocated(AlignedBuffer::zeros::<T>(len)))
    }

    fn part(&self, bytes: usize) -> Option<WeightMemory> {
        if bytes > REGION {
            return Some(WeightMemory::Mapped { region: Arc::new(Region::map(bytes)?), range: 0..bytes });
        }
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let (region, start) = match open.take() {
            Some((region, used)) if bytes <= region.len() - used => (region, used),
            _ => (Arc::new(Region::map(REGION)?), 0),
        };
        let range = start..start + bytes;
        *open = Some((Arc::clone(&region), range.end));
        Some(WeightMemory::Mapped { region, range })
    }
}

/// Mapped zeros, of which each byte belongs to at most one [`WeightMemory`].
#[derive(Debug)]
pub(super) struct Region(MmapRaw);

impl Region {
    fn map(bytes: usize) -> Option<Self> {
        let map = MmapMut::map_anon(bytes).ok()?;
        platform::offer_large_pages(&map);
        Some(Self(map.into()))
    }

    fn len(&self) -> usize {
        self.0.len()
    }
}

/// Whole cache lines of memory of this process, which begin as zeros.
#[derive(Debug)]
pub(super) enum WeightMemory {
    Mapped { region: Arc<Region>, range: Range<usize> },
    Allocated(AlignedBuffer),
}

impl WeightMemory {
    pub(super) fn as_mut_slice<T: Pod>(&mut self) -> &mut [T] {
        match self {
            Self::Mapped { region, range } => {
                // SAFETY: the range is in the region.
                let start = unsafe { region.0.as_mut_ptr().add(range.start) };
                // SAFETY: the bytes are mapped as long as the region lives, and no other memory has them.
                bytemuck::cast_slice_mut(unsafe { slice::from_raw_parts_mut(start, range.len()) })
            }
            Self::Allocated(buffer) => buffer.as_mut_slice(),
        }
    }
}

impl AsRef<[u8]> for WeightMemory {
    fn as_ref(&self) -> &[u8] {
        match self {
            Self::Mapped { region, range } => {
                // SAFETY: the range is in the region.
                let start = unsafe { region.0.as_ptr().add(range.start) };
                // SAFETY: the bytes are mapped as long as the region lives, and only `as_mut_slice` of `self` writes them.
                unsafe { slice::from_raw_parts(start, range.len()) }
            }
            Self::Allocated(buffer) => buffer.as_ref(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_of_any_size_is_zero_aligned_and_its_own() {
        let store = WeightStore::default();
        let [least, most] = if cfg!(miri) { [2_000; 2] } else { [LEAST_MAPPED, REGION] };
        let sizes = [0, 1, 1000, least, least + 1, least, most - CACHE_LINE, 1000, most, most + 1];
        let mut memory: Vec<_> = sizes.iter().map(|&len| store.zeros::<u8>(len)).collect();
        for ((memory, len), number) in memory.iter_mut().zip(sizes).zip(1..) {
            let bytes = memory.as_mut_slice::<u8>();
            assert!(bytes.len() >= len && bytes.len().is_multiple_of(CACHE_LINE), "{len}");
            assert!(bytes.as_ptr().addr().is_multiple_of(CACHE_LINE), "{len}");
            assert!(bytes.iter().all(|&byte| byte == 0), "{len}");
            bytes.fill(number);
        }
        for (memory, number) in memory.iter().zip(1..) {
            assert!(memory.as_ref().iter().all(|&byte| byte == number), "another one writes the bytes of {number}");
        }
    }

    #[test]
    #[cfg_attr(miri, ignore = "nothing is mapped")]
    fn weights_share_a_region_until_it_is_full() {
        let store = WeightStore::default();
        let quarter = REGION / 4;
        let regions = [quarter, quarter, 2 * quarter, REGION + 1, quarter, REGION + 1, quarter].map(|len| {
            let WeightMemory::Mapped { region, .. } = store.zeros::<u8>(len) else { panic!("{len} are not mapped") };
            region
        });
        let first_with_same = |region| regions.iter().position(|other| Arc::ptr_eq(other, region)).unwrap();
        // Large weights close no region.
        assert_eq!(regions.iter().map(first_with_same).collect::<Vec<_>>(), [0, 0, 0, 3, 4, 5, 4]);
    }
}
