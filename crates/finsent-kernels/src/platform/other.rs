//! Systems that choose the size of pages themselves.

use memmap2::MmapMut;

pub(crate) fn offer_large_pages(_: &MmapMut) {}
