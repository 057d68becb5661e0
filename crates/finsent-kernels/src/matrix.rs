//! Matrices that begin each row on a cache line, and what lets several threads write parts of one.

use std::marker::PhantomData;
use std::ops::Range;
use std::slice;

use bytemuck::{Pod, Zeroable};

/// Bytes of a cache line, and of the widest vector.
pub(super) const LINE: usize = 64;
/// Bytes after which the first-level cache uses the same place again (64 sets of one line, on x86). Rows that are a
/// multiple of it apart would drive each other out.
const CACHE_WAY: usize = 4096;

#[derive(Debug, Clone, Copy)]
#[repr(C, align(64))]
struct Line([u8; LINE]);

// SAFETY: bytes, of which every pattern is valid, all zeros included.
unsafe impl Zeroable for Line {}
// SAFETY: an array of bytes as large as its alignment, so there is no padding, and every pattern is valid.
unsafe impl Pod for Line {}

/// Memory that begins on a cache line.
#[derive(Debug, Default)]
pub(super) struct Lines(Vec<Line>);

impl Lines {
    /// All zeros.
    pub(super) fn zeros<T: Pod>(len: usize) -> Self {
        let mut lines = Self::default();
        lines.grow::<T>(len);
        lines
    }

    /// At least `len` numbers; the new ones are zeros.
    pub(super) fn grow<T: Pod>(&mut self, len: usize) {
        let lines = (len * size_of::<T>()).div_ceil(LINE);
        if lines > self.0.len() {
            self.0.reserve_exact(lines - self.0.len());
            self.0.resize(lines, Line::zeroed());
        }
    }

    pub(super) fn as_slice<T: Pod>(&self) -> &[T] {
        bytemuck::cast_slice(&self.0)
    }

    pub(super) fn as_mut_slice<T: Pod>(&mut self) -> &mut [T] {
        bytemuck::cast_slice_mut(&mut self.0)
    }
}

/// Numbers from the beginning of one row to that of the next, for rows of `columns` numbers.
fn padded<T>(columns: usize) -> usize {
    let bytes = (columns * size_of::<T>()).next_multiple_of(LINE);
    let bytes = if bytes.is_multiple_of(CACHE_WAY) { bytes + LINE } else { bytes };
    bytes / size_of::<T>()
}

/// A row-major matrix whose number of rows changes from pass to pass. What pads its rows is finite: zero, in one of f32.
#[derive(Debug)]
pub struct Matrix<T = f32> {
    rows: usize,
    columns: usize,
    stride: usize,
    data: Lines,
    numbers: PhantomData<T>,
}

impl<T: Pod> Matrix<T> {
    /// No rows yet.
    pub fn new(columns: usize) -> Self {
        Self { rows: 0, columns, stride: padded::<T>(columns), data: Lines::default(), numbers: PhantomData }
    }

    /// Number of rows.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Number of columns, padding not counted.
    pub fn columns(&self) -> usize {
        self.columns
    }

    /// Numbers from row to row.
    pub(super) fn stride(&self) -> usize {
        self.stride
    }

    /// Changes the number of rows. What they hold is to be written next. Memory grows, and never shrinks.
    pub fn set_rows(&mut self, rows: usize) {
        self.data.grow::<T>(rows * self.stride);
        self.rows = rows;
    }

    /// A row, without its padding.
    pub fn row(&self, row: usize) -> &[T] {
        &self.data.as_slice()[row * self.stride..][..self.columns]
    }

    /// The same, to be written.
    pub fn row_mut(&mut self, row: usize) -> &mut [T] {
        &mut self.data.as_mut_slice()[row * self.stride..][..self.columns]
    }

    /// All rows, padding included.
    pub(super) fn as_slice(&self) -> &[T] {
        &self.data.as_slice()[..self.rows * self.stride]
    }

