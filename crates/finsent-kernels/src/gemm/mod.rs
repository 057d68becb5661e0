//! The product of an operand with packed weights, tile by tile.
//!
//! A *panel* is `NR` columns of the weights: a sequence of steps along k, each of `NR` lanes. A *tile* is the sums of up
//! to `MR` rows by the columns of one panel, held in registers.
//!
//! ```text
//! for each block of rows            as many as stay in the second-level cache
//!   for each panel
//!     for each block along k        as much of the panel as stays in the first-level cache
//!       for each tile of the rows   MR × NR sums in registers, over the whole block along k
//! ```
//!
//! Between two blocks along k, the sums are stored in the result itself. After the last block, the [`Epilogue`] turns
//! them into numbers. Every sum is added up in the order of k, so a row of the result depends only on the same row of the
//! operand.
#![expect(unsafe_code, reason = "tiles work on pointers that are checked once for all of them")]

mod arguments;
mod epilogue;
mod tile;

use std::ops::Range;

pub(crate) use self::arguments::Gemm;
pub use self::epilogue::Activation;
pub(crate) use self::epilogue::Epilogue;
use self::tile::Tile;
use crate::partition::split_evenly;
use crate::product::{Product, ProductKernel};
use crate::simd::Simd;

/// Bytes of the operand in a block of rows: a quarter of a small second-level cache.
const ROW_BLOCK_BYTES: usize = 128 << 10;
/// Steps of a block along k. A panel of 32 columns then has 32 KiB in a block.
const BLOCK_STEPS: usize = 256;

impl ProductKernel for Gemm<'_> {
    #[inline(always)]
    fn run<S: Simd, P: Product<S>>(self, s: S, product: P) {
        self.check::<S, P>();
        let columns = self.columns::<S>();
        let row_block = (ROW_BLOCK_BYTES / self.operand_stride / P::MR).max(1) * P::MR;
        for rows in split_rows(0..self.out.rows(), row_block, P::ROWS) {
            for panel in self.panels.clone() {
                // The sums of a partial panel do not fit into the result, so they stay in registers until the end.
                let block = if columns >= (panel + 1) * S::NR { BLOCK_STEPS } else { self.steps.max(1) };
                for start in (0..self.steps).step_by(block) {
                    let steps = start..self.steps.min(start + block);
                    for (index, rows) in split_rows(rows.clone(), P::MR, P::ROWS).enumerate() {
                        // SAFETY: `check` passed, and the loops stay within the rows, the panels and the steps. A block
                        // that does not begin at step 0 follows another one of the same tile, in a whole panel.
                        let tile = unsafe { Tile::new(&self, s, product, panel, steps.clone(), rows.clone(), index) };
                        s.run_tile(rows.len().next_multiple_of(P::ROWS), tile);
                    }
                }
            }
        }
    }
}

/// Splits `rows` into as few parts as possible of at most `longest` rows, each a multiple of `unit` but for the last one.
#[inline(always)]
fn split_rows(rows: Range<usize>, longest: usize, unit: usize) -> impl Iterator<Item = Range<usize>> {
    let parts = split_evenly(0..rows.len().div_ceil(unit), longest / unit);
    parts.map(move |part| rows.start + part.start * unit..rows.end.min(rows.start + part.end * unit))
}
