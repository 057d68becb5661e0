//! Attention in f32.
#![expect(unsafe_code, reason = "threads write the heads of one matrix at the same time")]

use std::ops::Range;

use super::head::{F32_BYTES, Head, QUERIES};
use super::panels::Panels;
use crate::aligned::{AlignedBuffer, CACHE_LINE};
use crate::gemm::Gemm;
use crate::math;
use crate::matrix::Matrix;
use crate::partition::split_evenly;
use crate::product::{F32Weights, Product, Widening};
use crate::shared::Block;
use crate::simd::{Kernel, Simd};

/// Computes the context of one head of one text.
pub(super) struct Attend<'a> {
    pub(super) head: Head<'a>,
    pub(super) panels: &'a mut Panels,
}

impl Kernel for Attend<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let Self { mut head, panels: Panels { keys, values, scores, .. } } = self;
        let (keys, values) = (head.pack_keys::<S>(keys), head.pack_values(s, values));
        let scale = 1.0 / (head.size() as f32).sqrt();
        for queries in split_evenly(0..head.queries(), QUERIES) {
            let reached = head.reached::<S>(&queries);
            let stride = reached.len().next_multiple_of(CACHE_LINE / F32_BYTES);
            scores.grow::<f32>(QUERIES * stride);
            let scores = &mut scores.as_mut_slice::<f32>()[..queries.len() * stride];
            let panels = reached.start / S::NR..reached.end.div_ceil(S::NR);
            let out = Block::new(scores, reached.len(), stride);
            Widening(F32Weights).run_apart(s, head.query_product(queries.clone(), keys, panels, out));
            head.weigh_values(s, queries, scores, stride, values, reached, scale);
        }
    }
}

impl Head<'_> {
    /// Writes the context of at most [`QUERIES`] queries, whose scores are those for the tokens of `reached`:
    /// `softmax(scale scores) V`. Overwrites the scores.
    #[expect(clippy::too_many_arguments, reason = "the scores have a shape")]
    #[inline(always)]
    pub(crate) fn weigh_values<S: Simd>(
        &mut self,
        s: S,
        queries: Range<usize>,
        scores: &mut [f32],
        stride: usize,
        values: &[f32],
        reached: Range<usize>,
        scale: f32,
    ) {
        let mut sums = [0.0; QUERIES];
        for ((query, row), sum) in queries.clone().zip(scores.chunks_exact_mut(stride)).zip(&mut sums) {
            let own = self.reach.tokens(query, self.rows.len());
            let own = own.start - reached.start..own.end - reached.start;
            row[..own.start].fill(0.0);
            row[own.end..reached.len()].fill(0.0);
            *sum = exponentials(s, &mut row[own], scale);
        }
        let rows = self.query_rows.start + queries.start..self.query_rows.start + queries.end;
        assert!(rows.end <= self.query_rows.end, "queries");
        // SAFETY: nothing else uses these rows and columns as long as the head lives, and it is borrowed exclusively.
        let mut context = unsafe { self.context.block(rows, self.columns.clone()) };
        self.add_values(s, scores, stride, values, reached, context.reborrow());
        for (row, sum) in sums[..queries.len()].iter().enumerate() {
            let inverse = 1.0 / sum;
            context.row_mut(row).iter_mut().for_each(|x| *x *= inverse);
        }
    }

    /// The sum of the values of `reached`, each times its weight: `probs V`.
    #[inline(always)]
    fn add_values<S: Simd>(
        &self,
        s: S,
        probs: &[f32],
        stride: usize,
        values: &[f32],
        reached: Range<usize>,
        context: Block<'_, f32>,
    ) {
        let gemm = Gemm {
            operand: bytemuck::cast_slice(probs),
            operand_stride: stride * F32_BYTES,
            lanes: bytemuck::cast_slice(&values[reached.start * S::NR..]),
            first_panel: 0,
            panel_steps: self.rows.len(),
            steps: reached.len(),
            panels: 0..self.columns.len().div_ceil(S::NR),
            out: context,
            epilogue: None,
        };
        Widening(F32Weights).run_apart(s, gemm);
    }

    /// Packs panels whose columns are the keys: `[panels, head_size, NR]`.
    #[inline(always)]
    pub(crate) fn pack_keys<'k, S: Simd>(&self, keys: &'k mut AlignedBuffer) -> &'k [f32] {
        let lanes = self.tokens().next_multiple_of(S::NR) * self.size();
        keys.grow::<f32>(lanes);
        let keys = &mut keys.as_mut_slice()[..lanes];
        pack_columns::<S>(self.key_value, self.rows.clone(), self.columns.clone(), keys);
        keys
    }

    /// Packs panels whose steps are the values: `[panels, tokens, NR]`.
    #[inline(always)]
    pub(crate) fn pack_values<'v, S: Simd>(&self, s: S, values: &'v mut AlignedBuffer) -> &'v [f32] {
        let lanes = self.size().next_multiple_of(S::NR) * self.tokens();
        values.grow::<f32>(lanes);
        let values = &mut values.as_mut_slice()[..lanes];
        let hidden_size = self.query.columns();
        for (panel, lanes) in values.chunks_exact_mut(self.rows.len() * S::NR).enumerate() {
            let start = hidden_size + self.columns.start + panel * S::NR;
            let columns = start..(start + S::NR).min(hidden_size + self.columns.end);
            for (row, lanes) in self.rows.clone().zip(lanes.chunks_exact_mut(S::NR)) {
                let value = &self.key_value.row(row)[columns.clone()];
                for (x, lanes) in value.chunks(S::LANES).zip(lanes.chunks_exact_mut(S::LANES)) {
                    s.store(s.load_or(x, 0.0), lanes);
                }
            }
        }
        values
    }
}

/// Packs some columns of some rows of a matrix into panels whose columns are the rows: `[panels, columns, NR]`.
#[inline(always)]
pub(crate) fn pack_columns<S: Simd>(
    matrix: &Matrix,
    rows: impl Iterator<Item = usize> + Clone,
    columns: Range<usize>,
    lanes: &mut [f32],
) {
    for (panel, lanes) in lanes.chunks_exact_mut(columns.len() * S::NR).enumerate() {
        for (column, row) in rows.clone().skip(panel * S::NR).take(S::NR).enumerate() {
            let numbers = &matrix.row(row)[columns.clone()];
            for (lanes, &x) in lanes.chunks_exact_mut(S::NR).zip(numbers) {
                lanes[column] = x;
            }
        }
    }
}

/// Replaces scores by `exp((score - max) scale)` and returns their sum.
#[inline(always)]
fn exponentials<S: Simd>(s: S, row: &mut [f32], scale: f32) -> f32 {
    let (vectors, rest) = row.split_at_mut(row.len() / S::LANES * S::LANES);
    let mut largest = s.load_or(rest, f32::NEG_INFINITY);
    for x in vectors.chunks_exact(S::LANES) {
        largest = s.max(largest, s.load(x));
    }
    let (largest, scale) = (s.splat(s.largest(largest)), s.splat(scale));
    let mut sum = s.splat(0.0);
    for x in vectors.chunks_exact_mut(S::LANES) {
        let e = math::exp(s, s.mul(s.sub(s.load(x), largest), scale));
        sum = s.add(sum, e);
        s.store(e, x);
    }
    let mut sum = s.sum(sum);
    if !rest.is_empty() {
        let e = math::exp(s, s.mul(s.sub(s.load_or(rest, 0.0), largest), scale));
        for (x, e) in rest.iter_mut().zip(s.lanes(e)) {
            *x = e;
            sum += e;
        }
    }
    sum
}
