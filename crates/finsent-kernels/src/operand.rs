//! The left side of a matrix product: activations, as f32 or in the form that the weights' instructions take.
//!
//! Bytes are quantised row by row, so that a token's numbers do not depend on its company:
//!
//! ```text
//! least, most = min(x, 0), max(x, 0)      zero is representable, and exact
//! scale = (most - least) / 255
//! zero  = round(-least / scale)
//! byte  = clamp(round(x / scale) + zero, 0, 255)        x ≈ scale (byte - zero)
//! ```

use half::bf16;

use super::isa::{Isa, OperandFormat};
use super::matrix::{Matrix, Shared, SharedRows};
use super::rows::for_each_chunk;
use super::simd::{Kernel, Simd};
use crate::thread_pool::ThreadPool;

/// Activations for a product.
#[derive(Debug, Clone, Copy)]
pub enum Operand<'a> {
    /// As they are.
    F32(&'a Matrix),
    /// In the form that the precision multiplies.
    Rounded(&'a Rounded),
}

/// Activations in another form than f32.
#[derive(Debug)]
pub struct Rounded {
    form: OperandFormat,
    columns: usize,
    /// Numbers of `form`, as bytes.
    numbers: Matrix<u8>,
    /// Scale of each row, for the forms of bytes.
    scales: Vec<f32>,
    /// Zero point of each row, for the forms of bytes.
    zeros: Vec<i32>,
}

impl Operand<'_> {
    /// Number of rows, a token each.
    pub fn rows(self) -> usize {
        match self {
            Self::F32(matrix) => matrix.rows(),
            Self::Rounded(rounded) => rounded.numbers.rows(),
        }
    }

    pub(super) fn columns(self) -> usize {
        match self {
            Self::F32(matrix) => matrix.columns(),
            Self::Rounded(rounded) => rounded.columns,
        }
    }

    pub(super) fn form(self) -> OperandFormat {
        match self {
            Self::F32(_) => OperandFormat::F32,
            Self::Rounded(rounded) => rounded.form,
        }
    }

    /// Bytes of all rows, padding included, and bytes from one row to the next.
    pub(super) fn bytes(&self) -> (&[u8], usize) {
        match self {
            Self::F32(matrix) => (bytemuck::cast_slice(matrix.as_slice()), matrix.stride() * size_of::<f32>()),
            Self::Rounded(rounded) => (rounded.numbers.as_slice(), rounded.numbers.stride()),
        }
    }

    /// Scales and zero points of the rows, where the form has them.
    pub(super) fn row_scales(&self) -> Option<(&[f32], &[i32])> {
        match self {
            Self::Rounded(Rounded {
                form: OperandFormat::U8 | OperandFormat::I8 | OperandFormat::I16,
                scales,
                zeros,
                ..
            }) => Some((scales, zeros)),
            _ => None,
        }
    }
}

impl Rounded {
    /// Rows of `columns` numbers in `form`; no rows yet.
    pub fn new(form: OperandFormat, columns: usize) -> Self {
        let bytes = match form {
            OperandFormat::F32 => 0,
            OperandFormat::U8 | OperandFormat::I8 => columns.next_multiple_of(4),
            OperandFormat::Bf16 | OperandFormat::I16 => 2 * columns.next_multiple_of(4),
        };
        Self { form, columns, numbers: Matrix::new(bytes), scales: Vec::new(), zeros: Vec::new() }
    }

    /// Changes the number of rows. What they hold is to be written next.
    pub fn set_rows(&mut self, rows: usize) {
        self.numbers.set_rows(rows);
        self.scales.resize(rows, 0.0);
        self.zeros.resize(rows, 0);
    }

    /// Rounds all rows of `from`.
    pub fn round(&mut self, isa: Isa, pool: &ThreadPool, from: &Matrix) {
        assert_eq!(from.columns(), self.columns, "columns");
        self.set_rows(from.rows());
        let to = self.share();
        for_each_chunk(pool, from.rows(), |rows| {
            for row in rows {
                // SAFETY: each row is in one chunk.
                unsafe { to.round_row(isa, row, from.row(row)) };
            }
        });
    }

    /// All rows, to be written by several threads.
    pub(super) fn share(&mut self) -> SharedRounded<'_> {
        SharedRounded {
            form: self.form,
            numbers: self.numbers.share(),
            scales: Shared::new(&mut self.scales),
            zeros: Shared::new(&mut self.zeros),
        }
    }
}

