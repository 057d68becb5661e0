//! Attention in a number format that is narrower than f32.
//!
//! ```text
//! round Q, and pack Kᵀ and V of the head into panels
//! for each block of queries
//!   scores  = Q Kᵀ
//!   weights = 2^(factor (scores - max))     rounded; their sum is that of the rounded ones
//!   context = weights V / sum
//! ```
//!
//! Scores of keys that a query does not reach, and those after the last key, are minus infinity. Rows of scores and of
//! weights are therefore whole vectors, without rest.
#![expect(unsafe_code, reason = "threads write the heads of one matrix at the same time")]

use std::ops::Range;

use super::bytes::Bytes;
use super::halves::Halves;
use super::head::{F32_BYTES, Head, QUERIES};
use super::packed::{PackedKeys, PackedQueries, PackedValues};
use super::panels::{NarrowPanels, Panels};
use super::rounding::{ScoreFormat, ValueFormat};
use crate::aligned::CACHE_LINE;
use crate::gemm::{Activation, Epilogue, Gemm};
use crate::narrow::{Bf16Pairs, NarrowKernel, NarrowVectors};
use crate::partition::split_evenly;
use crate::product::Product;
use crate::shared::Block;
use crate::simd::Simd;

/// Numbers of f32 in a cache line.
const F32_LINE: usize = CACHE_LINE / F32_BYTES;

/// Computes the context of one head of one text.
pub(super) struct AttendNarrow<'a> {
    pub(super) head: Head<'a>,
    pub(super) panels: &'a mut Panels,
}

impl NarrowKernel for AttendNarrow<'_> {
    #[inline(always)]
    fn run_bf16<S: NarrowVectors, P: Bf16Pairs<S>>(self, s: S, product: P) {
        self.attend(s, Halves(product), Halves(product));
    }

    #[inline(always)]
    fn run_bytes<S: NarrowVectors, P: Product<S, Operand = u8>>(self, s: S, product: P) {
        self.attend(s, Bytes(product), Bytes(product));
    }
}

impl AttendNarrow<'_> {
    #[inline(always)]
    fn attend<S: NarrowVectors, Q: ScoreFormat<S>, V: ValueFormat<S>>(self, s: S, score: Q, value: V) {
        let Self { mut head, panels: Panels { keys, values, scores, narrow, .. } } = self;
        let NarrowPanels { queries, key_rows, weights, query_scales, key_scales, key_excess, value_scales } = narrow;
        let queries = PackedQueries::pack(s, score, &head, [queries, query_scales]);
        let keys = PackedKeys::pack(s, score, &head, [keys, key_scales, key_excess, key_rows]);
        let values = PackedValues::pack(s, value, &head, [values, value_scales]);
        for block in split_evenly(0..head.queries(), QUERIES) {
            let reached = head.reached::<S>(&block);
            let width = reached.len().next_multiple_of(V::GROUP * S::LANES);
            // One more cache line, so that the rows are in different sets of the cache.
            let (stride, weight_stride) = (width + F32_LINE, width / V::GROUP + F32_LINE);
            scores.grow::<f32>(QUERIES * stride);
            weights.grow::<i32>(QUERIES * weight_stride);
            let scores = &mut scores.as_mut_slice::<f32>()[..block.len() * stride];
            let weights = &mut weights.as_mut_slice::<i32>()[..block.len() * weight_stride];
            keys.multiply(s, score, &queries, &block, &reached, scores, stride);
            let mut inverse_sums = [0.0; QUERIES];
            for (index, query) in block.clone().enumerate() {
                let row = &mut scores[index * stride..][..width];
                let columns = reached.start..reached.end.next_multiple_of(S::NR);
                score.finish(s, &mut row[..columns.len()], &keys.scales[columns.clone()], &keys.excess[columns]);
                let own = head.reach.tokens(query, head.tokens());
                row[..own.start - reached.start].fill(f32::NEG_INFINITY);
                row[own.end - reached.start..].fill(f32::NEG_INFINITY);
                let factor = head.factor() * queries.scales[query];
                let weights = &mut weights[index * weight_stride..][..width / V::GROUP];
                inverse_sums[index] = 1.0 / value.weigh(s, row, factor, largest(s, row), weights);
            }
            // SAFETY: nothing else uses the columns of the head in these rows as long as it lives, and it is borrowed
            // exclusively.
            let context = unsafe { head.context(&block) };
            values.multiply(s, value, &reached, weights, weight_stride, &inverse_sums, context);
        }
    }
}

