//! The queries, keys and values of a head, rounded and in the order in which the products read them.

use super::head::Head;
use super::rounding::{Rows, ScoreFormat, ValueFormat, store_lanes};
use crate::aligned::AlignedBuffer;
use crate::narrow::NarrowVectors;
use crate::product::Product;
use crate::simd::{MAX_LANES, Simd};

/// Rows of lanes, `[queries, stride]`.
pub(super) struct PackedQueries<'p> {
    pub(super) lanes: &'p [i32],
    pub(super) stride: usize,
    /// The scale of each query.
    pub(super) scales: &'p [f32],
}

/// Panels whose columns are the keys, `[panels, steps, NR]`.
pub(super) struct PackedKeys<'p> {
    pub(super) lanes: &'p [i32],
    pub(super) steps: usize,
    /// The scale of each column.
    pub(super) scales: &'p [f32],
    /// What the sums of each column have too much.
    pub(super) excess: &'p [i32],
}

/// Panels whose steps are the values, `[panels, steps, NR]`.
pub(super) struct PackedValues<'p> {
    pub(super) lanes: &'p [i32],
    pub(super) steps: usize,
    /// The scale of each column.
    pub(super) scales: &'p [f32],
    /// As many zeros.
    pub(super) zeros: &'p [f32],
}

/// The lanes of a row of `size` numbers: whole vectors.
fn row_lanes<S: Simd>(size: usize, group: usize) -> usize {
    size.div_ceil(group).next_multiple_of(S::LANES)
}

/// Rows from `first` on, up to `LANES`. Those after the last one are empty.
#[inline(always)]
fn next_rows<'r, S: Simd>(rows: usize, first: usize, row: impl Fn(usize) -> &'r [f32]) -> Rows<'r> {
    let mut next: Rows<'r> = [&[]; MAX_LANES];
    for (index, next) in (first..rows.min(first + S::LANES)).zip(&mut next) {
        *next = row(index);
    }
    next
}

