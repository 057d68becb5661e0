//! Slices and matrices that several threads write at the same time, each its own part.
//!
//! The types here check bounds, so the only promise that a caller makes is that nobody else uses the same part.
#![expect(unsafe_code, reason = "threads write parts of one slice, which the borrow checker cannot follow")]

use std::marker::PhantomData;
use std::ops::Range;
use std::slice;

/// A slice of which several threads may write parts.
#[derive(Debug)]
pub(super) struct SharedSlice<'a, T> {
    start: *mut T,
    len: usize,
    borrow: PhantomData<&'a mut [T]>,
}

// SAFETY: elements are only reached through `unsafe` functions whose callers promise to use disjoint parts. Sharing the
// slice is therefore no more than sending `&mut` to disjoint parts of it.
unsafe impl<T: Send> Sync for SharedSlice<'_, T> {}
// SAFETY: the same holds for a copy that is sent to another thread.
unsafe impl<T: Send> Send for SharedSlice<'_, T> {}

impl<T> Clone for SharedSlice<'_, T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for SharedSlice<'_, T> {}

impl<'a, T> SharedSlice<'a, T> {
    pub(super) fn new(slice: &'a mut [T]) -> Self {
        Self { start: slice.as_mut_ptr(), len: slice.len(), borrow: PhantomData }
    }

    /// A part of the slice.
    ///
    /// # Safety
    /// As long as the result lives, nothing else uses this part, through this or any other copy.
    ///
    /// # Panics
    /// If the part is not within the slice.
    #[expect(clippy::mut_from_ref, reason = "the caller promises that nothing else uses the part")]
    pub(super) unsafe fn slice(&self, part: Range<usize>) -> &mut [T] {
        assert!(part.start <= part.end && part.end <= self.len, "{part:?} of {}", self.len);
        // SAFETY: `part.start` is within the slice, as asserted.
        let start = unsafe { self.start.add(part.start) };
        // SAFETY: the part is within the slice, which is borrowed for `'a`, and nothing else uses it meanwhile.
        unsafe { slice::from_raw_parts_mut(start, part.len()) }
    }
}

/// The rows of a matrix, of which several threads may write parts.
#[derive(Debug, Clone, Copy)]
pub(super) struct SharedRows<'a, T> {
    data: SharedSlice<'a, T>,
    columns: usize,
    stride: usize,
}

impl<'a, T> SharedRows<'a, T> {
    /// Rows of `columns` numbers, each of which begins `stride` numbers after the one before it.
    pub(super) fn new(data: &'a mut [T], columns: usize, stride: usize) -> Self {
        assert!(columns <= stride, "{columns} columns in {stride}");
        Self { data: SharedSlice::new(data), columns, stride }
    }

    /// A row without its padding.
    ///
    /// # Safety
    /// As long as the result lives, nothing else uses this row.
    #[expect(clippy::mut_from_ref, reason = "the caller promises that nothing else uses the row")]
    pub(super) unsafe fn row(&self, row: usize) -> &mut [T] {
        // SAFETY: the caller vouches for the row.
        unsafe { self.data.slice(row * self.stride..row * self.stride + self.columns) }
    }

    /// A row with its padding.
    ///
    /// # Safety
    /// As long as the result lives, nothing else uses this row.
    #[expect(clippy::mut_from_ref, reason = "the caller promises that nothing else uses the row")]
    pub(super) unsafe fn padded_row(&self, row: usize) -> &mut [T] {
        // SAFETY: the caller vouches for the row.
        unsafe { self.data.slice(row * self.stride..(row + 1) * self.stride) }
    }

    /// Some columns of some rows.
    ///
    /// # Safety
    /// As long as the result lives, nothing else uses these columns of these rows.
    ///
    /// # Panics
    /// If the block is not within the matrix.
    pub(super) unsafe fn block(&self, rows: Range<usize>, columns: Range<usize>) -> Block<'a, T> {
        assert!(columns.start <= columns.end && columns.end <= self.columns, "{columns:?} of {}", self.columns);
        let (start, end) = (rows.start * self.stride + columns.start, rows.end * self.stride);
        assert!(rows.start <= rows.end && end <= self.data.len, "{rows:?} of rows in {}", self.data.len);
        // It is used only if the block has a number, and then it is within the slice.
        let start = self.data.start.wrapping_add(start);
        Block { start, rows: rows.len(), columns: columns.len(), stride: self.stride, borrow: PhantomData }
    }
}

