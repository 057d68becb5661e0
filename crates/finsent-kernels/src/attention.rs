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
pub(super) const QUERIES: usize = 12;
pub(super) const F32_BYTES: usize = size_of::<f32>();

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
pub(super) struct Panels {
    pub(super) keys: AlignedBuffer,
    pub(super) values: AlignedBuffer,
    pub(super) scores: AlignedBuffer,
    /// Products with relative positions, in disentangled attention only.
    pub(super) positions: AlignedBuffer,
}

/// One head of one text. As long as it lives, nothing else uses the columns of the head in the rows of its queries of
/// `context`.
pub(super) struct Head<'a> {
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
        queries_and_keys: [&Matrix; 2],
        cu_lens: [&[usize]; 2],
        scratch: &mut Scratch,
        context: &mut Matrix,
    ) {
        let Self { isa, heads, reach } = self;
        for_each_head(pool, heads, reach, queries_and_keys, cu_lens, scratch, context, |head, panels| {
            isa.run(Attend { head, panels });
        });
    }
}

/// Runs `attend` for each head of each text, on all workers. The arguments are those of [`Attention::forward`].
#[expect(clippy::too_many_arguments, reason = "those of attention, and what to do")]
pub(super) fn for_each_head(
    pool: &ThreadPool,
    heads: usize,
    reach: Reach,
    [query, key_value]: [&Matrix; 2],
    [cu_query_lens, cu_seqlens]: [&[usize]; 2],
    scratch: &mut Scratch,
    context: &mut Matrix,
    attend: impl Fn(Head<'_>, &mut Panels) + Sync,
) {
    let hidden_size = query.columns();
    assert_eq!((key_value.columns(), context.columns()), (2 * hidden_size, hidden_size), "columns");
    assert_eq!(cu_query_lens.len(), cu_seqlens.len(), "texts");
    assert!(cu_query_lens.is_sorted(), "rows of queries");
    let mut lens = cu_query_lens.windows(2).zip(cu_seqlens.windows(2));
    assert!(lens.all(|(queries, tokens)| queries[1] - queries[0] <= tokens[1] - tokens[0]), "queries of a text");
    assert!(hidden_size.is_multiple_of(heads), "heads");
    let (head_size, texts) = (hidden_size / heads, cu_seqlens.len() - 1);
    context.set_rows(query.rows());
    let context = context.share();
    scratch.0.resize_with(pool.threads(), Mutex::default);
    pool.run(texts * heads, |worker, task| {
        let (text, head) = (task / heads, task % heads);
        let (query_rows, tokens) =
            (cu_query_lens[text]..cu_query_lens[text + 1], cu_seqlens[text]..cu_seqlens[text + 1]);
        let reached = reach.tokens(query_rows.len().saturating_sub(1), tokens.len()).end;
        // Each text and head is one task. Texts have disjoint rows of queries, because `cu_query_lens` is sorted, and
        // heads have disjoint columns.
        let head = Head {
            query,
            key_value,
            context,
            columns: head * head_size..(head + 1) * head_size,
            query_rows,
            rows: tokens.start..tokens.start + reached,
            reach,
        };
        attend(head, &mut scratch.0[worker].lock().unwrap_or_else(PoisonError::into_inner));
    });
}

/// Computes the context of one head of one text.
struct Attend<'a> {
    head: Head<'a>,
    panels: &'a mut Panels,
}

impl Kernel for Attend<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let Self { mut head, panels: Panels { keys, values, scores, .. } } = self;
        let (keys, values) = (head.pack_keys::<S>(keys), head.pack_values(s, values));
        let scale = 1.0 / (head.size() as f32).sqrt();
        for queries in split_evenly(0..head.queries(), QUERIES) {
            let reached = head.reached::<S>(&queries);
            let stride = reached.len().next_multiple_of(CACHE_LINE / F32_BYTES);
            scores.grow::<f32>(QUERIES * stride);
            let scores = &mut scores.as_mut_slice::<f32>()[..queries.len() * stride];
            let panels = reached.start / S::NR..reached.end.div_ceil(S::NR);
            let out = Block::new(scores, reached.len(), stride);
            head.query_product(queries.clone(), keys, panels, out).run(s, Widening(F32Weights));
            head.weigh_values(s, queries, scores, stride, values, reached, scale);
        }
    }
}

