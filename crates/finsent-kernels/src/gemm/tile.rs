//! The sums of some rows by one panel, over one block along k: the loop in which all the time is spent.
#![expect(unsafe_code, reason = "pointers that are checked once for all tiles")]

use std::ops::Range;
use std::slice;

use super::arguments::Gemm;
use super::epilogue::Epilogue;
use crate::aligned::CACHE_LINE;
use crate::product::Product;
use crate::simd::{NV, Simd, TileKernel};

/// Some rows by one panel, over a block along k.
pub(super) struct Tile<'a, S, P> {
    gemm: &'a Gemm<'a>,
    s: S,
    product: P,
    panel: usize,
    steps: Range<usize>,
    rows: Range<usize>,
    /// Number of the tile among those of the same block along k.
    index: usize,
}

impl<'a, S: Simd, P: Product<S>> Tile<'a, S, P> {
    /// # Safety
    /// - [`Gemm::check`] passed for `S` and `P`.
    /// - `panel`, `steps` and `rows` are within those of the product.
    /// - If `steps` does not begin at 0, the panel is whole.
    #[inline(always)]
    pub(super) unsafe fn new(
        gemm: &'a Gemm<'a>,
        s: S,
        product: P,
        panel: usize,
        steps: Range<usize>,
        rows: Range<usize>,
        index: usize,
    ) -> Self {
        Self { gemm, s, product, panel, steps, rows, index }
    }

    /// The operand of the first row at the first step.
    #[inline(always)]
    fn operand(&self) -> *const P::Operand {
        let offset = self.rows.start * self.operand_stride() + self.steps.start * P::GROUP;
        // SAFETY: the row and the step are within the operand (`new`, `Gemm::check`).
        unsafe { self.gemm.operand.as_ptr().cast::<P::Operand>().add(offset) }
    }

    /// Numbers from the start of one row of the operand to the start of the next.
    #[inline(always)]
    fn operand_stride(&self) -> usize {
        self.gemm.operand_stride / size_of::<P::Operand>()
    }

    /// The weights of the panel at the first step.
    #[inline(always)]
    fn lanes(&self) -> *const i32 {
        let step = (self.panel - self.gemm.first_panel) * self.gemm.panel_steps + self.steps.start;
        // SAFETY: the panel and the step are within the weights (`new`, `Gemm::check`).
        unsafe { self.gemm.lanes.as_ptr().add(step * Gemm::step_lanes::<S, P>()) }
    }

    /// Rows of the tile, which is a constant unless the product takes several rows at a time.
    #[inline(always)]
    fn row_count<const MR: usize>(&self) -> usize {
        if P::ROWS == 1 { MR } else { self.rows.len() }
    }

    /// The result of the first row in the first column.
    #[inline(always)]
    fn out(&self) -> *mut f32 {
        let column = (self.panel - self.gemm.panels.start) * S::NR;
        // SAFETY: each panel has at least one column in the result (`Gemm::check`), and the row is within it (`new`).
        unsafe { self.gemm.out.at(self.rows.start, column) }
    }

    /// Sums of zero, or those that an earlier block along k stored in the result.
    ///
    /// # Safety
    /// The tile has `MR` rows, or fewer than `ROWS` less.
    #[inline(always)]
    unsafe fn load_sums<const MR: usize>(&self) -> [[P::Sums; NV]; MR] {
        let Self { s, product, .. } = *self;
        let mut sums = [[product.sums_from_bits(s, s.splat_i32(0)); NV]; MR];
        if self.steps.start > 0 {
            for (row, sums) in sums.iter_mut().enumerate().take(self.row_count::<MR>()) {
                for (v, sums) in sums.iter_mut().enumerate() {
                    // SAFETY: the panel is whole (`new`), so all its columns are within the result.
                    let bits = unsafe { self.out().add(row * self.gemm.out.stride() + v * S::LANES) };
                    // SAFETY: as above.
                    let bits = unsafe { s.load_i32_from(bits.cast()) };
                    *sums = product.sums_from_bits(s, bits);
                }
            }
            product.exchange(s, &mut sums);
        }
        sums
    }

    /// Adds the products of one step to the sums.
    ///
    /// # Safety
    /// The tile has `MR` rows, or fewer than `ROWS` less; `operand` and `lanes` point to one of its steps.
    #[inline(always)]
    unsafe fn step<const MR: usize>(
        &self,
        sums: &mut [[P::Sums; NV]; MR],
        operand: *const P::Operand,
        stride: usize,
        lanes: *const i32,
    ) {
        // SAFETY: `lanes` points to the weights of a step.
        let weights = unsafe { self.product.weights(self.s, lanes) };
        // SAFETY: a step has `GROUP` numbers of each row, and `Gemm::check` found them aligned.
        unsafe { self.product.step(self.s, sums, operand, stride, self.row_count::<MR>(), weights) };
    }

