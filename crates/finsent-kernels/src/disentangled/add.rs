//! Adds the products with positions to the scores.
//!
//! If the distance grows by one, its position is the same or the next. The numbers for a vector of distances are therefore
//! among as many neighbors, and a permutation of a vector brings each to its lane. The products of keys have one row for
//! each key, and scores have one for each query: they are transposed on the way, a square of vectors at a time.

use std::ops::Range;

use super::distances::{Distances, Products};
use crate::simd::{Kernel, MAX_LANES, Simd};

/// Adds the products of some queries with the positions of all keys to their scores.
pub(super) struct AddOfQueries<'a> {
    pub(super) distances: &'a Distances<'a>,
    pub(super) products: &'a Products,
    /// The products, one row for each query.
    pub(super) numbers: &'a [f32],
    pub(super) queries: Range<usize>,
    /// The scores of these queries.
    pub(super) scores: &'a mut [f32],
    pub(super) stride: usize,
}

impl Kernel for AddOfQueries<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let Self { distances, products, numbers, queries, scores, stride } = self;
        for (row, (query, scores)) in queries.zip(scores.chunks_exact_mut(stride)).enumerate() {
            let (numbers, columns) = (&numbers[row * products.width..], distances.columns(query, 0));
            if !distances.are_gapless {
                add_one_by_one(numbers, &columns[..distances.tokens], products.first, scores);
                continue;
            }
            // The last vector reaches into the padding of the row.
            let vectors = scores.chunks_exact_mut(S::LANES).zip(columns.chunks_exact(S::LANES));
            for (scores, columns) in vectors.take(distances.tokens.div_ceil(S::LANES)) {
                let sum = s.add(s.load(scores), numbers_at(s, numbers, columns, products.first));
                s.store(sum, scores);
            }
        }
    }
}

/// Adds the products of some keys with the positions of some queries to the scores of these queries.
pub(super) struct AddOfKeys<'a> {
    pub(super) distances: &'a Distances<'a>,
    pub(super) products: &'a Products,
    /// The products, one row for each key.
    pub(super) numbers: &'a [f32],
    /// They begin at a multiple of [`MAX_LANES`].
    pub(super) keys: Range<usize>,
    pub(super) queries: Range<usize>,
    /// The scores of these queries for all keys.
    pub(super) scores: &'a mut [f32],
    pub(super) stride: usize,
}

impl Kernel for AddOfKeys<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(mut self, s: S) {
        let queries = self.queries.clone();
        if !self.distances.are_gapless || queries.len() < S::LANES {
            return self.add_one_by_one();
        }
        for key in self.keys.clone().step_by(S::LANES) {
            let mut next = queries.start;
            while next < queries.end {
                // The last square overlaps the one before.
                let square = next.min(queries.end - S::LANES);
                self.add_square(s, key, square, next);
                next = square + S::LANES;
            }
        }
    }
}

impl AddOfKeys<'_> {
    /// Adds the products of `LANES` keys, from `key` on, to the scores of `LANES` queries, from `query` on. Those before
    /// `first_query` have them. Keys beyond the last one are added to the padding of the scores.
    #[inline(always)]
    fn add_square<S: Simd>(&mut self, s: S, key: usize, query: usize, first_query: usize) {
        let Self { distances, products, numbers, keys, queries, scores, stride } = self;
        let last_query = query + S::LANES - 1;
        let mut square = [s.splat(0.0); MAX_LANES];
        for (key, vector) in (key..).zip(&mut square[..S::LANES]) {
            let numbers = &numbers[(key - keys.start) * products.width..];
            *vector = numbers_at(s, numbers, distances.columns(last_query, key), products.first);
        }
        // Distances grow from the last query to the first.
        s.transpose(&mut square);
        for query in first_query..=last_query {
            let scores = &mut scores[(query - queries.start) * *stride + key..];
            s.store(s.add(s.load(scores), square[last_query - query]), scores);
        }
    }

    /// The same, for a few queries and for distances that skip positions.
    #[inline(always)]
    fn add_one_by_one(self) {
        let Self { distances, products, numbers, keys, queries, scores, stride } = self;
        for (query, scores) in queries.zip(scores.chunks_exact_mut(stride)) {
            let columns = distances.columns(query, keys.start);
            let rows = numbers.chunks_exact(products.width).zip(columns);
            for (score, (numbers, column)) in scores[keys.clone()].iter_mut().zip(rows) {
                *score += numbers[*column as usize - products.first];
            }
        }
    }
}

/// The numbers for consecutive distances, of which `columns` are the columns. `first` is the column of the first number.
#[inline(always)]
fn numbers_at<S: Simd>(s: S, numbers: &[f32], columns: &[u32], first: usize) -> S::F32 {
    let start = columns[0];
    let columns = s.f32_to_bits(s.load(bytemuck::cast_slice(columns)));
    let lanes = s.sub_i32(columns, s.splat_i32(start.cast_signed()));
    s.permute(s.load(&numbers[start as usize - first..]), lanes)
}

#[inline(always)]
fn add_one_by_one(numbers: &[f32], columns: &[u32], first: usize, scores: &mut [f32]) {
    for (score, &column) in scores.iter_mut().zip(columns) {
        *score += numbers[column as usize - first];
    }
}
