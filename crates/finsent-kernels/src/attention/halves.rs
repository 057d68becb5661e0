//! Attention in bfloat16: queries, keys, values and weights are rounded, and all sums are f32.

use super::rounding::{Rows, ScoreFormat, ValueFormat, power_coefficients, power_of_two, store_lanes};
use crate::narrow::{Bf16Pairs, NarrowVectors};

/// Pairs of bfloat16.
#[derive(Clone, Copy)]
pub(super) struct Halves<P>(pub(super) P);

impl<S: NarrowVectors, P: Bf16Pairs<S>> ScoreFormat<S> for Halves<P> {
    type Product = P;

    #[inline(always)]
    fn product(self) -> P {
        self.0
    }

    #[inline(always)]
    fn pack_queries(self, s: S, rows: &Rows<'_>, to: &mut [i32], stride: usize) -> S::F32 {
        for (row, to) in rows.iter().zip(to.chunks_exact_mut(stride)) {
            for (numbers, to) in row.chunks(2 * S::LANES).zip(to.chunks_exact_mut(S::LANES)) {
                let (first, second) = numbers.split_at(numbers.len().min(S::LANES));
                store_lanes(s, self.0.round(s, [s.load_or(first, 0.0), s.load_or(second, 0.0)]), to);
            }
        }
        s.splat(1.0)
    }

    #[inline(always)]
    fn pack_keys(self, s: S, rows: &Rows<'_>, to: &mut [i32], stride: usize) -> (S::F32, S::I32) {
        (self.pack_queries(s, rows, to, stride), s.splat_i32(0))
    }

    #[inline(always)]
    fn finish(self, _: S, _: &mut [f32], _: &[f32], _: &[i32]) {}
}

impl<S: NarrowVectors, P: Bf16Pairs<S>> ValueFormat<S> for Halves<P> {
    type Product = P;

    #[inline(always)]
    fn product(self) -> P {
        self.0
    }

    #[inline(always)]
    fn scale_columns<'r>(self, _: S, _: impl Iterator<Item = &'r [f32]> + Clone, scales: &mut [f32]) {
        scales.fill(1.0);
    }

    #[inline(always)]
    fn pack(self, s: S, [first, second, ..]: [S::F32; 4], _: S::F32) -> S::I32 {
        self.0.zip(s, [first, second])
    }

    #[inline(always)]
    fn weigh(self, s: S, scores: &[f32], factor: f32, largest: f32, weights: &mut [i32]) -> f32 {
        let coefficients = power_coefficients(s, 1.0);
        let (shift, factor) = (s.splat(-largest * factor), s.splat(factor));
        let mut sums = s.splat(0.0);
        for (scores, weights) in scores.chunks_exact(2 * S::LANES).zip(weights.chunks_exact_mut(S::LANES)) {
            let first = power_of_two(s, s.mul_add(s.load(scores), factor, shift), coefficients);
            let second = power_of_two(s, s.mul_add(s.load(&scores[S::LANES..]), factor, shift), coefficients);
            let pairs = self.0.round(s, [first, second]);
            sums = self.0.add(s, sums, pairs);
            store_lanes(s, pairs, weights);
        }
        s.sum_of_lanes(sums)
    }
}
