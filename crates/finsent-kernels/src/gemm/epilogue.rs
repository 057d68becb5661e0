//! What happens to the sums of a product before they are stored: `act(scale sum + bias)`.

use crate::math;
use crate::product::Product;
use crate::simd::Simd;

/// The function that is applied to each number of a result.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Activation {
    /// No change.
    Identity,
    /// GELU in its exact form, with the error function (Hendrycks and Gimpel 2016).
    Gelu,
}

/// Scales, bias and activation of a result.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Epilogue<'a> {
    /// Scales and zero points of the operand's rows, if the operand is bytes.
    pub(crate) rows: Option<(&'a [f32], &'a [i32])>,
    /// One number per column, for whole panels.
    pub(crate) bias: &'a [f32],
    /// Scales of the columns' weights. If empty, they are 1.
    pub(crate) scales: &'a [f32],
    /// Sums of the columns' weights. If empty, they are 0.
    pub(crate) sums: &'a [i32],
    pub(crate) activation: Activation,
}

impl Epilogue<'_> {
    /// Checks that a result of this size has all its scales and biases.
    pub(super) fn check(&self, rows: usize, columns: usize) {
        let has_columns = |len: usize| len == 0 || len >= columns;
        assert!(self.bias.len() >= columns && has_columns(self.scales.len()) && has_columns(self.sums.len()));
        assert!(self.rows.is_none_or(|(scales, zeros)| scales.len() >= rows && zeros.len() >= rows));
    }

    /// Turns the sums of a vector of columns, from `column` on, into numbers.
    #[inline(always)]
    pub(super) fn finish<S: Simd, P: Product<S>>(
        &self,
        s: S,
        product: P,
        sums: P::Sums,
        row: usize,
        column: usize,
    ) -> S::F32 {
        let (row_scale, zero) = self.rows.map_or((1.0, 0), |(scales, zeros)| (scales[row], zeros[row]));
        let column_sums = match self.sums {
            [] => s.splat_i32(0),
            sums => s.f32_to_bits(s.load(bytemuck::cast_slice(&sums[column..]))),
        };
        let value = product.dequantize(s, sums, zero, column_sums);
        let column_scales = match self.scales {
            [] => s.splat(1.0),
            scales => s.load(&scales[column..]),
        };
        let scale = s.mul(s.splat(row_scale), column_scales);
        let value = s.mul_add(value, scale, s.load(&self.bias[column..]));
        match self.activation {
            Activation::Identity => value,
            // Who multiplies bytes rounds the result to bytes.
            Activation::Gelu if self.rows.is_some() => math::coarse_gelu(s, value),
            Activation::Gelu => math::gelu(s, value),
        }
    }
}
