//! Tables of embeddings: a row a number, read one at a time.

use std::ops::Range;

use half::bf16;

use super::linear::WeightRows;
use super::matrix::{Matrix, Shared};
use super::rows::for_each_chunk;
use crate::precision::Precision;
use crate::thread_pool::ThreadPool;

/// Rows that are read at a time when a table is loaded.
const CHUNK: usize = 256;

/// A table, kept in the precision of the model.
#[derive(Debug)]
pub struct Table {
    rows: usize,
    columns: usize,
    numbers: Numbers,
}

#[derive(Debug)]
enum Numbers {
    F32(Vec<f32>),
    Bf16(Vec<bf16>),
    Int8 { bytes: Vec<i8>, scales: Vec<f32> },
}

impl Table {
    /// Reads `[rows, columns]`. int8 takes a table as it is stored if that is int8, and bfloat16 otherwise: nothing is
    /// multiplied with it, so bytes would save memory only.
    pub fn load(pool: &ThreadPool, precision: Precision, table: &dyn WeightRows, rows: usize, columns: usize) -> Self {
        let len = rows * columns;
        let precision = if precision == Precision::Int8 && !table.are_int8() { Precision::Bf16 } else { precision };
        let numbers = match precision {
            Precision::F32 => {
                let mut values = vec![0.0; len];
                let to = Shared::new(&mut values);
                for_each_part(pool, rows, |rows| {
                    // SAFETY: each row is in one part.
                    let to = unsafe { to.slice(rows.start * columns..rows.end * columns) };
                    table.read(rows, to);
                });
                Numbers::F32(values)
            }
            Precision::Bf16 => {
                let mut values = vec![bf16::ZERO; len];
                let to = Shared::new(&mut values);
                for_each_part(pool, rows, |rows| {
                    // SAFETY: each row is in one part.
                    let to = unsafe { to.slice(rows.start * columns..rows.end * columns) };
                    let mut values = vec![0.0; to.len()];
                    table.read(rows, &mut values);
                    to.iter_mut().zip(values).for_each(|(to, value)| *to = bf16::from_f32(value));
                });
                Numbers::Bf16(values)
            }
            Precision::Int8 => {
                let (mut bytes, mut scales) = (vec![0; len], vec![0.0; rows]);
                let (to, to_scales) = (Shared::new(&mut bytes), Shared::new(&mut scales));
                for_each_part(pool, rows, |rows| {
                    // SAFETY: each row is in one part.
                    let (to, scales) =
                        unsafe { (to.slice(rows.start * columns..rows.end * columns), to_scales.slice(rows.clone())) };
                    table.read_int8(rows, to, scales);
                });
                Numbers::Int8 { bytes, scales }
            }
        };
        Self { rows, columns, numbers }
    }

    /// Number of rows, an id each.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Writes to row `i` of `out` the sum of the rows `ids[i]` of the tables, in their order.
    ///
    /// # Panics
    /// When a table has no such row, or the shapes do not fit.
    pub fn sum_rows(pool: &ThreadPool, tables: &[(&Self, &[u32])], out: &mut Matrix) {
        let rows = tables.first().map_or(0, |(_, ids)| ids.len());
        out.set_rows(rows);
        let out = out.share();
        for_each_chunk(pool, rows, |chunk| {
            for row in chunk {
                // SAFETY: each row is in one chunk.
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
            Numbers::F32(values) => to.iter_mut().zip(&values[of_row]).for_each(|(to, value)| *to += value),
            Numbers::Bf16(values) => to.iter_mut().zip(&values[of_row]).for_each(|(to, value)| *to += value.to_f32()),
            Numbers::Int8 { bytes, scales } => {
                let scale = scales[row];
                to.iter_mut().zip(&bytes[of_row]).for_each(|(to, &byte)| *to += f32::from(byte) * scale);
            }
        }
    }
}

fn for_each_part(pool: &ThreadPool, rows: usize, body: impl Fn(Range<usize>) + Sync) {
    pool.run(rows.div_ceil(CHUNK), |_, part| body(part * CHUNK..rows.min((part + 1) * CHUNK)));
}
