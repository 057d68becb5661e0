//! Attention over a packed batch: each token looks at the tokens of its own text.
//!
//! ```text
//! for each text and head                    a task of the team
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
use super::linear::{Epilogue, Product2d, pack_f32};
use super::math;
use super::matrix::{Lines, Matrix, SharedRows};
use super::product::F32Weights;
use super::rows::spread;
use super::simd::{Routine, Simd};
use crate::threads::Team;

/// Queries of a block: whole tiles for every set of instructions.
const QUERIES: usize = 12;
const BYTES: usize = size_of::<f32>();

/// `softmax(Q Kᵀ / √d) V` (Vaswani et al. 2017), head by head.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Attention {
    pub(crate) isa: Isa,
    pub(crate) heads: usize,
}

/// What the members of a team need beside the matrices; kept from pass to pass.
#[derive(Debug, Default)]
pub(crate) struct Scratch(Vec<Mutex<Panels>>);

/// The keys, the values and a block of scores of one head.
#[derive(Debug, Default)]
struct Panels {
    keys: Lines,
    values: Lines,
    scores: Lines,
}

/// One head of one text.
struct Head<'a> {
    isa: Isa,
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
    pub(crate) fn forward(
        self,
        team: &Team,
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
        scratch.0.resize_with(team.threads(), Mutex::default);
        team.run(texts * self.heads, |member, task| {
            let (text, head) = (task / self.heads, task % self.heads);
            let head = Head {
                isa: self.isa,
                query,
                key_value,
                context,
                columns: head * head_size..(head + 1) * head_size,
                query_rows: cu_query_lens[text]..cu_query_lens[text + 1],
                rows: cu_seqlens[text]..cu_seqlens[text + 1],
            };
            head.forward(&mut scratch.0[member].lock().unwrap_or_else(PoisonError::into_inner));
        });
    }
}

impl Head<'_> {
    fn forward(&self, Panels { keys, values, scores }: &mut Panels) {
        let (tokens, head_size) = (self.rows.len(), self.columns.len());
        let width = self.isa.panel_width();
        let score_stride = tokens.next_multiple_of(16);
        self.pack_keys(keys, width);
        self.pack_values(values, width);
        scores.grow::<f32>(QUERIES * score_stride);
        for queries in spread(self.query_rows.clone(), QUERIES) {
            let scores = scores.as_mut_slice::<f32>();
            let first = queries.start * self.query.stride() + self.columns.start;
            self.isa.run_widening(
                F32Weights,
                Product2d {
                    operand: &bytemuck::cast_slice(self.query.as_slice())[first * BYTES..],
                    operand_stride: self.query.stride() * BYTES,
                    rows: queries.len(),
                    lanes: keys.as_slice(),
                    steps: head_size,
                    panels: 0..tokens.div_ceil(width),
                    columns: tokens,
                    out: scores.as_mut_ptr(),
                    out_stride: score_stride,
                    epilogue: Epilogue::NONE,
                },
            );
            let scale = 1.0 / (head_size as f32).sqrt();
            let mut sums = [0.0; QUERIES];
            for (row, sum) in scores.chunks_mut(score_stride).zip(&mut sums[..queries.len()]) {
                *sum = self.isa.run(Exponentials { row: &mut row[..tokens], scale });
            }
            self.isa.run_widening(
                F32Weights,
                Product2d {
                    operand: bytemuck::cast_slice(scores),
                    operand_stride: score_stride * BYTES,
                    rows: queries.len(),
                    lanes: values.as_slice(),
                    steps: tokens,
                    panels: 0..head_size.div_ceil(width),
                    columns: head_size,
                    out: self.context.at(queries.start, self.columns.start),
                    out_stride: self.context.stride,
                    epilogue: Epilogue::NONE,
                },
            );
            for (row, sum) in queries.zip(sums) {
                // SAFETY: this text's rows and this head's columns are this task's.
                let context = unsafe { self.context.part(row, self.columns.clone()) };
                let inverse = 1.0 / sum;
                context.iter_mut().for_each(|x| *x *= inverse);
            }
        }
    }

    /// Panels of which the keys are the columns.
    fn pack_keys(&self, keys: &mut Lines, width: usize) {
        let (tokens, head_size) = (self.rows.len(), self.columns.len());
        let panel_len = head_size * width;
        keys.grow::<i32>(tokens.div_ceil(width) * panel_len);
        for (panel, lanes) in keys.as_mut_slice().chunks_exact_mut(panel_len).take(tokens.div_ceil(width)).enumerate() {
            let rows = self.rows.clone().skip(panel * width).take(width);
            pack_f32(rows.map(|row| &self.key_value.row(row)[self.columns.clone()]), width, lanes);
        }
    }

    /// Panels of which the values are the steps.
    fn pack_values(&self, values: &mut Lines, width: usize) {
        let panel_len = self.rows.len() * width;
        let panels = self.columns.len().div_ceil(width);
        values.grow::<f32>(panels * panel_len);
        let hidden_size = self.query.columns();
        for (panel, lanes) in values.as_mut_slice::<f32>().chunks_exact_mut(panel_len).take(panels).enumerate() {
            let start = hidden_size + self.columns.start + panel * width;
            let columns = start..(start + width).min(hidden_size + self.columns.end);
            for (row, lanes) in self.rows.clone().zip(lanes.chunks_exact_mut(width)) {
                lanes[..columns.len()].copy_from_slice(&self.key_value.row(row)[columns.clone()]);
            }
        }
    }
}

/// Turns scores into `exp((score - max) scale)`; gives their sum.
struct Exponentials<'a> {
    row: &'a mut [f32],
    scale: f32,
}

impl Routine for Exponentials<'_> {
    type Output = f32;

    #[inline(always)]
    fn run<S: Simd>(self, s: S) -> f32 {
        let mut largest = s.splat(f32::NEG_INFINITY);
        for x in self.row.chunks(S::LANES) {
            largest = s.max(largest, s.load_or(x, f32::NEG_INFINITY));
        }
        let (largest, scale) = (s.splat(s.largest(largest)), s.splat(self.scale));
        let mut sum = s.splat(0.0);
        let (vectors, rest) = self.row.split_at_mut(self.row.len() / S::LANES * S::LANES);
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
}
