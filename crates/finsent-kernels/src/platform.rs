//! What only some systems know.

use memmap2::MmapMut;

/// Lets the system use pages of 2 MiB where it can. A start spends a third of its time on pages of 4 KiB.
#[cfg(target_os = "linux")]
pub(crate) fn offer_large_pages(map: &MmapMut) {
    if let Err(error) = map.advise(memmap2::Advice::HugePage) {
        tracing::debug!(%error, "no large pages for weights");
    }
}

#[cfg(not(target_os = "linux"))]
pub(crate) fn offer_large_pages(_: &MmapMut) {}
