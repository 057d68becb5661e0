//! One head of one text: its rows and columns, and their products in f32.

use std::ops::Range;

use super::reach::Reach;
use crate::gemm::Gemm;
use crate::matrix::Matrix;
use crate::shared::{Block, SharedRows};
use crate::simd::Simd;

/// Queries of a block: whole tiles for every instruction set.
pub(crate) const QUERIES: usize = 12;
pub(crate) const F32_BYTES: usize = size_of::<f32>();

/// One head of one text. As long as it lives, nothing else uses the columns of the head in the rows of its queries of
/// `context`.
pub(crate) struct Head<'a> {
    pub(super) query: &'a Matrix,
    pub(super) key_value: &'a Matrix,
    pub(super) context: SharedRows<'a, f32>,
    /// Columns of the head in a matrix of `hidden_size` columns.
    pub(super) columns: Range<usize>,
    pub(super) query_rows: Range<usize>,
    /// The rows of `key_value` that the queries reach.
    pub(super) rows: Range<usize>,
    pub(super) reach: Reach,
}

impl Head<'_> {
    /// The number of tokens that the queries reach.
    pub(crate) fn tokens(&self) -> usize {
        self.rows.len()
    }

    pub(crate) fn queries(&self) -> usize {
        self.query_rows.len()
    }

    /// The numbers of a query, a key or a value.
    pub(crate) fn size(&self) -> usize {
        self.columns.len()
    }

    /// The number of the head.
    pub(crate) fn index(&self) -> usize {
        self.columns.start / self.columns.len()
    }

    /// The tokens that any of some queries reaches, from the beginning of a panel of keys on.
    #[inline(always)]
    pub(super) fn reached<S: Simd>(&self, queries: &Range<usize>) -> Range<usize> {
        let of = |query: usize| self.reach.tokens(query, self.rows.len());
        of(queries.start).start / S::NR * S::NR..of(queries.end - 1).end
    }

    /// The product of some queries with some panels of `[panels, head_size, NR]`: with those of the keys, their scores.
    #[inline(always)]
    pub(crate) fn query_product<'g>(
        &self,
        queries: Range<usize>,
        lanes: &'g [f32],
        panels: Range<usize>,
        out: Block<'g, f32>,
    ) -> Gemm<'g>
    where
        Self: 'g,
    {
        self.product(self.query, self.query_rows.start + queries.start, lanes, panels, out)
    }

    /// The product of some keys with some panels of `[panels, head_size, NR]`.
    pub(crate) fn key_product<'g>(
        &self,
        keys: Range<usize>,
        lanes: &'g [f32],
        panels: Range<usize>,
        out: Block<'g, f32>,
    ) -> Gemm<'g>
    where
        Self: 'g,
    {
        self.product(self.key_value, self.rows.start + keys.start, lanes, panels, out)
    }

    /// The product of the columns of the head in some rows of `matrix`, from `row` on, with some panels.
    #[inline(always)]
    fn product<'g>(
        &self,
        matrix: &'g Matrix,
        row: usize,
        lanes: &'g [f32],
        panels: Range<usize>,
        out: Block<'g, f32>,
    ) -> Gemm<'g> {
        let first = row * matrix.stride() + self.columns.start;
        Gemm {
            operand: bytemuck::cast_slice(&matrix.as_slice()[first..]),
            operand_stride: matrix.stride() * F32_BYTES,
            lanes: bytemuck::cast_slice(lanes),
            first_panel: 0,
            panel_steps: self.columns.len(),
            steps: self.columns.len(),
            panels,
            out,
            epilogue: None,
        }
    }
}
