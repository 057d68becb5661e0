//! How many batches are computed at a time, and how large they are.
//!
//! A batch on one thread takes no barriers and shares no caches, so the most texts per second come from one worker per
//! thread. Whoever waits for a batch to end wants the opposite: many threads for each. Up to [`SPLIT`] workers these do not
//! conflict, because each takes batches that are smaller by as much as it has fewer threads, so that a batch takes as long
//! as ever. From there on batches do not shrink, and workers have several threads if the model is large.

use finsent_kernels::Precision;

use crate::batch::MAX_BATCH_TOKENS;
use crate::encoder::Encoder;

/// As many workers as make batches smaller. The smallest, of 256 tokens, fill the kernels as well as larger ones.
const SPLIT: usize = 4;
/// How long a worker's batch may take, in seconds, if there are threads to make it faster.
const BATCH_SECONDS: f64 = 0.1;
/// What a thread computes, in operations per second: the speed of one core with AVX-512 in f32. It need not be exact.
const THREAD_SPEED: f64 = 1e11;
/// More threads than this cannot divide a layer of 768 columns, of which a task computes 32, evenly enough.
const MOST_THREADS: usize = 8;
/// The part of the memory that the activations of all workers may take, of what the weights leave.
const SHARE_OF_MEMORY: usize = 4;

/// What decides about the number of workers.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Size {
    /// Compute threads.
    pub(crate) threads: usize,
    /// Operations per token.
    pub(crate) operations: f64,
    /// Bytes of activations per token.
    pub(crate) bytes: usize,
    /// Bytes of each thread for the attention of a worker's texts, per token of the longest text.
    pub(crate) scratch: usize,
    /// The longest text, in tokens.
    pub(crate) max_length: usize,
    /// Bytes of all weights.
    pub(crate) weights: usize,
    /// Bytes of memory, if they are known.
    pub(crate) memory: Option<usize>,
}

/// The bytes of weights of this shape in memory. Next to the bytes of int8 are four more bits, for uncertain texts.
pub(crate) fn bytes_of(precision: Precision, is_quantized: bool, shape: &[usize]) -> usize {
    let weights = shape.iter().fold(1, |product: usize, &length| product.saturating_mul(length));
    match precision {
        Precision::Int8 if is_quantized => weights.saturating_mul(3) / 2,
        Precision::Bf16 if is_quantized => weights.saturating_mul(2),
        _ => weights.saturating_mul(4),
    }
}

impl Size {
    /// That of an encoder whose texts have up to `max_length` tokens.
    pub(crate) fn of(encoder: &Encoder, weights: usize, max_length: usize) -> Self {
        /// The tokens of a headline.
        const LENGTH: usize = 32;
        Self {
            threads: encoder.threads(),
            operations: encoder.operations(&[LENGTH]) / LENGTH as f64,
            bytes: encoder.activation_bytes_per_token(),
            scratch: encoder.attention_bytes_per_token(),
            max_length,
            weights,
            memory: None,
        }
    }

    /// The number of workers: as many as have a thread each, or several if the model is large, and as fit into memory.
    pub(crate) fn workers(self) -> usize {
        let seconds = self.operations * (MAX_BATCH_TOKENS / SPLIT) as f64 / THREAD_SPEED;
        let fast_enough = ((seconds / BATCH_SECONDS).ceil() as usize).clamp(1, MOST_THREADS);
        // Powers of two divide the panels of the usual widths evenly: 24 of 768 columns, 96 of 3,072.
        let threads_of_each = 1 << fast_enough.ilog2();
        let wanted = (self.threads / threads_of_each).max(self.threads.min(SPLIT));
        (1..=wanted).rev().find(|&workers| self.fits(workers)).unwrap_or(1)
    }

    /// Whether the activations of so many workers fit into their share of the memory.
    fn fits(self, workers: usize) -> bool {
        let of_batch = self.bytes.saturating_mul(batch_tokens(workers).max(self.max_length));
        let of_threads = self.threads.saturating_mul(self.scratch.saturating_mul(self.max_length));
        let of_each = of_batch.saturating_add(of_threads);
        let fits =
            |memory: usize| workers.saturating_mul(of_each) <= memory.saturating_sub(self.weights) / SHARE_OF_MEMORY;
        self.memory.is_none_or(fits)
    }
}

/// The most tokens of a batch, unless a single text is longer.
pub(crate) fn batch_tokens(workers: usize) -> usize {
    MAX_BATCH_TOKENS / workers.clamp(1, SPLIT)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// BERT-base in int8 on a machine with plenty of memory.
    fn base(threads: usize) -> Size {
        Size {
            threads,
            operations: 1.7e8,
            bytes: 36_000,
            scratch: 576,
            max_length: 512,
            weights: 165 << 20,
            memory: Some(64 << 30),
        }
    }

    #[test]
    fn few_threads_have_a_worker_each_and_many_share_those_of_a_large_model() {
        assert_eq!([1, 2, 4].map(|threads| base(threads).workers()), [1, 2, 4]);
        assert_eq!([8, 16, 32, 64].map(|threads| base(threads).workers()), [4, 4, 8, 16]);
        let mini = |threads| Size { operations: 2.1e7, bytes: 18_000, ..base(threads) };
        assert_eq!([2, 16, 64].map(|threads| mini(threads).workers()), [2, 16, 64]);
    }

    #[test]
    fn workers_fit_into_memory_and_there_is_always_one() {
        let in_memory = |memory| Size { memory: Some(memory), ..base(16) }.workers();
        // Each needs 18 MB for the 512 tokens of the longest text and 5 MB for 16 threads, and a quarter of what 165 MB of
        // weights leave is for all.
        assert_eq!([256, 400, 600].map(|megabytes| in_memory(megabytes << 20)), [1, 2, 4]);
        assert_eq!(in_memory(0), 1);
        assert_eq!(Size { memory: None, ..base(16) }.workers(), 4);
    }

    #[test]
    fn batches_shrink_with_the_threads_of_a_worker_but_not_below_256_tokens() {
        assert_eq!([1, 2, 3, 4, 64].map(batch_tokens), [1024, 512, 341, 256, 256]);
    }
}