    /// Adds the products of all steps of the block to the sums.
    ///
    /// # Safety
    /// The tile has `MR` rows, or fewer than `ROWS` less.
    #[inline(always)]
    unsafe fn add_products<const MR: usize>(&self, sums: &mut [[P::Sums; NV]; MR]) {
        let (mut operand, mut lanes, stride) = (self.operand(), self.lanes(), self.operand_stride());
        let (steps, step_lanes) = (self.steps.len(), Gemm::step_lanes::<S, P>());
        // The tiles prefetch the weights after these, which are the next block along k or the next panels. Each tile asks
        // for half a block, so that memory and arithmetic are busy at the same time.
        //
        // The loop takes two steps at a time, so that the addresses of the rows are computed once for both. For four,
        // LLVM keeps more values live than there are registers. It is unrolled by hand, because LLVM does not unroll
        // loops over inline assembly.
        let mut ahead = lanes.wrapping_add(steps * step_lanes + self.index * (steps / 2) * step_lanes);
        for _ in 0..steps / 2 {
            for line in (0..step_lanes).step_by(CACHE_LINE / size_of::<i32>()) {
                self.s.prefetch(ahead.wrapping_add(line));
            }
            ahead = ahead.wrapping_add(step_lanes);
            // SAFETY: two steps are left.
            unsafe { self.step(sums, operand, stride, lanes) };
            // SAFETY: as above.
            let second_lanes = unsafe { lanes.add(step_lanes) };
            // SAFETY: as above.
            let second_operand = unsafe { operand.add(P::GROUP) };
            // SAFETY: as above.
            unsafe { self.step(sums, second_operand, stride, second_lanes) };
            // SAFETY: what follows two steps is another step, or the end.
            operand = unsafe { operand.add(2 * P::GROUP) };
            // SAFETY: as above.
            lanes = unsafe { lanes.add(2 * step_lanes) };
        }
        if steps % 2 == 1 {
            // SAFETY: one step is left.
            unsafe { self.step(sums, operand, stride, lanes) };
        }
    }

    /// Stores the sums, or the numbers that the epilogue makes of them.
    ///
    /// # Safety
    /// The tile has `MR` rows, or fewer than `ROWS` less.
    #[inline(always)]
    unsafe fn store_sums<const MR: usize>(&self, mut sums: [[P::Sums; NV]; MR], epilogue: Option<&Epilogue<'_>>) {
        let Self { s, product, panel, .. } = *self;
        product.exchange(s, &mut sums);
        let tile = self.out();
        let columns = self.gemm.columns::<S>();
        let is_whole = columns >= (panel + 1) * S::NR;
        for (row, sums) in sums.into_iter().enumerate().take(self.row_count::<MR>()) {
            for (v, sums) in sums.into_iter().enumerate() {
                let column = panel * S::NR + v * S::LANES;
                let value = match epilogue {
                    Some(epilogue) => epilogue.finish(s, product, sums, self.rows.start + row, column),
                    None => s.bits_to_f32(product.sums_to_bits(s, sums)),
                };
                // A partial panel may have no column here, so the address may be after the end of the result.
                let out = tile.wrapping_add(row * self.gemm.out.stride() + v * S::LANES);
                if is_whole {
                    // SAFETY: all columns of the panel are within the result, which is borrowed exclusively.
                    unsafe { s.store_to(value, out) };
                } else {
                    let left = columns.saturating_sub(column).min(S::LANES);
                    // SAFETY: `left` columns are within the result, which is borrowed exclusively.
                    s.store_up_to(value, unsafe { slice::from_raw_parts_mut(out, left) });
                }
            }
        }
    }
}

impl<S: Simd, P: Product<S>> TileKernel for Tile<'_, S, P> {
    #[inline(always)]
    fn run<const MR: usize>(self) {
        assert!(self.rows.len().next_multiple_of(P::ROWS) == MR, "{} rows in a tile of {MR}", self.rows.len());
        let is_last = self.steps.end == self.gemm.steps;
        // SAFETY: the tile has `MR` rows, as asserted.
        let mut sums = unsafe { self.load_sums::<MR>() };
        // SAFETY: as above.
        unsafe { self.add_products(&mut sums) };
        // SAFETY: as above.
        unsafe { self.store_sums(sums, self.gemm.epilogue.as_ref().filter(|_| is_last)) };
    }
}
