//! Linux.

use memmap2::{Advice, MmapMut};

/// Lets the system use pages of 2 MiB for `map`. A start would spend a third of its time on pages of 4 KiB.
pub(crate) fn offer_large_pages(map: &MmapMut) {
    if let Err(error) = map.advise(Advice::HugePage) {
        tracing::debug!(%error, "no large pages for weights");
    }
}
