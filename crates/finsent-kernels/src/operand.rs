//! The left side of a matrix product: activations, in the number format that the product multiplies.

use super::matrix::Matrix;
use super::operand_format::OperandFormat;
use super::quantized::QuantizedMatrix;

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