/// The rows of a [`Rounded`], shared.
#[derive(Debug, Clone, Copy)]
pub(super) struct SharedRounded<'a> {
    form: OperandFormat,
    numbers: SharedRows<'a, u8>,
    scales: Shared<'a, f32>,
    zeros: Shared<'a, i32>,
}

impl SharedRounded<'_> {
    /// # Safety
    /// Nobody else uses this row meanwhile.
    pub(super) unsafe fn round_row(&self, isa: Isa, row: usize, from: &[f32]) {
        // SAFETY: the caller's word.
        let (to, scale, zero) =
            unsafe { (self.numbers.padded_row(row), self.scales.slice(row..row + 1), self.zeros.slice(row..row + 1)) };
        match self.form {
            OperandFormat::F32 => unreachable!("f32 is not rounded"),
            OperandFormat::Bf16 => isa.run(Shorten { from, to }),
            OperandFormat::U8 | OperandFormat::I8 | OperandFormat::I16 => {
                (scale[0], zero[0]) = isa.run(Quantise { from, to, form: self.form });
            }
        }
    }
}

/// One row to bfloat16. The loop is plain; the compiler makes vectors of it for the instructions that it runs on.
struct Shorten<'a> {
    from: &'a [f32],
    to: &'a mut [u8],
}

impl Kernel for Shorten<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, _: S) {
        for (x, to) in self.from.iter().zip(self.to.as_chunks_mut().0) {
            *to = bf16::from_f32(*x).to_ne_bytes();
        }
    }
}

/// One row to the bytes of a padded row; gives its scale and its zero point as the products see it.
struct Quantise<'a> {
    from: &'a [f32],
    to: &'a mut [u8],
    form: OperandFormat,
}

impl Kernel for Quantise<'_> {
    type Output = (f32, i32);

    #[inline(always)]
    fn run<S: Simd>(self, s: S) -> (f32, i32) {
        let Range { least, most, poison } = Range::of(s, self.from);
        let (scale, inverse) = if most > least { ((most - least) / 255.0, 255.0 / (most - least)) } else { (1.0, 0.0) };
        let zero = (-least * inverse).round_ties_even();
        let (low, high, shift) = (s.splat(-zero), s.splat(255.0 - zero), s.splat_i32(zero as i32));
        let inverse = s.splat(inverse);
        let bytes = |x| s.add_i32(s.round(s.min(s.max(s.mul(x, inverse), low), high)), shift);
        let (vectors, rest) = self.from.split_at(self.from.len() / S::LANES * S::LANES);
        let mut at = 0;
        for x in vectors.chunks_exact(S::LANES) {
            store::<S>(s, bytes(s.load(x)), self.form, at, self.to);
            at += S::LANES;
        }
        if !rest.is_empty() {
            store::<S>(s, bytes(s.load_or(rest, 0.0)), self.form, at, self.to);
        }
        let offset = if self.form == OperandFormat::I8 { 128 } else { 0 };
        (scale + poison, zero as i32 - offset)
    }
}

/// The ends of a row.
struct Range {
    least: f32,
    most: f32,
    /// 0, or NaN where a number of the row is not finite: added to the scale, it keeps the damage from being hidden.
    poison: f32,
}

impl Range {
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

/// Writes a vector of numbers in 0..=255 as numbers `at..` of a row. What it writes behind the row's end is multiplied
/// with weights of zero.
#[inline(always)]
fn store<S: Simd>(s: S, bytes: S::I32, form: OperandFormat, at: usize, row: &mut [u8]) {
    match form {
        OperandFormat::I16 => {
            let to = &mut row[2 * at..2 * (at + S::LANES)];
            // SAFETY: the line above.
            unsafe { s.store_pairs_to(bytes, to.as_mut_ptr()) }
        }
        _ => {
            let signed = || s.and_i32(s.add_i32(bytes, s.splat_i32(0x80)), s.splat_i32(0xff));
            let bytes = if form == OperandFormat::I8 { signed() } else { bytes };
            let to = &mut row[at..at + S::LANES];
            // SAFETY: the line above.
            unsafe { s.store_bytes_to(bytes, to.as_mut_ptr()) }
        }
    }
}
