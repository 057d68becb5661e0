//! What attention in bfloat16 and in bytes needs of an instruction set, beside vectors and products.

use super::product::Product;
use super::simd::Simd;

/// Vectors with instructions for softmax and for rounding.
pub(super) trait NarrowVectors: Simd {
    /// `x - floor(x)`. Of minus infinity, 0.
    fn fraction(self, x: Self::F32) -> Self::F32;
    /// `x 2^floor(n)`. If `n` is minus infinity, 0.
    fn scale_by_power(self, x: Self::F32, n: Self::F32) -> Self::F32;
    /// The sum of the lanes, in an order that is faster than that of [`Simd::sum`].
    fn sum_of_lanes(self, x: Self::F32) -> f32;
    /// The larger of `extent`, the bits of a magnitude, and the magnitude of `x`. NaN is larger than infinity.
    fn widen_extent(self, extent: Self::I32, x: Self::F32) -> Self::I32;
    /// The numbers of four vectors, each in 0..=255, as bytes one after the other.
    fn join_bytes(self, numbers: [Self::I32; 4]) -> Self::I32;
}

/// Products of pairs of bfloat16, and how vectors become pairs. Numbers are rounded to the nearest, ties to even.
pub(super) trait Bf16Pairs<S: Simd>: Product<S, Operand = u16> {
    /// Rounds the numbers of two vectors: pairs of neighbors of the first, then of the second.
    fn round(self, s: S, numbers: [S::F32; 2]) -> S::I32;
    /// Rounds the numbers of two vectors: each of the first with that in the same lane of the second.
    fn zip(self, s: S, numbers: [S::F32; 2]) -> S::I32;
    /// Adds both numbers of each pair to `sums`.
    fn add(self, s: S, sums: S::F32, pairs: S::I32) -> S::F32;
}

/// Code that needs both, or products of bytes without a sign by bytes with one.
pub(super) trait NarrowKernel {
    fn run_bf16<S: NarrowVectors, P: Bf16Pairs<S>>(self, s: S, product: P);
    fn run_bytes<S: NarrowVectors, P: Product<S, Operand = u8>>(self, s: S, product: P);
}
