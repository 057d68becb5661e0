//! Sums and products of two matrices, number by number.
#![expect(unsafe_code, reason = "threads write the rows of one matrix at the same time")]

use super::isa::Isa;
use super::matrix::Matrix;
use super::partition::for_each_chunk;
use super::quantized::QuantizedMatrix;
use super::simd::{Kernel, Simd};
use crate::thread_pool::ThreadPool;

/// Computes `to += from`.
///
/// # Panics
/// If the shapes do not match.
pub fn add(isa: Isa, pool: &ThreadPool, to: &mut Matrix, from: &Matrix) {
    assert_same_shape(to, from);
    let rows = to.rows();
    let to = to.share();
    for_each_chunk(pool, rows, |rows| {
        for index in rows {
            // SAFETY: each row is in exactly one chunk.
            let row = unsafe { to.row(index) };
            isa.run(Add { row, from: from.row(index) });
        }
    });
}

/// Computes `to *= by`: the gate of a gated feed-forward block. If `quantized` is given, it gets the result in its own
/// format.
///
/// # Panics
/// If the shapes do not match.
pub fn multiply(
    isa: Isa,
    pool: &ThreadPool,
    to: &mut Matrix,
    by: &Matrix,
    mut quantized: Option<&mut QuantizedMatrix>,
) {
    assert_same_shape(to, by);
    let rows = to.rows();
    if let Some(quantized) = &mut quantized {
        quantized.set_rows(rows);
    }
    let (to, quantized) = (to.share(), quantized.map(QuantizedMatrix::share));
    for_each_chunk(pool, rows, |rows| {
        for index in rows {
            // SAFETY: each row is in exactly one chunk.
            let row = unsafe { to.row(index) };
            isa.run(Multiply { row, by: by.row(index) });
            if let Some(quantized) = quantized {
                // SAFETY: as above.
                unsafe { quantized.quantize_row(isa, index, row) };
            }
        }
    });
}

fn assert_same_shape(a: &Matrix, b: &Matrix) {
    assert_eq!((a.rows(), a.columns()), (b.rows(), b.columns()), "rows and columns");
}

struct Add<'a> {
    row: &'a mut [f32],
    from: &'a [f32],
}

impl Kernel for Add<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        add_row(s, self.row, self.from);
    }
}

struct Multiply<'a> {
    row: &'a mut [f32],
    by: &'a [f32],
}

impl Kernel for Multiply<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let whole = self.row.len() / S::LANES * S::LANES;
        let ((row, row_rest), (by, rest)) = (self.row.split_at_mut(whole), self.by.split_at(whole));
        for (x, by) in row.chunks_exact_mut(S::LANES).zip(by.chunks_exact(S::LANES)) {
            s.store(s.mul(s.load(x), s.load(by)), x);
        }
        row_rest.iter_mut().zip(rest).for_each(|(x, by)| *x *= by);
    }
}

/// Adds `from` to `row`.
#[inline(always)]
pub(super) fn add_row<S: Simd>(s: S, row: &mut [f32], from: &[f32]) {
    let whole = row.len() / S::LANES * S::LANES;
    let ((row, row_rest), (from, rest)) = (row.split_at_mut(whole), from.split_at(whole));
    for (x, from) in row.chunks_exact_mut(S::LANES).zip(from.chunks_exact(S::LANES)) {
        s.store(s.add(s.load(x), s.load(from)), x);
    }
    row_rest.iter_mut().zip(rest).for_each(|(x, from)| *x += from);
}