impl<'p> PackedQueries<'p> {
    #[inline(always)]
    pub(super) fn pack<S: NarrowVectors, F: ScoreFormat<S>>(
        s: S,
        format: F,
        head: &Head<'_>,
        [lanes, scales]: [&'p mut AlignedBuffer; 2],
    ) -> Self {
        let stride = row_lanes::<S>(head.size(), F::Product::GROUP);
        let queries = head.queries().next_multiple_of(S::LANES);
        lanes.grow::<i32>(queries * stride);
        scales.grow::<f32>(queries);
        let (lanes, scales) = (&mut lanes.as_mut_slice()[..queries * stride], &mut scales.as_mut_slice()[..queries]);
        let blocks = lanes.chunks_exact_mut(S::LANES * stride).zip(scales.chunks_exact_mut(S::LANES));
        for (index, (lanes, scales)) in blocks.enumerate() {
            let rows = next_rows::<S>(head.queries(), index * S::LANES, |row| head.query(row));
            lanes.fill(0);
            s.store(format.pack_queries(s, &rows, lanes, stride), scales);
        }
        Self { lanes, stride, scales }
    }
}

impl<'p> PackedKeys<'p> {
    #[inline(always)]
    pub(super) fn pack<S: NarrowVectors, F: ScoreFormat<S>>(
        s: S,
        format: F,
        head: &Head<'_>,
        [lanes, scales, excess, block]: [&'p mut AlignedBuffer; 4],
    ) -> Self {
        let (steps, stride) = (head.size().div_ceil(F::Product::GROUP), row_lanes::<S>(head.size(), F::Product::GROUP));
        let keys = head.tokens().next_multiple_of(S::NR);
        lanes.grow::<i32>(keys * steps);
        scales.grow::<f32>(keys);
        excess.grow::<i32>(keys);
        block.grow::<i32>(S::LANES * stride);
        let lanes = &mut lanes.as_mut_slice::<i32>()[..keys * steps];
        let (scales, excess) = (&mut scales.as_mut_slice::<f32>()[..keys], &mut excess.as_mut_slice::<i32>()[..keys]);
        let block = &mut block.as_mut_slice::<i32>()[..S::LANES * stride];
        for first in (0..keys).step_by(S::LANES) {
            let rows = next_rows::<S>(head.tokens(), first, |row| head.key(row));
            block.fill(0);
            let (scale, too_much) = format.pack_keys(s, &rows, block, stride);
            s.store(scale, &mut scales[first..]);
            store_lanes(s, too_much, &mut excess[first..]);
            let (panel, column) = (first / S::NR, first % S::NR);
            transpose_rows(s, block, stride, &mut lanes[panel * steps * S::NR..(panel + 1) * steps * S::NR], column);
        }
        Self { lanes, steps, scales, excess }
    }
}

/// Writes rows of lanes, `[LANES, stride]`, to as many columns of a panel, `[steps, NR]`.
#[inline(always)]
fn transpose_rows<S: Simd>(s: S, rows: &[i32], stride: usize, panel: &mut [i32], column: usize) {
    for (index, steps) in panel.chunks_mut(S::LANES * S::NR).enumerate() {
        let mut square = [s.splat(0.0); MAX_LANES];
        for (row, vector) in rows.chunks_exact(stride).zip(&mut square) {
            *vector = s.load(bytemuck::cast_slice(&row[index * S::LANES..]));
        }
        s.transpose(&mut square);
        for (step, vector) in steps.chunks_exact_mut(S::NR).zip(square) {
            s.store(vector, bytemuck::cast_slice_mut(&mut step[column..]));
        }
    }
}

impl<'p> PackedValues<'p> {
    #[inline(always)]
    pub(super) fn pack<S: NarrowVectors, F: ValueFormat<S>>(
        s: S,
        format: F,
        head: &Head<'_>,
        [lanes, scales]: [&'p mut AlignedBuffer; 2],
    ) -> Self {
        let (steps, columns) = (head.tokens().div_ceil(F::GROUP), head.size().next_multiple_of(S::NR));
        lanes.grow::<i32>(columns * steps);
        scales.grow::<f32>(3 * columns);
        let lanes = &mut lanes.as_mut_slice::<i32>()[..columns * steps];
        let (scales, rest) = scales.as_mut_slice::<f32>()[..3 * columns].split_at_mut(columns);
        let (zeros, inverses) = rest.split_at_mut(columns);
        zeros.fill(0.0);
        format.scale_columns(s, (0..head.tokens()).map(|row| head.value(row)), scales);
        for (scales, inverses) in scales.chunks_exact(S::LANES).zip(inverses.chunks_exact_mut(S::LANES)) {
            s.store(s.div(s.splat(1.0), s.load(scales)), inverses);
        }
        for step in 0..steps {
            let tokens = step * F::GROUP..head.tokens().min((step + 1) * F::GROUP);
            let mut rows: [&[f32]; 4] = [&[]; 4];
            for (token, row) in tokens.zip(&mut rows) {
                *row = head.value(token);
            }
            for column in (0..columns).step_by(S::LANES) {
                let (panel, column_of_panel) = (column / S::NR, column % S::NR);
                let mut numbers = [s.splat(0.0); 4];
                for (numbers, row) in numbers[..F::GROUP].iter_mut().zip(rows) {
                    *numbers = s.load_or(row.get(column..).unwrap_or_default(), 0.0);
                }
                let packed = format.pack(s, numbers, s.load(&inverses[column..]));
                store_lanes(s, packed, &mut lanes[(panel * steps + step) * S::NR + column_of_panel..]);
            }
        }
        Self { lanes, steps, scales, zeros }
    }
}

impl Head<'_> {
    /// The numbers of a query.
    #[inline(always)]
    fn query(&self, query: usize) -> &[f32] {
        &self.query.row(self.query_rows.start + query)[self.columns.clone()]
    }

    /// The numbers of a key.
    #[inline(always)]
    fn key(&self, token: usize) -> &[f32] {
        &self.key_value.row(self.rows.start + token)[self.columns.clone()]
    }

    /// The numbers of a value.
    #[inline(always)]
    fn value(&self, token: usize) -> &[f32] {
        let hidden_size = self.query.columns();
        &self.key_value.row(self.rows.start + token)[hidden_size + self.columns.start..hidden_size + self.columns.end]
    }
}
