//! The source of the weights of a layer.

use std::ops::Range;

/// A matrix of weights that can be read in parts: row-major `[outputs, inputs]`, as checkpoints store it.
pub trait WeightRows: Sync {
    /// Writes the given rows to `to`, one after the other.
    fn read(&self, rows: Range<usize>, to: &mut [f32]);

    /// Returns whether the matrix is stored as int8, so that [`WeightRows::read_int8`] loses nothing.
    fn are_int8(&self) -> bool;

    /// Writes the given rows as int8, with the scale of each: as they are stored, or as
    /// [`quantize_weights`](crate::quantize_weights) rounds them.
    fn read_int8(&self, rows: Range<usize>, to: &mut [i8], scales: &mut [f32]);
}