impl Head<'_> {
    /// The number of tokens that the queries reach.
    pub(super) fn tokens(&self) -> usize {
        self.rows.len()
    }

    pub(super) fn queries(&self) -> usize {
        self.query_rows.len()
    }

    /// The numbers of a query, a key or a value.
    pub(super) fn size(&self) -> usize {
        self.columns.len()
    }

    /// The number of the head.
    pub(super) fn index(&self) -> usize {
        self.columns.start / self.columns.len()
    }

    /// The tokens that any of some queries reaches, from the beginning of a panel of keys on.
    #[inline(always)]
    fn reached<S: Simd>(&self, queries: &Range<usize>) -> Range<usize> {
        let of = |query: usize| self.reach.tokens(query, self.rows.len());
        of(queries.start).start / S::NR * S::NR..of(queries.end - 1).end
    }

    /// The product of some queries with some panels of `[panels, head_size, NR]`: with those of the keys, their scores.
    #[inline(always)]
    pub(super) fn query_product<'g>(
        &self,
        queries: Range<usize>,
        lanes: &'g [f32],
        panels: Range<usize>,
        out: Block<'g, f32>,
    ) -> Gemm<'g>
    where
        Self: 'g,
    {
        self.product(self.query, self.query_rows.start + queries.start, lanes, panels, out)
    }

    /// The product of some keys with some panels of `[panels, head_size, NR]`.
    pub(super) fn key_product<'g>(
        &self,
        keys: Range<usize>,
        lanes: &'g [f32],
        panels: Range<usize>,
        out: Block<'g, f32>,
    ) -> Gemm<'g>
    where
        Self: 'g,
    {
        self.product(self.key_value, self.rows.start + keys.start, lanes, panels, out)
    }

    /// The product of the columns of the head in some rows of `matrix`, from `row` on, with some panels.
    #[inline(always)]
    fn product<'g>(
        &self,
        matrix: &'g Matrix,
        row: usize,
        lanes: &'g [f32],
        panels: Range<usize>,
        out: Block<'g, f32>,
    ) -> Gemm<'g> {
        let first = row * matrix.stride() + self.columns.start;
        Gemm {
            operand: bytemuck::cast_slice(&matrix.as_slice()[first..]),
            operand_stride: matrix.stride() * F32_BYTES,
            lanes: bytemuck::cast_slice(lanes),
            first_panel: 0,
            panel_steps: self.columns.len(),
            steps: self.columns.len(),
            panels,
            out,
            epilogue: None,
        }
    }

    /// Writes the context of at most [`QUERIES`] queries, whose scores are those for the tokens of `reached`:
    /// `softmax(scale scores) V`. Overwrites the scores.
    #[expect(clippy::too_many_arguments, reason = "the scores have a shape")]
    #[inline(always)]
    pub(super) fn weigh_values<S: Simd>(
        &mut self,
        s: S,
        queries: Range<usize>,
        scores: &mut [f32],
        stride: usize,
        values: &[f32],
        reached: Range<usize>,
        scale: f32,
    ) {
        let mut sums = [0.0; QUERIES];
        for ((query, row), sum) in queries.clone().zip(scores.chunks_exact_mut(stride)).zip(&mut sums) {
            let own = self.reach.tokens(query, self.rows.len());
            let own = own.start - reached.start..own.end - reached.start;
            row[..own.start].fill(0.0);
            row[own.end..reached.len()].fill(0.0);
            *sum = exponentials(s, &mut row[own], scale);
        }
        let rows = self.query_rows.start + queries.start..self.query_rows.start + queries.end;
        assert!(rows.end <= self.query_rows.end, "queries");
        // SAFETY: nothing else uses these rows and columns as long as the head lives, and it is borrowed exclusively.
        let mut context = unsafe { self.context.block(rows, self.columns.clone()) };
        self.add_values(s, scores, stride, values, reached, context.reborrow());
        for (row, sum) in sums[..queries.len()].iter().enumerate() {
            let inverse = 1.0 / sum;
            context.row_mut(row).iter_mut().for_each(|x| *x *= inverse);
        }
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
    pub(super) fn pack_keys<'k, S: Simd>(&self, keys: &'k mut AlignedBuffer) -> &'k [f32] {
        let lanes = self.tokens().next_multiple_of(S::NR) * self.size();
        keys.grow::<f32>(lanes);
        let keys = &mut keys.as_mut_slice()[..lanes];
        pack_columns::<S>(self.key_value, self.rows.clone(), self.columns.clone(), keys);
        keys
    }

    /// Packs panels whose steps are the values: `[panels, tokens, NR]`.
    #[inline(always)]
    pub(super) fn pack_values<'v, S: Simd>(&self, s: S, values: &'v mut AlignedBuffer) -> &'v [f32] {
        let lanes = self.size().next_multiple_of(S::NR) * self.tokens();
        values.grow::<f32>(lanes);
        let values = &mut values.as_mut_slice()[..lanes];
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
        values
    }
}

/// Packs some columns of some rows of a matrix into panels whose columns are the rows: `[panels, columns, NR]`.
#[inline(always)]
pub(super) fn pack_columns<S: Simd>(
    matrix: &Matrix,
    rows: impl Iterator<Item = usize> + Clone,
    columns: Range<usize>,
    lanes: &mut [f32],
) {
    for (panel, lanes) in lanes.chunks_exact_mut(columns.len() * S::NR).enumerate() {
        for (column, row) in rows.clone().skip(panel * S::NR).take(S::NR).enumerate() {
            let numbers = &matrix.row(row)[columns.clone()];
            for (lanes, &x) in lanes.chunks_exact_mut(S::NR).zip(numbers) {
                lanes[column] = x;
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
