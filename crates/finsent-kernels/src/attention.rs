//! Attention over a packed batch: each token attends to the tokens of its own text, or to those near it.
//!
//! ```text
//! for each text and head                    a task of the pool
//!   pack Kᵀ and V of the head into panels
//!   for each block of queries
//!     scores  = Q Kᵀ                        the same product as in a linear layer
//!     probs   = exp((scores - max) / √d)    not yet divided by their sum
//!     context = probs V / sum
//! ```
//!
//! If tokens attend to those near them only, a block of queries multiplies the keys and values that any of its queries
//! reaches. The cost is tokens times window.
//!
//! The result for a text depends only on that text.
#![expect(unsafe_code, reason = "threads write the heads of one matrix at the same time")]

use std::ops::Range;
use std::sync::{Mutex, PoisonError};

use super::aligned::{AlignedBuffer, CACHE_LINE};
use super::gemm::Gemm;
use super::isa::Isa;
use super::math;
use super::matrix::Matrix;
use super::partition::split_evenly;
use super::product::{F32Weights, ProductKernel, Widening};
use super::shared::{Block, SharedRows};
use super::simd::{Kernel, Simd};
use crate::thread_pool::ThreadPool;

/// Queries of a block: whole tiles for every instruction set.
const QUERIES: usize = 12;
const F32_BYTES: usize = size_of::<f32>();

/// `softmax(Q Kᵀ / √d) V` for each head (Vaswani et al. 2017).
#[derive(Debug, Clone, Copy)]
pub struct Attention {
    /// The instruction set to use.
    pub isa: Isa,
    /// The number of heads, which share the columns equally.
    pub heads: usize,
    /// Which tokens of its text a query attends to.
    pub reach: Reach,
}

/// Which tokens of its text a token attends to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// All of them.
    All,
    /// Itself, and so many before and after it.
    Window(usize),
}

impl Reach {
    /// The tokens that the token at `position` attends to, of a text of so many tokens.
    pub fn tokens(self, position: usize, tokens: usize) -> Range<usize> {
        match self {
            Self::All => 0..tokens,
            Self::Window(side) => {
                position.saturating_sub(side)..tokens.min(position.saturating_add(side).saturating_add(1))
            }
        }
    }
}

/// Working memory of the workers. Keep it from one pass to the next.
#[derive(Debug, Default)]
pub struct Scratch(Vec<Mutex<Panels>>);

/// The keys, the values and a block of scores of one head.
#[derive(Debug, Default)]
struct Panels {
    keys: AlignedBuffer,
    values: AlignedBuffer,
    scores: AlignedBuffer,
}

/// One head of one text.
struct Head<'a> {
    query: &'a Matrix,
    key_value: &'a Matrix,
    context: SharedRows<'a, f32>,
    /// Columns of the head in a matrix of `hidden_size` columns.
    columns: Range<usize>,
    query_rows: Range<usize>,
    /// The rows of `key_value` that the queries reach.
    rows: Range<usize>,
    reach: Reach,
}

impl Attention {
    /// Writes to each row of `context` the context of the query in the same row.
    ///
    /// `query` is `[queries, hidden_size]`. `key_value` is `[total_tokens, 2 hidden_size]`: the keys, then the values.
    /// Text `i` has the rows `cu_seqlens[i]..cu_seqlens[i + 1]` of `key_value`, and the rows
    /// `cu_query_lens[i]..cu_query_lens[i + 1]` of `query`, which are its first tokens.
    ///
    /// # Panics
    /// If the shapes do not match, `cu_query_lens` is not sorted, or a text has more queries than tokens.
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
        assert!(cu_query_lens.is_sorted(), "rows of queries");
        let mut lens = cu_query_lens.windows(2).zip(cu_seqlens.windows(2));
        assert!(lens.all(|(queries, tokens)| queries[1] - queries[0] <= tokens[1] - tokens[0]), "queries of a text");
        assert!(hidden_size.is_multiple_of(self.heads), "heads");
        let (head_size, texts) = (hidden_size / self.heads, cu_seqlens.len() - 1);
        context.set_rows(query.rows());
        let context = context.share();
        scratch.0.resize_with(pool.threads(), Mutex::default);
        pool.run(texts * self.heads, |worker, task| {
            let (text, head) = (task / self.heads, task % self.heads);
            let (query_rows, tokens) =
                (cu_query_lens[text]..cu_query_lens[text + 1], cu_seqlens[text]..cu_seqlens[text + 1]);
            let reached = self.reach.tokens(query_rows.len().saturating_sub(1), tokens.len()).end;
            let head = Head {
                query,
                key_value,
                context,
                columns: head * head_size..(head + 1) * head_size,
                query_rows,
                rows: tokens.start..tokens.start + reached,
                reach: self.reach,
            };
            let mut panels = scratch.0[worker].lock().unwrap_or_else(PoisonError::into_inner);
            // SAFETY: each text and head is one task. Texts have disjoint rows of queries, because `cu_query_lens` is
            // sorted, and heads have disjoint columns.
            let attend = unsafe { Attend::new(head, &mut panels) };
            self.isa.run(attend);
        });
    }
}

