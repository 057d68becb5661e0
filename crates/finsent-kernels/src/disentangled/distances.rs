//! Which positions some queries and keys reach.

use std::ops::Range;

use crate::aligned::AlignedBuffer;
use crate::isa::Isa;
use crate::simd::MAX_LANES;

/// The distances within a text.
pub(super) struct Distances<'a> {
    pub(super) tokens: usize,
    /// The columns of the positions for the distances `key - query` from `1 - tokens` to `tokens - 1`, and for more after
    /// them. They never fall.
    pub(super) columns: &'a [u32],
    /// Whether the columns of consecutive distances are the same or consecutive.
    pub(super) are_gapless: bool,
}

impl Distances<'_> {
    /// The columns for a query and the keys from `key` on.
    #[inline(always)]
    pub(super) fn columns(&self, query: usize, key: usize) -> &[u32] {
        &self.columns[self.tokens - 1 - query + key..]
    }

    /// The products with the positions that some queries and keys reach.
    pub(super) fn products(&self, isa: Isa, queries: Range<usize>, keys: Range<usize>) -> Products {
        let first = self.columns(queries.end - 1, keys.start)[0] as usize;
        let last = self.columns(queries.start, keys.end - 1)[0] as usize;
        let panel = isa.panel_width();
        let panels = first / panel..last / panel + 1;
        Products { width: panels.len() * panel, first: panels.start * panel, panels }
    }
}

/// Products of some rows with positions: `[rows, width]`.
pub(super) struct Products {
    /// The panels of the positions.
    pub(super) panels: Range<usize>,
    /// The column of the first product of a row.
    pub(super) first: usize,
    pub(super) width: usize,
}

impl Products {
    /// Room for so many rows, and for what vectors reach beyond them: more rows, up to whole vectors of rows, and the rest
    /// of a vector that begins in the last one.
    pub(super) fn room<'b>(&self, rows: usize, buffer: &'b mut AlignedBuffer) -> &'b mut [f32] {
        let len = rows.next_multiple_of(MAX_LANES) * self.width + 2 * MAX_LANES;
        buffer.grow::<f32>(len);
        &mut buffer.as_mut_slice()[..len]
    }
}
