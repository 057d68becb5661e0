//! The product over packed weights, tile by tile.

use std::ops::Range;
use std::slice;

use crate::math;
use crate::matrix::LINE;
use crate::product::{Product, ProductKernel};
use crate::rows::spread;
use crate::simd::{NV, RowCount, Simd};

/// Bytes of the operand that a block of rows may have: a quarter of a small second-level cache.
const ROW_BLOCK_BYTES: usize = 128 << 10;
/// Steps along k of a block. A panel's part of 32 columns is then 32 kB.
const BLOCK_STEPS: usize = 256;

/// What is done to each number of a result.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Activation {
    /// Nothing.
    Identity,
    /// The erf form of GELU (Hendrycks and Gimpel 2016).
    Gelu,
}

/// What becomes of the sums: numbers, `act(scale sum + bias)`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Epilogue<'a> {
    /// Scales and zero points of the operand's rows, where it is of bytes.
    pub(crate) rows: Option<(&'a [f32], &'a [i32])>,
    /// A number a column, for whole panels.
    pub(crate) bias: &'a [f32],
    /// Scales of the columns' weights; none means ones.
    pub(crate) scales: &'a [f32],
    /// Sums of the columns' weights; none means zeros.
    pub(crate) sums: &'a [i32],
    pub(crate) activation: Activation,
}

/// A product of all rows of an operand with some panels of packed weights.
#[derive(Debug, Clone)]
pub(crate) struct Product2d<'a> {
    pub(crate) operand: &'a [u8],
    /// Bytes from one row of the operand to the next.
    pub(crate) operand_stride: usize,
    pub(crate) rows: usize,
    /// `[panels, steps, NR]`, from panel `first_panel` on
    pub(crate) lanes: &'a [i32],
    pub(crate) first_panel: usize,
    pub(crate) steps: usize,
    pub(crate) panels: Range<usize>,
    /// Columns of the whole result; the last panel may have more.
    pub(crate) columns: usize,
    /// `[rows, columns]`, of which no other thread writes these panels.
    pub(crate) out: *mut f32,
    /// Numbers from one row of the result to the next.
    pub(crate) out_stride: usize,
    /// Without one, the sums are the result.
    pub(crate) epilogue: Option<Epilogue<'a>>,
}

impl ProductKernel for Product2d<'_> {
    #[inline(always)]
    fn run<S: Simd, P: Product<S>>(self, s: S, product: P) {
        self.check::<S, P>();
        let row_block = (ROW_BLOCK_BYTES / self.operand_stride / P::MR).max(1) * P::MR;
        for rows in spread(0..self.rows, row_block) {
            for panel in self.panels.clone() {
                let columns = panel * S::NR..self.columns.min((panel + 1) * S::NR);
                // In a panel that is not whole, sums have no place to wait.
                let block = if columns.len() == S::NR { BLOCK_STEPS } else { self.steps.max(1) };
                for start in (0..self.steps).step_by(block) {
                    let steps = start..self.steps.min(start + block);
                    for (turn, rows) in spread(rows.clone(), P::MR).enumerate() {
                        let steps = steps.clone();
                        s.with_rows(rows.len(), Tile { of: &self, s, product, panel, steps, rows, turn });
                    }
                }
            }
        }
    }
}

impl Product2d<'_> {
    /// Checks once what every tile relies on.
    fn check<S: Simd, P: Product<S>>(&self) {
        let columns = self.panels.end * S::NR;
        let operand_row = self.steps * P::GROUP * size_of::<P::Operand>();
        assert!(self.rows == 0 || self.operand.len() >= (self.rows - 1) * self.operand_stride + operand_row);
        assert!(self.operand_stride.is_multiple_of(size_of::<P::Operand>()) && self.out_stride >= self.columns);
        assert!(self.panels.is_empty() || self.panels.start >= self.first_panel);
        assert!(self.lanes.len() >= (columns - self.first_panel * S::NR) * self.steps);
        if let Some(Epilogue { rows, bias, scales, sums, .. }) = self.epilogue {
            let has_columns = |len: usize| len == 0 || len >= columns;
            assert!(bias.len() >= columns && has_columns(scales.len()) && has_columns(sums.len()));
            assert!(rows.is_none_or(|(scales, zeros)| scales.len() >= self.rows && zeros.len() >= self.rows));
        }
    }
}

