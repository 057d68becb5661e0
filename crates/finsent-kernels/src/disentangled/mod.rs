//! Disentangled attention (He et al. 2021, DeBERTa): scores depend on the contents of two tokens and on their distance.
//!
//! ```text
//! for each text and head                    a task of the pool
//!   pack Kᵀ and V of the head into panels
//!   for each block of queries
//!     scores  = Q Kᵀ
//!     scores += Q Kposᵀ                     at the distance of query and key: content to position
//!     for each chunk of keys
//!       scores += (K Qposᵀ)ᵀ                at the distance of query and key: position to content
//!     context = softmax(scale scores) V
//! ```
//!
//! A product with positions has one column for each position that the distances of its block reach. Texts of any length
//! therefore need working memory for a block of queries only, beside their keys and values.

mod add;
mod distances;
mod projections;
mod relative_positions;
#[cfg(test)]
mod tests;

use std::ops::Range;

use self::add::{AddOfKeys, AddOfQueries};
use self::distances::Distances;
pub use self::projections::PositionProjections;
pub use self::relative_positions::RelativePositions;
use crate::aligned::{AlignedBuffer, CACHE_LINE};
use crate::attention::{F32_BYTES, Head, Panels, QUERIES, Reach, Scratch, for_each_head};
use crate::isa::Isa;
use crate::matrix::Matrix;
use crate::partition::split_evenly;
use crate::product::F32Weights;
use crate::shared::Block;
use crate::simd::{Kernel, MAX_LANES, Simd};
use crate::thread_pool::ThreadPool;

/// Queries of a block, and most keys of a chunk. Few columns of a product with positions are then of no use: the product
/// of a chunk and a block has at most twice their number.
const BLOCK: usize = 8 * QUERIES;

/// `softmax(scale (Q Kᵀ + c2p + p2c)) V` for each head.
#[derive(Debug, Clone, Copy)]
pub struct DisentangledAttention<'a> {
    /// The instruction set to use, for which the positions are packed.
    pub isa: Isa,
    /// The projections of the positions, with the number of heads.
    pub positions: &'a PositionProjections,
    /// The factor of all scores: `1 / √(d n)`, where `n` is the number of addends.
    pub scale: f32,
}

