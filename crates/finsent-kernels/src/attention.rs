//! Attention over a packed batch: each token looks at the tokens of its own text.
//!
//! ```text
//! for each text and head                    a task of the pool
//!   pack Kᵀ and V of the head into panels
//!   for each block of MR queries
//!     scores  = Q Kᵀ                        the same product as a linear layer's
//!     probs   = exp((scores - max) / √d)    not yet divided by their sum
//!     context = probs V / sum
//! ```
//!
//! A text's numbers depend on that text alone.

use std::ops::Range;
use std::sync::{Mutex, PoisonError};

use super::isa::Isa;
use super::linear::Product2d;
use super::math;
use super::matrix::{LINE, Lines, Matrix, SharedRows};
use super::product::{F32Weights, ProductKernel, Widening};
use super::rows::spread;
use super::simd::{Kernel, Simd};
use crate::thread_pool::ThreadPool;

/// Queries of a block: whole tiles for every set of instructions.
const QUERIES: usize = 12;
const BYTES: usize = size_of::<f32>();

/// `softmax(Q Kᵀ / √d) V` (Vaswani et al. 2017), head by head.
#[derive(Debug, Clone, Copy)]
pub struct Attention {
    /// The instructions to use.
    pub isa: Isa,
    /// Heads that the columns are shared among.
    pub heads: usize,
}

/// What the members of a pool need beside the matrices; kept from pass to pass.
#[derive(Debug, Default)]
pub struct Scratch(Vec<Mutex<Panels>>);

/// The keys, the values and a block of scores of one head.
#[derive(Debug, Default)]
struct Panels {
    keys: Lines,
    values: Lines,
    scores: Lines,
}

/// One head of one text.
struct Head<'a> {
    query: &'a Matrix,
    key_value: &'a Matrix,
    context: SharedRows<'a, f32>,
    /// Columns of the head in a matrix of `hidden_size`.
    columns: Range<usize>,
    query_rows: Range<usize>,
    rows: Range<usize>,
}

impl Attention {
    /// Writes what each query sees to the row of the same number of `context`.
    ///
    /// `query` is `[queries, hidden_size]`. `key_value` is `[total_tokens, 2 hidden_size]`: the keys, then the values.
    /// Text `i` owns the rows `cu_seqlens[i]..cu_seqlens[i + 1]` of `key_value`, and those that `cu_query_lens` says of
    /// `query`.
    ///
    /// # Panics
    /// When the shapes do not fit.
    pub fn forward(
        self,
        pool: &ThreadPool,
        [query, key_value]: [&Matrix; 2],
        [cu_query_lens, cu_seqlens]: [&[usize]; 2],
        scratch: &mut Scratch,
        context: &mut Matrix,
    ) {
        let hidden_size = query.columns();
        assert_eq!((key_value.columns(), context.columns()), (2 * hidden_size, hidden_size), "columns");
        assert_eq!(cu_query_lens.len(), cu_seqlens.len(), "texts");
        assert!(hidden_size.is_multiple_of(self.heads), "heads");
        let (head_size, texts) = (hidden_size / self.heads, cu_seqlens.len() - 1);
        context.set_rows(query.rows());
        let context = context.share();
        scratch.0.resize_with(pool.threads(), Mutex::default);
        pool.run(texts * self.heads, |member, task| {
            let (text, head) = (task / self.heads, task % self.heads);
            let head = Head {
                query,
                key_value,
                context,
                columns: head * head_size..(head + 1) * head_size,
                query_rows: cu_query_lens[text]..cu_query_lens[text + 1],
                rows: cu_seqlens[text]..cu_seqlens[text + 1],
            };
            self.isa.run((head, &mut *scratch.0[member].lock().unwrap_or_else(PoisonError::into_inner)));
        });
    }
}