/// Computes the context of one head of one text.
struct Attend<'a> {
    head: Head<'a>,
    panels: &'a mut Panels,
}

impl<'a> Attend<'a> {
    /// # Safety
    /// As long as the result lives, nothing else uses the columns of the head in the rows of its queries of `context`.
    unsafe fn new(head: Head<'a>, panels: &'a mut Panels) -> Self {
        Self { head, panels }
    }
}

impl Kernel for Attend<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let Self { head, panels: Panels { keys, values, scores } } = self;
        let (tokens, head_size) = (head.rows.len(), head.columns.len());
        let key_lanes = tokens.next_multiple_of(S::NR) * head_size;
        let value_lanes = head_size.next_multiple_of(S::NR) * tokens;
        keys.grow::<f32>(key_lanes);
        values.grow::<f32>(value_lanes);
        let (keys, values) = (&mut keys.as_mut_slice()[..key_lanes], &mut values.as_mut_slice()[..value_lanes]);
        head.pack_keys::<S>(keys);
        head.pack_values(s, values);

        let scale = 1.0 / (head_size as f32).sqrt();
        for queries in split_evenly(head.query_rows.clone(), QUERIES) {
            let reached = head.reached::<S>(&queries);
            let stride = reached.len().next_multiple_of(CACHE_LINE / F32_BYTES);
            scores.grow::<f32>(QUERIES * stride);
            let scores = &mut scores.as_mut_slice::<f32>()[..queries.len() * stride];
            head.score(s, queries.clone(), keys, reached.clone(), Block::new(scores, reached.len(), stride));
            let mut sums = [0.0; QUERIES];
            for ((query, row), sum) in queries.clone().zip(scores.chunks_exact_mut(stride)).zip(&mut sums) {
                let own = head.reach.tokens(query - head.query_rows.start, tokens);
                let own = own.start - reached.start..own.end - reached.start;
                row[..own.start].fill(0.0);
                row[own.end..reached.len()].fill(0.0);
                *sum = exponentials(s, &mut row[own], scale);
            }
            // SAFETY: nothing else uses these rows and columns (`new`).
            let mut context = unsafe { head.context.block(queries.clone(), head.columns.clone()) };
            head.add_values(s, scores, stride, values, reached, context.reborrow());
            for (row, sum) in sums[..queries.len()].iter().enumerate() {
                let inverse = 1.0 / sum;
                context.row_mut(row).iter_mut().for_each(|x| *x *= inverse);
            }
        }
    }
}

impl Head<'_> {
    /// The tokens that any of some queries reaches, from the beginning of a panel of keys on.
    #[inline(always)]
    fn reached<S: Simd>(&self, queries: &Range<usize>) -> Range<usize> {
        let of = |query: usize| self.reach.tokens(query - self.query_rows.start, self.rows.len());
        of(queries.start).start / S::NR * S::NR..of(queries.end - 1).end
    }

    /// Scores of some queries for the keys of `reached`: `Q Kᵀ`.
    #[inline(always)]
    fn score<S: Simd>(&self, s: S, queries: Range<usize>, keys: &[f32], reached: Range<usize>, scores: Block<'_, f32>) {
        let first = queries.start * self.query.stride() + self.columns.start;
        let gemm = Gemm {
            operand: bytemuck::cast_slice(&self.query.as_slice()[first..]),
            operand_stride: self.query.stride() * F32_BYTES,
            lanes: bytemuck::cast_slice(keys),
            first_panel: 0,
            panel_steps: self.columns.len(),
            steps: self.columns.len(),
            panels: reached.start / S::NR..reached.end.div_ceil(S::NR),
            out: scores,
            epilogue: None,
        };
        gemm.run(s, Widening(F32Weights));
    }

    /// The sum of the values of `reached`, each times its weight: `probs V`.
    #[inline(always)]
    fn add_values<S: Simd>(
        &self,
        s: S,
        probs: &[f32],
        stride: usize,
        values: &[f32],
        reached: Range<usize>,
        context: Block<'_, f32>,
    ) {
        let gemm = Gemm {
            operand: bytemuck::cast_slice(probs),
            operand_stride: stride * F32_BYTES,
            lanes: bytemuck::cast_slice(&values[reached.start * S::NR..]),
            first_panel: 0,
            panel_steps: self.rows.len(),
            steps: reached.len(),
            panels: 0..self.columns.len().div_ceil(S::NR),
            out: context,
            epilogue: None,
        };
        gemm.run(s, Widening(F32Weights));
    }

    /// Packs panels whose columns are the keys: `[panels, head_size, NR]`.
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

    /// Packs panels whose steps are the values: `[panels, tokens, NR]`.
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

/// Replaces scores by `exp((score - max) scale)` and returns their sum.
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
