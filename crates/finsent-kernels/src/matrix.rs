//! Matrices whose rows begin on cache lines.

use std::marker::PhantomData;

use bytemuck::Pod;

use super::aligned::{AlignedBuffer, CACHE_LINE};
use super::shared::SharedRows;

/// Bytes after which the first-level cache uses the same place again (64 sets of one line, on x86). Rows whose distance
/// is a multiple of it would evict each other.
const CACHE_WAY: usize = 4096;

/// Numbers from the start of one row to the start of the next, for rows of `columns` numbers.
fn padded_len<T>(columns: usize) -> usize {
    let bytes = (columns * size_of::<T>()).next_multiple_of(CACHE_LINE);
    let bytes = if bytes.is_multiple_of(CACHE_WAY) { bytes + CACHE_LINE } else { bytes };
    bytes / size_of::<T>()
}

/// A row-major matrix whose number of rows may change from pass to pass. The numbers that pad its rows are finite, and
/// zero in a matrix of f32.
#[derive(Debug)]
pub struct Matrix<T = f32> {
    rows: usize,
    columns: usize,
    stride: usize,
    data: AlignedBuffer,
    numbers: PhantomData<T>,
}

impl<T: Pod> Matrix<T> {
    /// Creates a matrix without rows.
    pub fn new(columns: usize) -> Self {
        Self {
            rows: 0,
            columns,
            stride: padded_len::<T>(columns),
            data: AlignedBuffer::default(),
            numbers: PhantomData,
        }
    }

    /// Returns the number of rows.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Returns the number of columns, without padding.
    pub fn columns(&self) -> usize {
        self.columns
    }

    /// Numbers from the start of one row to the start of the next.
    pub(super) fn stride(&self) -> usize {
        self.stride
    }

    /// Changes the number of rows. Their content is unspecified until it is written. Memory grows and never shrinks.
    pub fn set_rows(&mut self, rows: usize) {
        self.data.grow::<T>(rows * self.stride);
        self.rows = rows;
    }

    /// Returns a row, without its padding.
    pub fn row(&self, row: usize) -> &[T] {
        &self.data.as_slice()[row * self.stride..][..self.columns]
    }

    /// Returns a row to write to, without its padding.
    pub fn row_mut(&mut self, row: usize) -> &mut [T] {
        &mut self.data.as_mut_slice()[row * self.stride..][..self.columns]
    }

    /// All rows, padding included.
    pub(super) fn as_slice(&self) -> &[T] {
        &self.data.as_slice()[..self.rows * self.stride]
    }

    /// Shares all rows among threads that write parts of them.
    pub(super) fn share(&mut self) -> SharedRows<'_, T> {
        let (rows, columns, stride) = (self.rows, self.columns, self.stride);
        SharedRows::new(&mut self.data.as_mut_slice()[..rows * stride], columns, stride)
    }

    #[cfg(test)]
    pub(super) fn from_rows(columns: usize, values: &[T]) -> Self {
        let mut matrix = Self::new(columns);
        matrix.set_rows(values.len() / columns);
        for (row, values) in values.chunks(columns).enumerate() {
            matrix.row_mut(row).copy_from_slice(values);
        }
        matrix
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_begin_on_cache_lines_of_different_cache_sets() {
        for columns in [1, 3, 16, 17, 312, 768, 1024, 3072, 4096] {
            let mut matrix = Matrix::<f32>::new(columns);
            matrix.set_rows(3);
            assert!(matrix.stride() >= columns && matrix.stride() < columns + 32, "{columns}");
            assert_ne!(matrix.stride() * size_of::<f32>() % CACHE_WAY, 0, "{columns}");
            for row in 0..3 {
                assert_eq!(matrix.row(row).as_ptr().align_offset(CACHE_LINE), 0, "{columns}");
                assert_eq!(matrix.row(row).len(), columns);
            }
        }
    }

    #[test]
    fn padding_stays_zero() {
        let mut matrix = Matrix::<u8>::new(5);
        for rows in [2, 7, 1, 9] {
            matrix.set_rows(rows);
            (0..rows).for_each(|row| matrix.row_mut(row).fill(0xff));
            assert!(matrix.as_slice().chunks(matrix.stride()).all(|row| row[5..].iter().all(|&pad| pad == 0)));
        }
    }
}