/// Some rows by one panel, over a block along k.
struct Tile<'a, S, P> {
    of: &'a Product2d<'a>,
    s: S,
    product: P,
    panel: usize,
    steps: Range<usize>,
    rows: Range<usize>,
    /// Which of the tiles of this block it is.
    turn: usize,
}

impl<S: Simd, P: Product<S>> RowCount for Tile<'_, S, P> {
    #[inline(always)]
    fn run<const MR: usize>(self) {
        let Self { of, s, product, panel, steps, rows, turn } = self;
        let stride = of.operand_stride / size_of::<P::Operand>();
        let epilogue = of.epilogue.as_ref().filter(|_| steps.end == of.steps);
        // SAFETY: `check` found the rows of the operand, the panels and the columns long enough, and `out` is the
        // caller's word. Of a panel that is not whole, only the columns that there are get written.
        unsafe {
            let mut operand =
                of.operand.as_ptr().cast::<P::Operand>().add(rows.start * stride + steps.start * P::GROUP);
            let mut lanes = of.lanes.as_ptr().add(((panel - of.first_panel) * of.steps + steps.start) * S::NR);
            let out = of.out.add(rows.start * of.out_stride + panel * S::NR);

            let mut sums = [[product.resume(s, s.splat_i32(0)); NV]; MR];
            if steps.start > 0 {
                for (row, sums) in sums.iter_mut().enumerate() {
                    for (v, sums) in sums.iter_mut().enumerate() {
                        *sums = product.resume(s, s.load_i32_from(out.add(row * of.out_stride + v * S::LANES).cast()));
                    }
                }
            }
            macro_rules! step {
                ($ahead:literal) => {
                    let lanes = lanes.add($ahead * S::NR);
                    let weights = [s.load_i32_from(lanes), s.load_i32_from(lanes.add(S::LANES))];
                    product.step(s, &mut sums, operand.add($ahead * P::GROUP), stride, weights);
                };
            }
            // What comes behind these weights, the next block along k or the next panels, is asked for by the tiles in
            // turn, half a block by each, so that memory and arithmetic are busy at the same time.
            //
            // Two steps at a time, so that the addresses of the rows are worked out once for both; of four, LLVM holds
            // more at once than there are registers. By hand, since it leaves loops over assembly as they are.
            let mut ahead = lanes.wrapping_add(steps.len() * S::NR + turn * (steps.len() / 2) * S::NR);
            for _ in 0..steps.len() / 2 {
                for line in (0..S::NR).step_by(LINE / size_of::<i32>()) {
                    s.prefetch(ahead.wrapping_add(line));
                }
                ahead = ahead.wrapping_add(S::NR);
                step!(0);
                step!(1);
                operand = operand.add(2 * P::GROUP);
                lanes = lanes.add(2 * S::NR);
            }
            if steps.len() % 2 == 1 {
                step!(0);
            }
            let is_whole = of.columns >= (panel + 1) * S::NR;
            for (row, sums) in sums.into_iter().enumerate() {
                for (v, sums) in sums.into_iter().enumerate() {
                    let column = panel * S::NR + v * S::LANES;
                    let out = out.add(row * of.out_stride + v * S::LANES);
                    let value = match epilogue {
                        Some(epilogue) => epilogue.finish(s, product, sums, rows.start + row, column),
                        None => s.floats(product.suspend(s, sums)),
                    };
                    if is_whole {
                        s.store_to(value, out);
                    } else {
                        let left = of.columns.saturating_sub(column).min(S::LANES);
                        s.store_up_to(value, slice::from_raw_parts_mut(out, left));
                    }
                }
            }
        }
    }
}

impl Epilogue<'_> {
    #[inline(always)]
    fn finish<S: Simd, P: Product<S>>(&self, s: S, product: P, sums: P::Sums, row: usize, column: usize) -> S::F32 {
        let (row_scale, zero) = self.rows.map_or((1.0, 0), |(scales, zeros)| (scales[row], zeros[row]));
        let column_sums = match self.sums {
            [] => s.splat_i32(0),
            sums => s.bits(s.load(bytemuck::cast_slice(&sums[column..]))),
        };
        let worth = product.worth(s, sums, zero, column_sums);
        let column_scales = match self.scales {
            [] => s.splat(1.0),
            scales => s.load(&scales[column..]),
        };
        let scale = s.mul(s.splat(row_scale), column_scales);
        let value = s.mul_add(worth, scale, s.load(&self.bias[column..]));
        match self.activation {
            Activation::Identity => value,
            Activation::Gelu => math::gelu(s, value),
        }
    }
}
