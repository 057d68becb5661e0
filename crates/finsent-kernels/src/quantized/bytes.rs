//! Bytes with a scale and a zero point per row, so that a row depends on nothing but itself:
//!
//! ```text
//! least, most = min(x, 0), max(x, 0)      so that zero is exact
//! scale = (most - least) / 255
//! zero  = round(-least / scale)
//! byte  = clamp(round(x / scale) + zero, 0, 255)        x ≈ scale (byte - zero)
//! ```
#![expect(unsafe_code, reason = "vectors are stored as bytes")]

use crate::operand_format::OperandFormat;
use crate::simd::{Kernel, Simd};

/// Quantizes a row to the bytes of a padded row. Returns its scale, and its zero point as the products need it.
pub(super) struct QuantizeRow<'a> {
    pub(super) from: &'a [f32],
    pub(super) to: &'a mut [u8],
    pub(super) format: OperandFormat,
}

impl Kernel for QuantizeRow<'_> {
    type Output = (f32, i32);

    #[inline(always)]
    fn run<S: Simd>(self, s: S) -> (f32, i32) {
        let Extent { least, most, poison } = Extent::of(s, self.from);
        let (scale, inverse) = if most > least { ((most - least) / 255.0, 255.0 / (most - least)) } else { (1.0, 0.0) };
        let zero = (-least * inverse).round_ties_even();
        let (low, high, shift) = (s.splat(-zero), s.splat(255.0 - zero), s.splat_i32(zero as i32));
        let inverse = s.splat(inverse);
        let bytes = |x| s.add_i32(s.round(s.min(s.max(s.mul(x, inverse), low), high)), shift);
        let (vectors, rest) = self.from.split_at(self.from.len() / S::LANES * S::LANES);
        let mut at = 0;
        for x in vectors.chunks_exact(S::LANES) {
            store::<S>(s, bytes(s.load(x)), self.format, at, self.to);
            at += S::LANES;
        }
        if !rest.is_empty() {
            store::<S>(s, bytes(s.load_or(rest, 0.0)), self.format, at, self.to);
        }
        let offset = if self.format == OperandFormat::I8 { 128 } else { 0 };
        (scale + poison, zero as i32 - offset)
    }
}

/// The smallest and the largest number of a row.
struct Extent {
    least: f32,
    most: f32,
    /// 0, or NaN if a number of the row is not finite. It is added to the scale, so that the result is not finite either.
    poison: f32,
}

impl Extent {
    #[inline(always)]
    fn of<S: Simd>(s: S, xs: &[f32]) -> Self {
        let zero = s.splat(0.0);
        let mut ends = [zero; 3];
        let (vectors, rest) = xs.split_at(xs.len() / S::LANES * S::LANES);
        for x in vectors.chunks_exact(S::LANES) {
            ends = Self::widen(s, ends, s.load(x));
        }
        if !rest.is_empty() {
            ends = Self::widen(s, ends, s.load_or(rest, 0.0));
        }
        let [least, most, poison] = ends;
        Self { least: s.smallest(least).min(0.0), most: s.largest(most).max(0.0), poison: s.sum(poison) }
    }

    #[inline(always)]
    fn widen<S: Simd>(s: S, [least, most, poison]: [S::F32; 3], x: S::F32) -> [S::F32; 3] {
        [s.min(least, x), s.max(most, x), s.mul_add(x, s.splat(0.0), poison)]
    }
}

/// Writes a vector of integers in 0..=255 to a row, from number `at` on. If it reaches beyond the last column, it writes
/// to the padding, which is multiplied by weights of zero.
#[inline(always)]
fn store<S: Simd>(s: S, bytes: S::I32, format: OperandFormat, at: usize, row: &mut [u8]) {
    match format {
        OperandFormat::I16 => {
            let to = &mut row[2 * at..2 * (at + S::LANES)];
            // SAFETY: `to` is a slice of `2 * LANES` bytes.
            unsafe { s.store_i16_pairs_to(bytes, to.as_mut_ptr()) }
        }
        _ => {
            let signed = || s.and_i32(s.add_i32(bytes, s.splat_i32(0x80)), s.splat_i32(0xff));
            let bytes = if format == OperandFormat::I8 { signed() } else { bytes };
            let to = &mut row[at..at + S::LANES];
            // SAFETY: `to` is a slice of `LANES` bytes.
            unsafe { s.store_u8_to(bytes, to.as_mut_ptr()) }
        }
    }
}