/// Some columns of some rows of a matrix, borrowed exclusively.
///
/// It is a pointer, because a slice would contain the columns of others between two rows.
#[derive(Debug)]
pub(super) struct Block<'a, T> {
    start: *mut T,
    rows: usize,
    columns: usize,
    stride: usize,
    borrow: PhantomData<&'a mut [T]>,
}

impl<'a, T> Block<'a, T> {
    /// The first `columns` of each row, of rows that are `stride` numbers long.
    pub(super) fn new(data: &'a mut [T], columns: usize, stride: usize) -> Self {
        assert!(columns <= stride, "{columns} columns in {stride}");
        let rows = data.len() / stride;
        Self { start: data.as_mut_ptr(), rows, columns, stride, borrow: PhantomData }
    }

    /// The same block, to be given away for a while.
    pub(super) fn reborrow(&mut self) -> Block<'_, T> {
        Block { ..*self }
    }

    pub(super) fn rows(&self) -> usize {
        self.rows
    }

    pub(super) fn columns(&self) -> usize {
        self.columns
    }

    /// A row of the block.
    pub(super) fn row_mut(&mut self, row: usize) -> &mut [T] {
        assert!(row < self.rows, "row {row} of {}", self.rows);
        // SAFETY: row and column are within the block.
        let start = unsafe { self.at(row, 0) };
        // SAFETY: the row is within the block, which is borrowed exclusively.
        unsafe { slice::from_raw_parts_mut(start, self.columns) }
    }

    /// Points to a number of the block. The next rows follow in steps of [`Block::stride`].
    ///
    /// # Safety
    /// The block has a number at this row and column.
    #[inline(always)]
    pub(super) unsafe fn at(&self, row: usize, column: usize) -> *mut T {
        // SAFETY: the number is within the matrix of the block.
        unsafe { self.start.add(row * self.stride + column) }
    }

    /// Numbers from the start of one row to the start of the next.
    #[inline(always)]
    pub(super) fn stride(&self) -> usize {
        self.stride
    }
}

#[cfg(test)]
mod tests {
    use std::panic::{AssertUnwindSafe, catch_unwind};

    use super::*;

    #[test]
    fn threads_write_disjoint_blocks_at_the_same_time() {
        let mut data = vec![0; 4 * 10];
        let rows = SharedRows::new(&mut data, 9, 10);
        std::thread::scope(|scope| {
            for part in 0..3 {
                scope.spawn(move || {
                    // SAFETY: each thread has columns of its own.
                    let mut block = unsafe { rows.block(1..4, 3 * part..3 * part + 3) };
                    for row in 0..block.rows() {
                        block.row_mut(row).fill(10 * part + row);
                    }
                });
            }
        });
        assert_eq!(data[..10], [0; 10]);
        assert_eq!(data[10..20], [0, 0, 0, 10, 10, 10, 20, 20, 20, 0]);
        assert_eq!(data[30..], [2, 2, 2, 12, 12, 12, 22, 22, 22, 0]);
    }

    #[test]
    fn parts_beyond_the_end_panic() {
        let mut data = vec![0; 2 * 10];
        let rows = SharedRows::new(&mut data, 9, 10);
        for (rows_of_block, columns) in [(0..3, 0..9), (0..2, 0..10), (2..3, 0..0)] {
            // SAFETY: there is only one thread, and it drops the block at once.
            let block = catch_unwind(AssertUnwindSafe(|| unsafe { rows.block(rows_of_block, columns) }.rows()));
            assert!(block.is_err());
        }
        // SAFETY: there is only one thread, and it drops the row at once.
        assert!(catch_unwind(AssertUnwindSafe(|| unsafe { rows.row(2) }.len())).is_err());
    }
}
