//! What a product multiplies, and the checks that its tiles rely on.

use std::ops::Range;

use super::epilogue::Epilogue;
use crate::product::Product;
use crate::shared::Block;
use crate::simd::Simd;

/// A product of all rows of an operand with some panels of packed weights.
#[derive(Debug)]
pub(crate) struct Gemm<'a> {
    /// Rows of numbers, as bytes.
    pub(crate) operand: &'a [u8],
    /// Bytes from the start of one row of the operand to the start of the next.
    pub(crate) operand_stride: usize,
    /// `[panels, panel_steps, NR * COLUMN_LANES]`, from panel `first_panel` on. The product takes the first `steps` of each panel.
    pub(crate) lanes: &'a [i32],
    /// The first panel in `lanes`.
    pub(crate) first_panel: usize,
    pub(crate) panel_steps: usize,
    pub(crate) steps: usize,
    /// The panels to multiply.
    pub(crate) panels: Range<usize>,
    /// The columns of these panels, for all rows of the operand. The last panel may have fewer than `NR`.
    pub(crate) out: Block<'a, f32>,
    /// If absent, the sums are the result.
    pub(crate) epilogue: Option<Epilogue<'a>>,
}

impl Gemm<'_> {
    /// The first column after the result, counted like the panels from the start of the weights.
    #[inline(always)]
    pub(super) fn columns<S: Simd>(&self) -> usize {
        self.panels.start * S::NR + self.out.columns()
    }

    /// Lanes of a step of packed weights.
    #[inline(always)]
    pub(super) fn step_lanes<S: Simd, P: Product<S>>() -> usize {
        S::NR * P::COLUMN_LANES
    }

    /// Checks once what every tile relies on.
    pub(super) fn check<S: Simd, P: Product<S>>(&self) {
        let rows = self.out.rows();
        let operand_row = self.steps * P::GROUP * size_of::<P::Operand>();
        assert!(rows == 0 || self.operand.len() >= (rows - 1) * self.operand_stride + operand_row, "operand");
        assert!(self.operand_stride.is_multiple_of(size_of::<P::Operand>()), "stride of the operand");
        assert!(self.operand.as_ptr().cast::<P::Operand>().is_aligned(), "alignment of the operand");
        assert!(self.panels.start <= self.panels.end && self.panels.start >= self.first_panel, "panels");
        assert!(self.steps <= self.panel_steps, "steps");
        let before_last = (self.panels.end - self.first_panel).saturating_sub(1) * self.panel_steps;
        assert!(
            self.panels.is_empty() || self.lanes.len() >= (before_last + self.steps) * Self::step_lanes::<S, P>(),
            "weights"
        );
        assert!(self.out.columns().div_ceil(S::NR) == self.panels.len(), "columns of the result");
        if let Some(epilogue) = &self.epilogue {
            epilogue.check(rows, self.panels.end * S::NR);
        }
    }
}