impl DisentangledAttention<'_> {
    /// Writes to each row of `context` the context of the query in the same row. The arguments are those of
    /// [`Attention::forward`](crate::Attention::forward).
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
        let lens = cu_lens[1].windows(2).map(|text| text[1].saturating_sub(text[0]));
        assert_eq!(queries_and_keys[0].columns(), self.positions.hidden_size(), "columns of the positions");
        let longest = lens.max().unwrap_or(0);
        let columns = padded_columns(self.positions.positions(), longest);
        let are_gapless = columns.windows(2).all(|pair| pair[1] - pair[0] <= 1);
        let heads = self.positions.heads();
        for_each_head(pool, heads, Reach::All, queries_and_keys, cu_lens, scratch, context, |head, panels| {
            let columns = &columns[longest - head.tokens()..];
            let distances = Distances { tokens: head.tokens(), columns, are_gapless };
            self.attend(head, panels, &distances);
        });
    }

    /// Computes the context of one head of one text.
    ///
    /// Each step is a kernel of its own: one that holds several products would be too large to be compiled well.
    fn attend(self, mut head: Head<'_>, panels: &mut Panels, distances: &Distances<'_>) {
        let Panels { keys, values, scores, positions, .. } = panels;
        let (isa, tokens, stride) = (self.isa, head.tokens(), score_stride(head.tokens()));
        let (keys, values) = isa.run(PackHead { head: &head, keys, values });
        scores.grow::<f32>(BLOCK.min(head.queries()) * stride);
        for queries in split_evenly(0..head.queries(), BLOCK) {
            let numbers = &mut scores.as_mut_slice::<f32>()[..queries.len() * stride];
            let key_panels = 0..tokens.div_ceil(isa.panel_width());
            let out = Block::new(&mut *numbers, tokens, stride);
            isa.run_widening(F32Weights, head.query_product(queries.clone(), keys, key_panels, out));
            let mut block = Scores { queries: queries.clone(), numbers, stride };
            self.add_content_to_position(&head, distances, &mut block, positions);
            self.add_position_to_content(&head, distances, &mut block, positions);
            for part in split_evenly(queries.clone(), QUERIES) {
                let scores = block.rows(&part);
                isa.run(Weigh { head: &mut head, queries: part, scores, stride, values, scale: self.scale });
            }
        }
    }

    /// Adds the products of queries with the positions of all keys.
    fn add_content_to_position(
        self,
        head: &Head<'_>,
        distances: &Distances<'_>,
        scores: &mut Scores<'_>,
        buffer: &mut AlignedBuffer,
    ) {
        let Some(lanes) = self.positions.keys(self.isa, head.index()) else { return };
        for queries in split_evenly(scores.queries.clone(), QUERIES) {
            let products = distances.products(self.isa, queries.clone(), 0..distances.tokens);
            let numbers = products.room(queries.len(), buffer);
            let out = Block::new(&mut numbers[..queries.len() * products.width], products.width, products.width);
            self.isa.run_widening(F32Weights, head.query_product(queries.clone(), lanes, products.panels.clone(), out));
            let (stride, scores) = (scores.stride, scores.rows(&queries));
            self.isa.run(AddOfQueries { distances, products: &products, numbers, queries, scores, stride });
        }
    }

    /// Adds the products of all keys with the positions of queries.
    fn add_position_to_content(
        self,
        head: &Head<'_>,
        distances: &Distances<'_>,
        scores: &mut Scores<'_>,
        buffer: &mut AlignedBuffer,
    ) {
        let Some(lanes) = self.positions.queries(self.isa, head.index()) else { return };
        let (queries, stride) = (scores.queries.clone(), scores.stride);
        let chunk = queries.len().max(QUERIES).next_multiple_of(MAX_LANES);
        for start in (0..distances.tokens).step_by(chunk) {
            let keys = start..distances.tokens.min(start + chunk);
            let products = distances.products(self.isa, queries.clone(), keys.clone());
            let numbers = products.room(keys.len(), buffer);
            let out = Block::new(&mut numbers[..keys.len() * products.width], products.width, products.width);
            self.isa.run_widening(F32Weights, head.key_product(keys.clone(), lanes, products.panels.clone(), out));
            let (queries, scores) = (queries.clone(), &mut *scores.numbers);
            self.isa.run(AddOfKeys { distances, products: &products, numbers, keys, queries, scores, stride });
        }
    }
}

/// Packs the keys and values of a head.
struct PackHead<'a, 'b, 'h> {
    head: &'b Head<'h>,
    keys: &'a mut AlignedBuffer,
    values: &'a mut AlignedBuffer,
}

impl<'a> Kernel for PackHead<'a, '_, '_> {
    type Output = (&'a [f32], &'a [f32]);

    #[inline(always)]
    fn run<S: Simd>(self, s: S) -> Self::Output {
        (self.head.pack_keys::<S>(self.keys), self.head.pack_values(s, self.values))
    }
}

/// Writes the context of some queries, from their scores.
struct Weigh<'a, 'h> {
    head: &'a mut Head<'h>,
    queries: Range<usize>,
    scores: &'a mut [f32],
    stride: usize,
    values: &'a [f32],
    scale: f32,
}

impl Kernel for Weigh<'_, '_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let Self { head, queries, scores, stride, values, scale } = self;
        let tokens = head.tokens();
        head.weigh_values(s, queries, scores, stride, values, 0..tokens, scale);
    }
}

/// Numbers from one row of scores to the next. Rows are written column by column, so their distance is an odd number of
/// cache lines: they are in different sets of the cache.
fn score_stride(tokens: usize) -> usize {
    let line = CACHE_LINE / F32_BYTES;
    (tokens.div_ceil(line) | 1) * line
}

/// The columns of the positions for the distances `key - query` from `1 - tokens` on, as many as vectors of columns reach.
fn padded_columns(positions: &RelativePositions, tokens: usize) -> Vec<u32> {
    let mut columns = positions.columns(tokens);
    let last = columns.last().copied().unwrap_or(0);
    columns.resize(columns.len() + 2 * MAX_LANES, last);
    columns
}

/// The scores of some queries for all keys of a text.
struct Scores<'a> {
    queries: Range<usize>,
    numbers: &'a mut [f32],
    stride: usize,
}

impl Scores<'_> {
    /// The scores of some of the queries.
    fn rows(&mut self, queries: &Range<usize>) -> &mut [f32] {
        let row = |query: usize| (query - self.queries.start) * self.stride;
        &mut self.numbers[row(queries.start)..row(queries.end)]
    }
}
