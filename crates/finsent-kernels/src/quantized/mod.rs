//! Activations in another number format than f32: bfloat16, or bytes with a scale and a zero point per row.
#![expect(unsafe_code, reason = "threads write the rows of one matrix at the same time")]

mod bytes;

use half::bf16;

use self::bytes::QuantizeRow;
use super::isa::Isa;
use super::matrix::Matrix;
use super::operand_format::OperandFormat;
use super::partition::for_each_chunk;
use super::shared::{SharedRows, SharedSlice};
use super::simd::{Kernel, Simd};
use crate::thread_pool::ThreadPool;

/// Activations in another number format than f32.
#[derive(Debug)]
pub struct QuantizedMatrix {
    format: OperandFormat,
    columns: usize,
    /// Numbers in `format`, as bytes.
    numbers: Matrix<u8>,
    /// The scale of each row, in formats of bytes.
    scales: Vec<f32>,
    /// The zero point of each row, in formats of bytes.
    zeros: Vec<i32>,
}

impl QuantizedMatrix {
    /// Creates a matrix of `columns` numbers per row in `format`, without rows.
    pub fn new(format: OperandFormat, columns: usize) -> Self {
        let bytes = match format {
            OperandFormat::F32 => 0,
            OperandFormat::U8 | OperandFormat::I8 => columns.next_multiple_of(8),
            OperandFormat::Bf16 | OperandFormat::I16 => 2 * columns.next_multiple_of(4),
        };
        Self { format, columns, numbers: Matrix::new(bytes), scales: Vec::new(), zeros: Vec::new() }
    }

    /// Changes the number of rows. Their content is unspecified until it is written.
    pub fn set_rows(&mut self, rows: usize) {
        self.numbers.set_rows(rows);
        self.scales.resize(rows, 0.0);
        self.zeros.resize(rows, 0);
    }

    /// Quantizes all rows of `from`.
    ///
    /// # Panics
    /// If the numbers of columns differ, or the format is [`OperandFormat::F32`].
    pub fn quantize(&mut self, isa: Isa, pool: &ThreadPool, from: &Matrix) {
        assert_eq!(from.columns(), self.columns, "columns");
        self.set_rows(from.rows());
        let to = self.share();
        for_each_chunk(pool, from.rows(), |rows| {
            for row in rows {
                // SAFETY: each row is in exactly one chunk.
                unsafe { to.quantize_row(isa, row, from.row(row)) };
            }
        });
    }

    pub(super) fn rows(&self) -> usize {
        self.numbers.rows()
    }

    pub(super) fn columns(&self) -> usize {
        self.columns
    }

    pub(super) fn format(&self) -> OperandFormat {
        self.format
    }

    /// All rows as bytes, with their padding, and the bytes from the start of one row to the start of the next.
    pub(super) fn bytes(&self) -> (&[u8], usize) {
        (self.numbers.as_slice(), self.numbers.stride())
    }

    /// Scales and zero points of the rows, if the format has them.
    pub(super) fn row_scales(&self) -> Option<(&[f32], &[i32])> {
        match self.format {
            OperandFormat::F32 | OperandFormat::Bf16 => None,
            OperandFormat::U8 | OperandFormat::I8 | OperandFormat::I16 => Some((&self.scales, &self.zeros)),
        }
    }

    /// Shares all rows among threads that write them.
    pub(super) fn share(&mut self) -> SharedQuantized<'_> {
        SharedQuantized {
            format: self.format,
            numbers: self.numbers.share(),
            scales: SharedSlice::new(&mut self.scales),
            zeros: SharedSlice::new(&mut self.zeros),
        }
    }
}

/// The rows of a [`QuantizedMatrix`], of which several threads may write their own.
#[derive(Debug, Clone, Copy)]
pub(super) struct SharedQuantized<'a> {
    format: OperandFormat,
    numbers: SharedRows<'a, u8>,
    scales: SharedSlice<'a, f32>,
    zeros: SharedSlice<'a, i32>,
}

impl SharedQuantized<'_> {
    /// Quantizes `from` into a row.
    ///
    /// # Safety
    /// Nothing else uses this row during the call.
    pub(super) unsafe fn quantize_row(&self, isa: Isa, row: usize, from: &[f32]) {
        // SAFETY: the caller vouches for the row.
        let to = unsafe { self.numbers.padded_row(row) };
        match self.format {
            OperandFormat::F32 => unreachable!("f32 is not quantized"),
            OperandFormat::Bf16 => isa.run(RoundToBf16 { from, to }),
            OperandFormat::U8 | OperandFormat::I8 | OperandFormat::I16 => {
                // SAFETY: the caller vouches for the row.
                let scale = unsafe { self.scales.slice(row..row + 1) };
                // SAFETY: as above.
                let zero = unsafe { self.zeros.slice(row..row + 1) };
                (scale[0], zero[0]) = isa.run(QuantizeRow { from, to, format: self.format });
            }
        }
    }
}

/// Rounds a row to bfloat16. The compiler vectorizes this plain loop for the instructions that it is compiled for.
struct RoundToBf16<'a> {
    from: &'a [f32],
    to: &'a mut [u8],
}

impl Kernel for RoundToBf16<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, _: S) {
        for (x, to) in self.from.iter().zip(self.to.as_chunks_mut().0) {
            *to = bf16::from_f32(*x).to_ne_bytes();
        }
    }
}