/// The largest number, unspecified if there is NaN. The numbers are pairs of vectors.
#[inline(always)]
fn largest<S: Simd>(s: S, numbers: &[f32]) -> f32 {
    let [mut first, mut second] = [s.splat(f32::NEG_INFINITY); 2];
    for numbers in numbers.chunks_exact(2 * S::LANES) {
        first = s.max(s.load(numbers), first);
        second = s.max(s.load(&numbers[S::LANES..]), second);
    }
    s.largest(s.max(first, second))
}

impl PackedKeys<'_> {
    /// The sums of the products of some queries with the keys of `reached`, in whole panels.
    #[expect(clippy::too_many_arguments, reason = "two matrices have a shape")]
    #[inline(always)]
    fn multiply<S: NarrowVectors, F: ScoreFormat<S>>(
        &self,
        s: S,
        format: F,
        queries: &PackedQueries<'_>,
        block: &Range<usize>,
        reached: &Range<usize>,
        scores: &mut [f32],
        stride: usize,
    ) {
        let panels = reached.start / S::NR..reached.end.div_ceil(S::NR);
        let gemm = Gemm {
            operand: bytemuck::cast_slice(&queries.lanes[block.start * queries.stride..]),
            operand_stride: queries.stride * size_of::<i32>(),
            lanes: self.lanes,
            first_panel: 0,
            panel_steps: self.steps,
            steps: self.steps,
            out: Block::new(scores, panels.len() * S::NR, stride),
            panels,
            epilogue: None,
        };
        format.product().run_apart(s, gemm);
    }
}

impl PackedValues<'_> {
    /// The sums of the values of `reached`, each times its weight, times a number for each query.
    #[expect(clippy::too_many_arguments, reason = "two matrices have a shape")]
    #[inline(always)]
    fn multiply<S: NarrowVectors, F: ValueFormat<S>>(
        &self,
        s: S,
        format: F,
        reached: &Range<usize>,
        weights: &[i32],
        stride: usize,
        factors: &[f32; QUERIES],
        context: Block<'_, f32>,
    ) {
        let gemm = Gemm {
            operand: bytemuck::cast_slice(weights),
            operand_stride: stride * size_of::<i32>(),
            lanes: &self.lanes[reached.start / F::GROUP * S::NR..],
            first_panel: 0,
            panel_steps: self.steps,
            steps: reached.len().div_ceil(F::GROUP),
            panels: 0..context.columns().div_ceil(S::NR),
            out: context,
            epilogue: Some(Epilogue {
                rows: Some((factors, &[0; QUERIES])),
                bias: self.zeros,
                scales: self.scales,
                sums: &[],
                activation: Activation::Identity,
            }),
        };
        format.product().run_apart(s, gemm);
    }
}

impl Head<'_> {
    /// The factor of scores as exponents of 2: `log₂ e / √d`.
    fn factor(&self) -> f32 {
        std::f32::consts::LOG2_E / (self.size() as f32).sqrt()
    }

    /// Where the context of some queries goes.
    ///
    /// # Safety
    /// As long as the result lives, nothing else uses these columns of these rows. Nothing else than the head uses the
    /// columns of the head in the rows of its queries.
    unsafe fn context(&mut self, queries: &Range<usize>) -> Block<'_, f32> {
        let rows = self.query_rows.start + queries.start..self.query_rows.start + queries.end;
        assert!(rows.end <= self.query_rows.end, "queries");
        // SAFETY: the caller vouches for the rows and columns.
        unsafe { self.context.block(rows, self.columns.clone()) }
    }
}
