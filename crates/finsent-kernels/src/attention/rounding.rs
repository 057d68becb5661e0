//! What a number format does with queries, keys, values and weights, and powers of two.

use crate::narrow::NarrowVectors;
use crate::product::Product;
use crate::simd::{MAX_LANES, Simd};

/// Up to `LANES` rows of queries or keys.
pub(super) type Rows<'a> = [&'a [f32]; MAX_LANES];

/// How queries and keys are multiplied.
pub(super) trait ScoreFormat<S: NarrowVectors>: Copy {
    type Product: Product<S>;
    fn product(self) -> Self::Product;

    /// Rounds rows of queries, `[LANES, stride]`. Returns the scale of each.
    fn pack_queries(self, s: S, rows: &Rows<'_>, to: &mut [i32], stride: usize) -> S::F32;

    /// Rounds rows of keys, `[LANES, stride]`. Returns the scale of each, and what its products have too much.
    fn pack_keys(self, s: S, rows: &Rows<'_>, to: &mut [i32], stride: usize) -> (S::F32, S::I32);

    /// Turns the sums of products of one query into scores, up to a factor that is the same for all keys.
    fn finish(self, s: S, sums: &mut [f32], scales: &[f32], excess: &[i32]);
}

/// How weights and values are multiplied.
pub(super) trait ValueFormat<S: NarrowVectors>: Copy {
    type Product: Product<S>;
    fn product(self) -> Self::Product;

    /// Numbers in a lane: `<Self::Product as Product<S>>::GROUP`.
    const GROUP: usize = <Self::Product as Product<S>>::GROUP;

    /// Writes the scale of each column of some values. `rows` are all of their rows.
    fn scale_columns<'r>(self, s: S, rows: impl Iterator<Item = &'r [f32]> + Clone, scales: &mut [f32]);

    /// A lane of each column: numbers of the first `GROUP` vectors, divided by the scales.
    fn pack(self, s: S, rows: [S::F32; 4], inverse_scales: S::F32) -> S::I32;

    /// Writes weights: powers of two of `factor (score - largest)` in the number format, up to a factor that is the same
    /// for all. Returns their sum. The scores fill whole vectors of weights.
    fn weigh(self, s: S, scores: &[f32], factor: f32, largest: f32, weights: &mut [i32]) -> f32;
}

/// The polynomial for powers of two, times `unit`.
#[inline(always)]
pub(super) fn power_coefficients<S: Simd>(s: S, unit: f32) -> [S::F32; 4] {
    /// `2ʳ` for r in 0..1 (a minimax fit).
    const POWER: [f32; 4] = [0.999_925_23, 0.695_833_47, 0.226_067_22, 0.078_024_54];
    [s.splat(unit * POWER[0]), s.splat(unit * POWER[1]), s.splat(unit * POWER[2]), s.splat(unit * POWER[3])]
}

/// `unit 2ˣ`, with a relative error of at most 8e-5, for x up to 0. NaN stays NaN.
#[inline(always)]
pub(super) fn power_of_two<S: NarrowVectors>(s: S, x: S::F32, coefficients: [S::F32; 4]) -> S::F32 {
    let r = s.fraction(x);
    let p = s.mul_add(coefficients[3], r, coefficients[2]);
    let p = s.mul_add(p, r, coefficients[1]);
    let p = s.mul_add(p, r, coefficients[0]);
    s.scale_by_power(p, x)
}

/// Stores a vector of lanes.
#[inline(always)]
pub(super) fn store_lanes<S: Simd>(s: S, x: S::I32, to: &mut [i32]) {
    s.store(s.bits_to_f32(x), bytemuck::cast_slice_mut(to));
}