impl Kernel for (Head<'_>, &mut Panels) {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let (head, Panels { keys, values, scores }) = self;
        let (tokens, head_size) = (head.rows.len(), head.columns.len());
        let score_stride = tokens.next_multiple_of(LINE / BYTES);
        let key_lanes = tokens.next_multiple_of(S::NR) * head_size;
        let value_lanes = head_size.next_multiple_of(S::NR) * tokens;
        keys.grow::<f32>(key_lanes);
        values.grow::<f32>(value_lanes);
        scores.grow::<f32>(QUERIES * score_stride);
        let (keys, values) = (&mut keys.as_mut_slice()[..key_lanes], &mut values.as_mut_slice()[..value_lanes]);
        head.pack_keys::<S>(keys);
        head.pack_values(s, values);

        let scale = 1.0 / (head_size as f32).sqrt();
        for queries in spread(head.query_rows.clone(), QUERIES) {
            let scores = scores.as_mut_slice::<f32>();
            let first = queries.start * head.query.stride() + head.columns.start;
            let product = Product2d {
                operand: bytemuck::cast_slice(&head.query.as_slice()[first..]),
                operand_stride: head.query.stride() * BYTES,
                rows: queries.len(),
                lanes: bytemuck::cast_slice(keys),
                first_panel: 0,
                steps: head_size,
                panels: 0..tokens.div_ceil(S::NR),
                columns: tokens,
                out: scores.as_mut_ptr(),
                out_stride: score_stride,
                epilogue: None,
            };
            product.run(s, Widening(F32Weights));

            let mut sums = [0.0; QUERIES];
            for (row, sum) in scores.chunks_exact_mut(score_stride).zip(&mut sums[..queries.len()]) {
                *sum = exponentials(s, &mut row[..tokens], scale);
            }
            let product = Product2d {
                operand: bytemuck::cast_slice(scores),
                operand_stride: score_stride * BYTES,
                rows: queries.len(),
                lanes: bytemuck::cast_slice(values),
                first_panel: 0,
                steps: tokens,
                panels: 0..head_size.div_ceil(S::NR),
                columns: head_size,
                out: head.context.at(queries.start, head.columns.start),
                out_stride: head.context.stride,
                epilogue: None,
            };
            product.run(s, Widening(F32Weights));
            for (row, sum) in queries.zip(sums) {
                // SAFETY: this text's rows and this head's columns are this task's.
                let context = unsafe { head.context.part(row, head.columns.clone()) };
                let inverse = 1.0 / sum;
                context.iter_mut().for_each(|x| *x *= inverse);
            }
        }
    }
}

impl Head<'_> {
    /// Panels of which the keys are the columns: `[panels, head_size, NR]`.
    #[inline(always)]
    fn pack_keys<S: Simd>(&self, keys: &mut [f32]) {
        let head_size = self.columns.len();
        for (panel, lanes) in keys.chunks_exact_mut(head_size * S::NR).enumerate() {
            let rows = self.rows.clone().skip(panel * S::NR).take(S::NR);
            for (column, row) in rows.enumerate() {
                let key = &self.key_value.row(row)[self.columns.clone()];
                for (lanes, &x) in lanes.chunks_exact_mut(S::NR).zip(key) {
                    lanes[column] = x;
                }
            }
        }
    }

    /// Panels of which the values are the steps: `[panels, tokens, NR]`.
    #[inline(always)]
    fn pack_values<S: Simd>(&self, s: S, values: &mut [f32]) {
        let hidden_size = self.query.columns();
        for (panel, lanes) in values.chunks_exact_mut(self.rows.len() * S::NR).enumerate() {
            let start = hidden_size + self.columns.start + panel * S::NR;
            let columns = start..(start + S::NR).min(hidden_size + self.columns.end);
            for (row, lanes) in self.rows.clone().zip(lanes.chunks_exact_mut(S::NR)) {
                let value = &self.key_value.row(row)[columns.clone()];
                for (x, lanes) in value.chunks(S::LANES).zip(lanes.chunks_exact_mut(S::LANES)) {
                    s.store(s.load_or(x, 0.0), lanes);
                }
            }
        }
    }
}

/// Turns scores into `exp((score - max) scale)`; gives their sum.
#[inline(always)]
fn exponentials<S: Simd>(s: S, row: &mut [f32], scale: f32) -> f32 {
    let (vectors, rest) = row.split_at_mut(row.len() / S::LANES * S::LANES);
    let mut largest = s.load_or(rest, f32::NEG_INFINITY);
    for x in vectors.chunks_exact(S::LANES) {
        largest = s.max(largest, s.load(x));
    }
    let (largest, scale) = (s.splat(s.largest(largest)), s.splat(scale));
    let mut sum = s.splat(0.0);
    for x in vectors.chunks_exact_mut(S::LANES) {
        let e = math::exp(s, s.mul(s.sub(s.load(x), largest), scale));
        sum = s.add(sum, e);
        s.store(e, x);
    }
    let mut sum = s.sum(sum);
    if !rest.is_empty() {
        let e = math::exp(s, s.mul(s.sub(s.load_or(rest, 0.0), largest), scale));
        for (x, e) in rest.iter_mut().zip(s.lanes(e)) {
            *x = e;
            sum += e;
        }
    }
    sum
}
