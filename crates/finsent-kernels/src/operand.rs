//! The left side of a matrix product: activations, in the number format that the product multiplies.

use super::matrix::Matrix;
use super::quantized::QuantizedMatrix;

/// The number format of an operand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OperandFormat {
    /// f32, unchanged.
    F32,
    /// Rounded to bfloat16.
    Bf16,
    /// A byte each, from 0 to 255, with a scale and a zero point per row.
    U8,
    /// The same, less 128, for instructions that take only signed bytes.
    I8,
    /// The same bytes as [`OperandFormat::U8`], in 16 bits each, in the order that products of pairs need.
    I16,
}

/// Activations for a product.
#[derive(Debug, Clone, Copy)]
pub enum Operand<'a> {
    /// Activations in f32.
    F32(&'a Matrix),
    /// Activations in the format in which the product is fastest.
    Quantized(&'a QuantizedMatrix),
}

impl Operand<'_> {
    /// Returns the number of rows, one per token.
    pub fn rows(self) -> usize {
        match self {
            Self::F32(matrix) => matrix.rows(),
            Self::Quantized(matrix) => matrix.rows(),
        }
    }

    pub(super) fn columns(self) -> usize {
        match self {
            Self::F32(matrix) => matrix.columns(),
            Self::Quantized(matrix) => matrix.columns(),
        }
    }

    pub(super) fn format(self) -> OperandFormat {
        match self {
            Self::F32(_) => OperandFormat::F32,
            Self::Quantized(matrix) => matrix.format(),
        }
    }

    /// All rows as bytes, with their padding, and the bytes from the start of one row to the start of the next.
    pub(super) fn bytes(&self) -> (&[u8], usize) {
        match self {
            Self::F32(matrix) => (bytemuck::cast_slice(matrix.as_slice()), matrix.stride() * size_of::<f32>()),
            Self::Quantized(matrix) => matrix.bytes(),
        }
    }

    /// Scales and zero points of the rows, if the format has them.
    pub(super) fn row_scales(&self) -> Option<(&[f32], &[i32])> {
        match self {
            Self::F32(_) => None,
            Self::Quantized(matrix) => matrix.row_scales(),
        }
    }
}
