//! A matrix of a checkpoint, of which the kernels read some rows at a time.

use std::ops::Range;

use finsent_kernels::{WeightRows, quantize_weights, scale_rows};

use super::shard::StoredTensor;

/// A matrix of a checkpoint.
#[derive(Debug)]
pub(crate) struct StoredMatrix<'a> {
    pub(super) stored: StoredTensor<'a>,
    pub(super) columns: usize,
    /// The scale of each row, if the weights are int8.
    pub(super) scales: Option<Vec<f32>>,
}

impl WeightRows for StoredMatrix<'_> {
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
                self.stored.with_bytes(numbers, |bytes| {
                    to.iter_mut().zip(bytes).for_each(|(to, byte)| *to = byte.cast_signed());
                });
            }
            None => {
                let mut values = vec![0.0; to.len()];
                self.stored.read(numbers, &mut values);
                quantize_weights(&values, to, to_scales);
            }
        }
    }
}
