//! Attention in bytes: exact sums of products of bytes, with a scale for each query, each key and each column of the
//! values.
//!
//! ```text
//! scale  = max |x| / 127                      of a query, a key, or a column of the values
//! byte   = round(x / scale)                   of a query, plus 128
//! weight = round(254 2ᵗ + what the weight LANES × 4 keys before lost)
//! ```
//!
//! The last line is error diffusion: many small weights would all be rounded to zero, or all to one; so what rounding takes
//! from one, another gets.

use super::rounding::{Rows, ScoreFormat, ValueFormat, power_coefficients, power_of_two, store_lanes};
use crate::narrow::NarrowVectors;
use crate::product::Product;
use crate::simd::{MAX_LANES, Simd};

/// Bytes in a lane.
const GROUP: usize = 4;
/// What is added to the bytes of queries, which then have no sign.
const OFFSET: i32 = 128;
/// The largest byte with a sign.
const LARGEST: f32 = 127.0;
/// The weight of the best key. With what another one lost, it is at most 255.
const UNIT: f32 = 254.0;
/// What the first weights get, as if others had lost it. It is different for neighbors and 0 on average: in a short text, all
/// weights of a tail would otherwise be rounded the same way. A weight of 0 stays 0.
const FIRST_LOST: [f32; GROUP] = [-0.375, 0.125, -0.125, 0.375];
/// Numbers of this magnitude and below become zero, so that scales and their inverses are finite.
const SMALLEST: f32 = 1e-30;

/// Products of bytes.
#[derive(Clone, Copy)]
pub(super) struct Bytes<P>(pub(super) P);

impl<S: NarrowVectors, P: Product<S, Operand = u8>> ScoreFormat<S> for Bytes<P> {
    type Product = P;

    #[inline(always)]
    fn product(self) -> P {
        self.0
    }

    #[inline(always)]
    fn pack_queries(self, s: S, rows: &Rows<'_>, to: &mut [i32], stride: usize) -> S::F32 {
        let (scales, _) = pack_rows(s, rows, to, stride, OFFSET);
        scales
    }

    #[inline(always)]
    fn pack_keys(self, s: S, rows: &Rows<'_>, to: &mut [i32], stride: usize) -> (S::F32, S::I32) {
        let (scales, sums) = pack_rows(s, rows, to, stride, 0);
        (scales, s.mul_i32(sums, s.splat_i32(OFFSET)))
    }

    #[inline(always)]
    fn finish(self, s: S, sums: &mut [f32], scales: &[f32], excess: &[i32]) {
        let scales = scales.chunks_exact(S::LANES).zip(bytemuck::cast_slice(excess).chunks_exact(S::LANES));
        for (sums, (scales, excess)) in sums.chunks_exact_mut(S::LANES).zip(scales) {
            let sum = s.sub_i32(s.f32_to_bits(s.load(sums)), s.f32_to_bits(s.load(excess)));
            s.store(s.mul(s.to_f32(sum), s.load(scales)), sums);
        }
    }
}

impl<S: NarrowVectors, P: Product<S, Operand = u8>> ValueFormat<S> for Bytes<P> {
    type Product = P;

    #[inline(always)]
    fn product(self) -> P {
        self.0
    }