    /// All rows, to be written in parts by several threads.
    pub(super) fn share(&mut self) -> SharedRows<'_, T> {
        let (rows, columns, stride) = (self.rows, self.columns, self.stride);
        SharedRows { data: Shared::new(&mut self.data.as_mut_slice()[..rows * stride]), columns, stride }
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

/// The rows of a [`Matrix`], shared.
#[derive(Debug, Clone, Copy)]
pub(super) struct SharedRows<'a, T> {
    data: Shared<'a, T>,
    columns: usize,
    pub(super) stride: usize,
}

impl<T> SharedRows<'_, T> {
    /// # Safety
    /// Nobody else uses this row meanwhile.
    #[expect(clippy::mut_from_ref, reason = "the caller's word that nobody else has it")]
    pub(super) unsafe fn row(&self, row: usize) -> &mut [T] {
        // SAFETY: the caller's word.
        unsafe { self.data.slice(row * self.stride..row * self.stride + self.columns) }
    }

    /// The row with its padding.
    ///
    /// # Safety
    /// Nobody else uses this row meanwhile.
    #[expect(clippy::mut_from_ref, reason = "the caller's word that nobody else has it")]
    pub(super) unsafe fn padded_row(&self, row: usize) -> &mut [T] {
        // SAFETY: the caller's word.
        unsafe { self.data.slice(row * self.stride..(row + 1) * self.stride) }
    }

    /// # Safety
    /// Nobody else uses this part of the row meanwhile.
    #[expect(clippy::mut_from_ref, reason = "the caller's word that nobody else has it")]
    pub(super) unsafe fn part(&self, row: usize, columns: Range<usize>) -> &mut [T] {
        assert!(columns.end <= self.columns, "{columns:?} of {}", self.columns);
        // SAFETY: the caller's word.
        unsafe { self.data.slice(row * self.stride + columns.start..row * self.stride + columns.end) }
    }

    /// Where a number is kept.
    pub(super) fn at(&self, row: usize, column: usize) -> *mut T {
        assert!(row * self.stride + column <= self.data.len);
        self.data.start.wrapping_add(row * self.stride + column)
    }
}

/// A slice of which several threads write parts.
#[derive(Debug)]
pub(super) struct Shared<'a, T> {
    start: *mut T,
    len: usize,
    borrow: PhantomData<&'a mut [T]>,
}

// SAFETY: whoever uses a part has promised to be the only one, so this is no more than sending `&mut` parts.
unsafe impl<T: Send> Sync for Shared<'_, T> {}
// SAFETY: as above.
unsafe impl<T: Send> Send for Shared<'_, T> {}

impl<T> Clone for Shared<'_, T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Shared<'_, T> {}

impl<'a, T> Shared<'a, T> {
    pub(super) fn new(slice: &'a mut [T]) -> Self {
        Self { start: slice.as_mut_ptr(), len: slice.len(), borrow: PhantomData }
    }

    /// # Safety
    /// Nobody else uses this part meanwhile.
    ///
    /// # Panics
    /// When the part is not within the slice.
    #[expect(clippy::mut_from_ref, reason = "the caller's word that nobody else has it")]
    pub(super) unsafe fn slice(&self, part: Range<usize>) -> &mut [T] {
        assert!(part.start <= part.end && part.end <= self.len, "{part:?} of {}", self.len);
        // SAFETY: within the slice by the line above, and used by nobody else by the caller's word.
        unsafe { slice::from_raw_parts_mut(self.start.add(part.start), part.len()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_begin_on_cache_lines_and_not_in_the_same_place_of_the_cache() {
        for columns in [1, 3, 16, 17, 312, 768, 1024, 3072, 4096] {
            let mut matrix = Matrix::<f32>::new(columns);
            matrix.set_rows(3);
            assert!(matrix.stride() >= columns && matrix.stride() < columns + 32, "{columns}");
            assert_ne!(matrix.stride() * size_of::<f32>() % CACHE_WAY, 0, "{columns}");
            for row in 0..3 {
                assert_eq!(matrix.row(row).as_ptr().align_offset(LINE), 0, "{columns}");
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
