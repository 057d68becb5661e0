//! Layer normalization, in one sweep over a row with the addition before it and the quantization after it.
#![expect(unsafe_code, reason = "threads write the rows of one matrix at the same time")]

use super::elementwise::add_row;
use super::isa::Isa;
use super::matrix::Matrix;
use super::partition::for_each_chunk;
use super::quantized::QuantizedMatrix;
use super::simd::{Kernel, Simd};
use crate::thread_pool::ThreadPool;

/// Normalizes a row to mean 0 and variance 1, then scales and shifts it (Ba, Kiros and Hinton 2016).
#[derive(Debug)]
pub struct LayerNorm {
    /// The scale of each column: `[hidden_size]`.
    pub weight: Vec<f32>,
    /// The shift of each column: `[hidden_size]`.
    pub bias: Vec<f32>,
    /// A small number that is added to the variance.
    pub eps: f32,
}

impl LayerNorm {
    /// Computes `hidden = norm(hidden + residual)` for each row. If `quantized` is given, it gets the result in its own
    /// format.
    ///
    /// # Panics
    /// If the shapes do not match.
    pub fn forward(
        &self,
        isa: Isa,
        pool: &ThreadPool,
        residual: Option<&Matrix>,
        hidden: &mut Matrix,
        mut quantized: Option<&mut QuantizedMatrix>,
    ) {
        let shape = (hidden.rows(), hidden.columns());
        assert!(residual.is_none_or(|residual| (residual.rows(), residual.columns()) == shape), "rows and columns");
        let rows = hidden.rows();
        if let Some(quantized) = &mut quantized {
            quantized.set_rows(rows);
        }
        let (hidden, quantized) = (hidden.share(), quantized.map(QuantizedMatrix::share));
        for_each_chunk(pool, rows, |rows| {
            for index in rows {
                // SAFETY: each row is in exactly one chunk.
                let row = unsafe { hidden.row(index) };
                isa.run(Normalize { norm: self, residual: residual.map(|residual| residual.row(index)), row });
                if let Some(quantized) = quantized {
                    // SAFETY: as above.
                    unsafe { quantized.quantize_row(isa, index, row) };
                }
            }
        });
    }

    /// Computes `normalized = norm(hidden)` for each row, and leaves `hidden` as it is. If `quantized` is given, it gets
    /// the result in its own format.
    ///
    /// # Panics
    /// If the shapes do not match.
    pub fn forward_to(
        &self,
        isa: Isa,
        pool: &ThreadPool,
        hidden: &Matrix,
        normalized: &mut Matrix,
        mut quantized: Option<&mut QuantizedMatrix>,
    ) {
        assert_eq!(normalized.columns(), hidden.columns(), "columns");
        let rows = hidden.rows();
        normalized.set_rows(rows);
        if let Some(quantized) = &mut quantized {
            quantized.set_rows(rows);
        }
        let (normalized, quantized) = (normalized.share(), quantized.map(QuantizedMatrix::share));
        for_each_chunk(pool, rows, |rows| {
            for index in rows {
                // SAFETY: each row is in exactly one chunk.
                let row = unsafe { normalized.row(index) };
                row.copy_from_slice(hidden.row(index));
                isa.run(Normalize { norm: self, residual: None, row });
                if let Some(quantized) = quantized {
                    // SAFETY: as above.
                    unsafe { quantized.quantize_row(isa, index, row) };
                }
            }
        });
    }
}

struct Normalize<'a> {
    norm: &'a LayerNorm,
    residual: Option<&'a [f32]>,
    row: &'a mut [f32],
}

impl Kernel for Normalize<'_> {
    type Output = ();

    /// Sweeps over a row, which stays in the first-level cache, for its sum, its squared deviations from the mean, and
    /// the result. The formula with the mean of the squares would lose digits in rows with a large mean.
    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let Self { norm, residual, row } = self;
        let len = row.len();
        assert!(norm.weight.len() == len && norm.bias.len() == len);
        if let Some(residual) = residual {
            add_row(s, row, residual);
        }
        let mean = sum_of(s, row) / len as f32;
        let variance = sum_of_squares(s, row, mean) / len as f32;
        let scale = 1.0 / (variance + norm.eps).sqrt();
        scale_and_shift(s, row, [mean, scale], norm);
    }
}

#[inline(always)]
fn sum_of<S: Simd>(s: S, row: &[f32]) -> f32 {
    let (vectors, rest) = row.split_at(row.len() / S::LANES * S::LANES);
    let mut sums = s.load_or(rest, 0.0);
    for x in vectors.chunks_exact(S::LANES) {
        sums = s.add(sums, s.load(x));
    }
    s.sum(sums)
}

#[inline(always)]
fn sum_of_squares<S: Simd>(s: S, row: &[f32], mean: f32) -> f32 {
    let (vectors, rest) = row.split_at(row.len() / S::LANES * S::LANES);
    let deviation = s.sub(s.load_or(rest, mean), s.splat(mean));
    let mut sums = s.mul(deviation, deviation);
    for x in vectors.chunks_exact(S::LANES) {
        let deviation = s.sub(s.load(x), s.splat(mean));
        sums = s.mul_add(deviation, deviation, sums);
    }
    s.sum(sums)
}

#[inline(always)]
fn scale_and_shift<S: Simd>(s: S, row: &mut [f32], [mean, scale]: [f32; 2], norm: &LayerNorm) {
    let whole = row.len() / S::LANES * S::LANES;
    let (row, rest) = row.split_at_mut(whole);
    let parameters = norm.weight.chunks_exact(S::LANES).zip(norm.bias.chunks_exact(S::LANES));
    for (x, (weight, bias)) in row.chunks_exact_mut(S::LANES).zip(parameters) {
        let normal = s.mul(s.sub(s.load(x), s.splat(mean)), s.splat(scale));
        s.store(s.mul_add(normal, s.load(weight), s.load(bias)), x);
    }
    for (x, (weight, bias)) in rest.iter_mut().zip(norm.weight[whole..].iter().zip(&norm.bias[whole..])) {
        *x = (*x - mean) * scale * weight + bias;
    }
}
