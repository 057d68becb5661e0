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
//! Working memory is that of one head of one text, and of a block of scores: in proportion to the length of the text.
//!
//! That is how `exact` does it, in f32. `low` rounds the operands to the number format that `format` chooses by precision, CPU
//! and length of the text.
//!
//! The result for a text depends only on that text.
#[cfg(target_arch = "x86_64")]
mod bytes;
mod exact;
mod format;
#[cfg(target_arch = "x86_64")]
mod halves;
mod head;
#[cfg(target_arch = "x86_64")]
mod low;
#[cfg(target_arch = "x86_64")]
mod packed;
mod panels;
mod reach;
#[cfg(target_arch = "x86_64")]
mod rounding;
#[cfg(all(test, target_arch = "x86_64"))]
mod tests;

use std::sync::{Mutex, PoisonError};

use self::exact::Attend;
pub(super) use self::exact::pack_columns;
use self::format::Format;
pub(super) use self::head::{F32_BYTES, Head, QUERIES};
#[cfg(target_arch = "x86_64")]
use self::low::AttendNarrow;
pub(super) use self::panels::Panels;
pub use self::reach::Reach;
use super::isa::Isa;
use super::matrix::Matrix;
use super::precision::Precision;
use crate::thread_pool::ThreadPool;

/// `softmax(Q Kᵀ / √d) V` for each head (Vaswani et al. 2017).
#[derive(Debug, Clone, Copy)]
pub struct Attention {
    /// The instruction set to use.
    pub isa: Isa,
    /// The number of heads, which share the columns equally.
    pub heads: usize,
    /// Which tokens of its text a query attends to.
    pub reach: Reach,
    /// Products are computed in its number format, if the CPU has them, else in f32: the result is at least as exact.
    pub precision: Precision,
}

/// Working memory of the workers. Keep it from one pass to the next.
#[derive(Debug, Default)]
pub struct Scratch(Vec<Mutex<Panels>>);

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
        let format = |tokens| Format::of(self.isa, self.precision, tokens);
        self.forward_in(format, pool, queries_and_keys, cu_lens, scratch, context);
    }

    /// The same, in the format that `format` gives for the number of keys that the queries of a text reach.
    fn forward_in(
        self,
        format: impl Fn(usize) -> Format + Sync,
        pool: &ThreadPool,
        queries_and_keys: [&Matrix; 2],
        cu_lens: [&[usize]; 2],
        scratch: &mut Scratch,
        context: &mut Matrix,
    ) {
        let Self { isa, heads, reach, .. } = self;
        for_each_head(pool, heads, reach, queries_and_keys, cu_lens, scratch, context, |head, panels| {
            match format(head.tokens()) {
                Format::F32 => isa.run(Attend { head, panels }),
                #[cfg(target_arch = "x86_64")]
                format => format.run(isa, AttendNarrow { head, panels }),
            }
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
