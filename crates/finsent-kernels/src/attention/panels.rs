//! The working memory of one worker.

use crate::aligned::AlignedBuffer;

/// The keys, the values and a block of scores of one head.
#[derive(Debug, Default)]
pub(crate) struct Panels {
    pub(crate) keys: AlignedBuffer,
    pub(crate) values: AlignedBuffer,
    pub(crate) scores: AlignedBuffer,
    /// Products with relative positions, in disentangled attention only.
    pub(crate) positions: AlignedBuffer,
    /// What only attention in another format than f32 needs.
    #[cfg(target_arch = "x86_64")]
    pub(super) narrow: NarrowPanels,
}

/// The rest of the memory for attention in bfloat16 or in bytes.
#[cfg(target_arch = "x86_64")]
#[derive(Debug, Default)]
pub(super) struct NarrowPanels {
    /// All queries, in rows of lanes.
    pub(super) queries: AlignedBuffer,
    /// Some keys, in rows of lanes.
    pub(super) key_rows: AlignedBuffer,
    /// A block of weights.
    pub(super) weights: AlignedBuffer,
    pub(super) query_scales: AlignedBuffer,
    pub(super) key_scales: AlignedBuffer,
    /// What the sums of each key have too much, because the bytes of queries have no sign.
    pub(super) key_excess: AlignedBuffer,
    /// The scale of each column of the values, as many zeros, which are the bias of the product, and the inverse scales.
    pub(super) value_scales: AlignedBuffer,
}