    #[inline(always)]
    fn scale_columns<'r>(self, s: S, rows: impl Iterator<Item = &'r [f32]> + Clone, scales: &mut [f32]) {
        for (index, scales) in scales.chunks_mut(GROUP * S::LANES).enumerate() {
            let mut extents = [s.splat_i32(0); GROUP];
            for row in rows.clone() {
                let row = row.get(index * GROUP * S::LANES..).unwrap_or_default();
                for (part, extent) in extents.iter_mut().enumerate() {
                    let numbers = row.get(part * S::LANES..).unwrap_or_default();
                    *extent = s.widen_extent(*extent, s.load_or(numbers, 0.0));
                }
            }
            for (scales, extent) in scales.chunks_exact_mut(S::LANES).zip(extents) {
                s.store(scale_of(s, extent), scales);
            }
        }
    }

    #[inline(always)]
    fn pack(self, s: S, rows: [S::F32; 4], inverse_scales: S::F32) -> S::I32 {
        let byte = s.splat_i32(0xff);
        let [a, b, c, d] = rows;
        let a = s.and_i32(s.round(s.mul(a, inverse_scales)), byte);
        let b = s.and_i32(s.round(s.mul(b, inverse_scales)), byte);
        let c = s.and_i32(s.round(s.mul(c, inverse_scales)), byte);
        let d = s.round(s.mul(d, inverse_scales));
        let low = s.add_i32(a, s.shift_left::<8>(b));
        let high = s.add_i32(s.shift_left::<16>(c), s.shift_left::<24>(d));
        s.add_i32(low, high)
    }

    #[inline(always)]
    fn weigh(self, s: S, scores: &[f32], factor: f32, largest: f32, weights: &mut [i32]) -> f32 {
        let coefficients = power_coefficients(s, UNIT);
        let (shift, factor) = (s.splat(-largest * factor), s.splat(factor));
        let mut sums = [s.splat(0.0); GROUP];
        let [a, b, c, d] = FIRST_LOST;
        let mut lost = [s.splat(a), s.splat(b), s.splat(c), s.splat(d)];
        // From this number on, consecutive floats are consecutive integers, and the low byte is that of the integer.
        let integers = s.splat(12_582_912.0);
        for (scores, weights) in scores.chunks_exact(GROUP * S::LANES).zip(weights.chunks_exact_mut(S::LANES)) {
            let mut bytes = [s.splat_i32(0); GROUP];
            for (part, byte) in bytes.iter_mut().enumerate() {
                let exact = s.mul_add(s.load(&scores[part * S::LANES..]), factor, shift);
                let exact = s.add(power_of_two(s, exact, coefficients), lost[part]);
                let shifted = s.add(exact, integers);
                let rounded = s.sub(shifted, integers);
                lost[part] = s.sub(exact, rounded);
                sums[part] = s.add(sums[part], rounded);
                *byte = s.and_i32(s.f32_to_bits(shifted), s.splat_i32(0xff));
            }
            store_lanes(s, s.join_bytes(bytes), weights);
        }
        // Whole numbers below 2²⁴: the sum is exact.
        s.sum_of_lanes(s.add(s.add(sums[0], sums[1]), s.add(sums[2], sums[3])))
    }
}

/// The scale for an extent, the bits of a magnitude. Not finite if the extent is not.
#[inline(always)]
fn scale_of<S: Simd>(s: S, extent: S::I32) -> S::F32 {
    s.mul(s.max(s.splat(SMALLEST), s.bits_to_f32(extent)), s.splat(1.0 / LARGEST))
}

/// Rounds rows, `[LANES, stride]`. Returns the scale of each, and the sum of its bytes, without `offset`.
#[inline(always)]
fn pack_rows<S: NarrowVectors>(s: S, rows: &Rows<'_>, to: &mut [i32], stride: usize, offset: i32) -> (S::F32, S::I32) {
    let mut square = [s.splat(0.0); MAX_LANES];
    for (row, extents) in rows[..S::LANES].iter().zip(&mut square) {
        let mut extent = s.splat_i32(0);
        for x in row.chunks(S::LANES) {
            extent = s.widen_extent(extent, s.load_or(x, 0.0));
        }
        *extents = s.bits_to_f32(extent);
    }
    s.transpose(&mut square);
    let mut extent = s.splat_i32(0);
    for x in &square[..S::LANES] {
        extent = s.widen_extent(extent, *x);
    }
    let scales = scale_of(s, extent);
    let inverses = s.lanes(s.div(s.splat(1.0), scales));
    for (((row, to), inverse), sums) in rows.iter().zip(to.chunks_exact_mut(stride)).zip(inverses).zip(&mut square) {
        let inverse = s.splat(inverse);
        *sums = s.bits_to_f32(round_row(s, row, inverse, offset, to));
    }
    s.transpose(&mut square);
    let mut sums = s.f32_to_bits(square[0]);
    for x in &square[1..S::LANES] {
        sums = s.add_i32(sums, s.f32_to_bits(*x));
    }
    (scales, sums)
}

/// Rounds the numbers of a row to bytes, and adds `offset` to each. Returns sums of the bytes without it.
#[inline(always)]
fn round_row<S: NarrowVectors>(s: S, row: &[f32], inverse: S::F32, offset: i32, to: &mut [i32]) -> S::I32 {
    let mut sums = s.splat_i32(0);
    for (numbers, to) in row.chunks(GROUP * S::LANES).zip(to.chunks_exact_mut(S::LANES)) {
        let mut bytes = [s.splat_i32(0); GROUP];
        for (part, byte) in bytes.iter_mut().enumerate() {
            let numbers = numbers.get(part * S::LANES..).unwrap_or_default();
            let rounded = s.round(s.mul(s.load_or(numbers, 0.0), inverse));
            sums = s.add_i32(sums, rounded);
            *byte = s.and_i32(s.add_i32(rounded, s.splat_i32(offset)), s.splat_i32(0xff));
        }
        store_lanes(s, s.join_bytes(bytes), to);
    }
    sums
}
