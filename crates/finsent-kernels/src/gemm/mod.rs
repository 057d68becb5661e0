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

mod epilogue;
mod tile;

use std::ops::Range;

pub use self::epilogue::Activation;
pub(crate) use self::epilogue::Epilogue;
use self::tile::Tile;
use crate::partition::split_evenly;
use crate::product::{Product, ProductKernel};
use crate::shared::Block;
use crate::simd::Simd;

/// Bytes of the operand in a block of rows: a quarter of a small second-level cache.
const ROW_BLOCK_BYTES: usize = 128 << 10;
/// Steps of a block along k. A panel of 32 columns then has 32 KiB in a block.
const BLOCK_STEPS: usize = 256;

/// A product of all rows of an operand with some panels of packed weights.
#[derive(Debug)]
pub(crate) struct Gemm<'a> {
    /// Rows of numbers, as bytes.
    pub(crate) operand: &'a [u8],
    /// Bytes from the start of one row of the operand to the start of the next.
    pub(crate) operand_stride: usize,
    /// `[panels, steps, NR]`, from panel `first_panel` on.
    pub(crate) lanes: &'a [i32],
    /// The first panel in `lanes`.
    pub(crate) first_panel: usize,
    pub(crate) steps: usize,
    /// The panels to multiply.
    pub(crate) panels: Range<usize>,
    /// The columns of these panels, for all rows of the operand. The last panel may have fewer than `NR`.
    pub(crate) out: Block<'a, f32>,
    /// If absent, the sums are the result.
    pub(crate) epilogue: Option<Epilogue<'a>>,
}

impl ProductKernel for Gemm<'_> {
    #[inline(always)]
    fn run<S: Simd, P: Product<S>>(self, s: S, product: P) {
        self.check::<S, P>();
        let columns = self.columns::<S>();
        let row_block = (ROW_BLOCK_BYTES / self.operand_stride / P::MR).max(1) * P::MR;
        for rows in split_evenly(0..self.out.rows(), row_block) {
            for panel in self.panels.clone() {
                // The sums of a partial panel do not fit into the result, so they stay in registers until the end.
                let block = if columns >= (panel + 1) * S::NR { BLOCK_STEPS } else { self.steps.max(1) };
                for start in (0..self.steps).step_by(block) {
                    let steps = start..self.steps.min(start + block);
                    for (index, rows) in split_evenly(rows.clone(), P::MR).enumerate() {
                        // SAFETY: `check` passed, and the loops stay within the rows, the panels and the steps. A block
                        // that does not begin at step 0 follows another one of the same tile, in a whole panel.
                        let tile = unsafe { Tile::new(&self, s, product, panel, steps.clone(), rows.clone(), index) };
                        s.run_tile(rows.len(), tile);
                    }
                }
            }
        }
    }
}

impl Gemm<'_> {
    /// The first column after the result, counted like the panels from the start of the weights.
    #[inline(always)]
    fn columns<S: Simd>(&self) -> usize {
        self.panels.start * S::NR + self.out.columns()
    }

    /// Checks once what every tile relies on.
    fn check<S: Simd, P: Product<S>>(&self) {
        let rows = self.out.rows();
        let operand_row = self.steps * P::GROUP * size_of::<P::Operand>();
        assert!(rows == 0 || self.operand.len() >= (rows - 1) * self.operand_stride + operand_row, "operand");
        assert!(self.operand_stride.is_multiple_of(size_of::<P::Operand>()), "stride of the operand");
        assert!(self.operand.as_ptr().cast::<P::Operand>().is_aligned(), "alignment of the operand");
        assert!(self.panels.start <= self.panels.end && self.panels.start >= self.first_panel, "panels");
        assert!(self.lanes.len() >= (self.panels.end - self.first_panel) * S::NR * self.steps, "weights");
        assert!(self.out.columns().div_ceil(S::NR) == self.panels.len(), "columns of the result");
        if let Some(epilogue) = &self.epilogue {
            epilogue.check(rows, self.panels.end * S::NR);
        }
    }
}
