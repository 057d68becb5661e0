//! A matrix of a checkpoint, of which the kernels read some rows at a time.

use std::ops::Range;

use ::safetensors::Dtype;
use finsent_kernels::{EmbeddingTable, Precision, TableNumbers, WeightRows, quantize_weights, scale_rows};

use super::packed::PackedRows;
use super::shard::StoredTensor;

/// A matrix of a checkpoint.
#[derive(Debug)]
pub(crate) enum StoredMatrix<'a> {
    /// A tensor of its own.
    Plain(PlainMatrix<'a>),
    /// A part of packed weights.
    Packed(PackedRows<'a>),
}

/// A matrix that is a tensor of its own.
#[derive(Debug)]
pub(crate) struct PlainMatrix<'a> {
    pub(super) stored: StoredTensor<'a>,
    pub(super) columns: usize,
    /// The scale of each row, if the weights are int8.
    pub(super) scales: Option<Vec<f32>>,
}

impl StoredMatrix<'_> {
    fn rows(&self) -> &dyn WeightRows {
        match self {
            Self::Plain(matrix) => matrix,
            Self::Packed(rows) => rows,
        }
    }

    /// A table that is read where it is: in a file of packed weights, or in the program. `None` if it is elsewhere, or if a
    /// model of this precision rounds it.
    pub(crate) fn mapped_table(&self, precision: Precision, rows: usize) -> Option<EmbeddingTable> {
        let Self::Plain(PlainMatrix { stored, columns, scales }) = self else { return None };
        let numbers = stored.shared()?;
        let numbers = match (precision, stored.dtype(), scales) {
            (Precision::F32, Dtype::F32, _) => TableNumbers::F32(&numbers),
            (_, Dtype::BF16, _) => TableNumbers::Bf16(&numbers),
            (Precision::F32 | Precision::Int8, Dtype::I8, Some(scales)) => TableNumbers::Int8(&numbers, scales),
            _ => return None,
        };
        Some(EmbeddingTable::new(&numbers, rows, *columns))
    }
}

impl WeightRows for StoredMatrix<'_> {
    fn read(&self, rows: Range<usize>, to: &mut [f32]) {
        self.rows().read(rows, to);
    }

    fn are_int8(&self) -> bool {
        self.rows().are_int8()
    }

    fn read_int8(&self, rows: Range<usize>, to: &mut [i8], scales: &mut [f32]) {
        self.rows().read_int8(rows, to, scales);
    }
}

impl WeightRows for PlainMatrix<'_> {
    fn read(&self, rows: Range<usize>, to: &mut [f32]) {
        self.stored.read(rows.start * self.columns..rows.end * self.columns, to);
        if let Some(scales) = &self.scales {
            scale_rows(to, &scales[rows]);
        }
    }

    fn are_int8(&self) -> bool {
        self.scales.is_some()
    }

    /// int8 weights are read as they are stored; others are quantized.
    fn read_int8(&self, rows: Range<usize>, to: &mut [i8], to_scales: &mut [f32]) {
        let numbers = rows.start * self.columns..rows.end * self.columns;
        match &self.scales {
            Some(scales) => {
                to_scales.copy_from_slice(&scales[rows]);
                self.stored.with_bytes(numbers, |bytes| to.copy_from_slice(bytemuck::cast_slice(bytes)));
            }
            None => {
                let mut values = vec![0.0; to.len()];
                self.stored.read(numbers, &mut values);
                quantize_weights(&values, to, to_scales);
            }
        }
    }
}
