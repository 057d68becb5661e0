//! Embedding tables: one row per id, read one row at a time.
#![expect(unsafe_code, reason = "threads write the rows of one table at the same time")]

use std::ops::Range;

use bytemuck::Pod;
use half::bf16;

use super::linear::WeightRows;
use super::matrix::Matrix;
use super::partition::for_each_chunk;
use super::shared::SharedSlice;
use super::shared_bytes::SharedBytes;
use crate::precision::Precision;
use crate::thread_pool::ThreadPool;
use crate::weight_memory::WeightStore;

/// Rows to read at a time when a table is loaded.
const CHUNK: usize = 256;

/// An embedding table. Its rows are as exact as those of the checkpoint, or rounded to the precision of the model.
#[derive(Debug, Clone)]
pub struct EmbeddingTable {
    rows: usize,
    columns: usize,
    numbers: Numbers,
}

#[derive(Debug, Clone)]
enum Numbers {
    F32(SharedBytes),
    Bf16(SharedBytes),
    Int8 { bytes: SharedBytes, scales: Vec<f32> },
}

/// The numbers of a table in the types that a file has, row-major and little-endian.
#[derive(Debug)]
pub enum TableNumbers<'a> {
    /// f32.
    F32(&'a SharedBytes),
    /// bfloat16.
    Bf16(&'a SharedBytes),
    /// Signed bytes, with the scale of each row.
    Int8(&'a SharedBytes, &'a [f32]),
}

impl EmbeddingTable {
    /// Reads `[rows, columns]`.
    ///
    /// A table that is stored as int8 is kept as it is, except for [`Precision::Bf16`], which rounds it. For
    /// [`Precision::Int8`], any other is rounded to bfloat16: it takes part in no matrix product, so int8 would only save
    /// memory.
    pub fn load(
        store: &WeightStore,
        pool: &ThreadPool,
        precision: Precision,
        table: &dyn WeightRows,
        [rows, columns]: [usize; 2],
    ) -> Self {
        let new = New { store, pool, table, rows, columns };
        let numbers = match precision {
            Precision::F32 | Precision::Int8 if table.are_int8() => new.load_int8(),
            Precision::F32 => new.load_f32(),
            Precision::Bf16 | Precision::Int8 => new.load_bf16(),
        };
        Self { rows, columns, numbers }
    }

    /// A table `[rows, columns]` whose numbers are read where they are.
    ///
    /// # Panics
    /// If there are not as many numbers, or if they are not aligned for their type.
    pub fn new(numbers: &TableNumbers<'_>, rows: usize, columns: usize) -> Self {
        let (numbers, size) = match *numbers {
            TableNumbers::F32(values) => (Numbers::F32(values.clone()), values.as_slice::<f32>().len()),
            TableNumbers::Bf16(values) => (Numbers::Bf16(values.clone()), values.as_slice::<bf16>().len()),
            TableNumbers::Int8(bytes, scales) => {
                assert_eq!(scales.len(), rows, "scales");
                (Numbers::Int8 { bytes: bytes.clone(), scales: scales.to_vec() }, bytes.as_bytes().len())
            }
        };
        assert_eq!(Some(size), rows.checked_mul(columns), "numbers of a table");
        Self { rows, columns, numbers }
    }

    /// Returns the numbers, in the type of the table.
    pub fn numbers(&self) -> TableNumbers<'_> {
        match &self.numbers {
            Numbers::F32(values) => TableNumbers::F32(values),
            Numbers::Bf16(values) => TableNumbers::Bf16(values),
            Numbers::Int8 { bytes, scales } => TableNumbers::Int8(bytes, scales),
        }
    }

    /// Returns the number of columns.
    pub fn columns(&self) -> usize {
        self.columns
    }

    /// Returns the number of rows, one per id.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Writes to row `i` of `out` the sum of row `ids[i]` of each table, added in the order of the tables.
    ///
    /// # Panics
    /// If a table does not have such a row, or if the shapes do not match.
    pub fn sum_rows(pool: &ThreadPool, tables: &[(&Self, &[u32])], out: &mut Matrix) {
        let rows = tables.first().map_or(0, |(_, ids)| ids.len());
        out.set_rows(rows);
        let out = out.share();
        for_each_chunk(pool, rows, |chunk| {
            for row in chunk {
                // SAFETY: each row is in exactly one chunk.
                let sum = unsafe { out.row(row) };
                sum.fill(0.0);
                tables.iter().for_each(|(table, ids)| table.add_row(ids[row] as usize, sum));
            }
        });
    }

    fn add_row(&self, row: usize, to: &mut [f32]) {
        assert_eq!(to.len(), self.columns, "columns");
        let of_row = row * self.columns..(row + 1) * self.columns;
        match &self.numbers {
            Numbers::F32(values) => {
                to.iter_mut().zip(&values.as_slice::<f32>()[of_row]).for_each(|(to, value)| *to += value);
            }
            Numbers::Bf16(values) => {
                to.iter_mut().zip(&values.as_slice::<bf16>()[of_row]).for_each(|(to, value)| *to += value.to_f32());
            }
            Numbers::Int8 { bytes, scales } => {
                let scale = scales[row];
                to.iter_mut()
                    .zip(&bytes.as_slice::<i8>()[of_row])
                    .for_each(|(to, &byte)| *to += f32::from(byte) * scale);
            }
        }
    }
}

/// A table that is being loaded.
struct New<'a> {
    store: &'a WeightStore,
    pool: &'a ThreadPool,
    table: &'a dyn WeightRows,
    rows: usize,
    columns: usize,
}

impl New<'_> {
    fn load_f32(&self) -> Numbers {
        Numbers::F32(self.fill(|rows, to| self.table.read(rows, to)))
    }

    fn load_bf16(&self) -> Numbers {
        Numbers::Bf16(self.fill(|rows, to: &mut [bf16]| {
            let mut values = vec![0.0; to.len()];
            self.table.read(rows, &mut values);
            to.iter_mut().zip(values).for_each(|(to, value)| *to = bf16::from_f32(value));
        }))
    }

    fn load_int8(&self) -> Numbers {
        let mut scales = vec![0.0; self.rows];
        let to_scales = SharedSlice::new(&mut scales);
        let bytes = self.fill(|rows, to| {
            // SAFETY: each row is filled by exactly one call.
            let scales = unsafe { to_scales.slice(rows.clone()) };
            self.table.read_int8(rows, to, scales);
        });
        Numbers::Int8 { bytes, scales }
    }

    /// The numbers of the table. `read` writes those of some rows: of every row in exactly one call, on all workers.
    fn fill<T: Pod + Send>(&self, read: impl Fn(Range<usize>, &mut [T]) + Sync) -> SharedBytes {
        let len = self.rows * self.columns;
        let mut memory = self.store.zeros::<T>(len);
        let to = SharedSlice::new(&mut memory.as_mut_slice::<T>()[..len]);
        self.pool.run(self.rows.div_ceil(CHUNK), |_, chunk| {
            let rows = chunk * CHUNK..self.rows.min((chunk + 1) * CHUNK);
            // SAFETY: each row is in exactly one chunk.
            let to = unsafe { to.slice(rows.start * self.columns..rows.end * self.columns) };
            read(rows, to);
        });
        SharedBytes::of_memory(memory).part(0..len * size_of::<T>())
    }
}
