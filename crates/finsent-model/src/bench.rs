//! Benchmarks of the encoder on this machine, relative to the peak of the hardware.

mod cost;
mod scaling;

use std::time::{Duration, Instant};

use finsent_kernels::Precision;
use serde::Serialize;
use thiserror::Error;

use crate::batch::{MAX_BATCH_TOKENS, PackedBatch, plan_batches};
use crate::encoder::{Encoder, EncoderError};
use crate::tokenizer::Encoding;

pub use self::cost::{Costs, Division, Predicted};
pub use self::scaling::{Measured, Scaling, measure as measure_scaling};

/// The default lengths of texts in tokens, `[CLS]` and `[SEP]` included.
pub const LENGTHS: [usize; 6] = [8, 16, 32, 64, 128, 512];
/// The lengths of 64 sentences in tokens, distributed as in financial news: a median of 29 and a mean of 33.
const MIXED_LENGTHS: [usize; 64] = [
    28, 41, 19, 33, 12, 57, 24, 36, 16, 29, 48, 22, 31, 9, 38, 26, 66, 20, 34, 14, 44, 27, 18, 52, 23, 30, 39, 11, 35,
    25, 81, 21, 32, 17, 46, 28, 13, 37, 24, 60, 19, 29, 42, 15, 33, 26, 50, 22, 30, 70, 18, 27, 40, 23, 34, 12, 55, 25,
    31, 20, 47, 28, 63, 36,
];
/// The least tokens of a call that measures packing.
const PACKED_TOKENS: usize = 1024;
/// How long a workload is repeated, and the least and most repetitions.
const DURATION: Duration = Duration::from_millis(500);
const REPETITIONS: [usize; 2] = [3, 2_000];
/// After this time, one repetition is enough.
const LONG_DURATION: Duration = Duration::from_secs(5);
/// How many texts of a workload are checked.
const CHECKED_TEXTS: usize = 16;

/// Why a benchmark failed.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum BenchError {
    /// The encoder failed.
    #[error(transparent)]
    Encoder(#[from] EncoderError),
    /// The logits of a text differ between a batch and the text alone, or are not finite.
    #[error("{precision}, {workload}: the logits of text {text} are {packed:?} in a batch, but {alone:?} alone")]
    Batching {
        /// The number format.
        precision: Precision,
        /// The workload.
        workload: String,
        /// The index of the text.
        text: usize,
        /// Its logits in the batch.
        packed: Vec<f32>,
        /// Its logits alone.
        alone: Vec<f32>,
    },
}

/// Texts to compute, packed into batches or one at a time.
#[derive(Debug)]
pub struct Workload {
    name: String,
    encodings: Vec<Encoding>,
    packed: bool,
}

/// The speed of a workload.
#[derive(Debug, Serialize)]
pub struct Measurement {
    precision: String,
    /// The name of the workload.
    pub workload: String,
    /// Texts per call.
    pub texts: usize,
    /// Tokens per call; the mean if calls differ.
    pub tokens: usize,
    /// The median time of a call in milliseconds.
    pub ms: f64,
    /// Texts per second.
    pub sentences_per_s: f64,
    /// Tokens per second.
    pub tokens_per_s: f64,
    /// Billions of operations per second; a multiplication and an addition count as two.
    pub gop_per_s: f64,
    /// The same for a loop that works on registers only, in the same arithmetic.
    pub peak_gop_per_s: f64,
    /// `gop_per_s / peak_gop_per_s`.
    pub share_of_peak: f64,
}

impl Workload {
    /// For each length up to `max_length`: one text, and as many as fill a batch.
    pub fn of_lengths(lengths: &[usize], vocab_size: usize, max_length: usize) -> Vec<Self> {
        let lengths = lengths.iter().copied().filter(|&length| length <= max_length);
        lengths
            .flat_map(|length| {
                let texts = |count| (0..count).map(|seed| tokens(length, vocab_size, seed)).collect();
                let name = format!("length {length}");
                let packed = Self {
                    name: format!("{name}, packed"),
                    encodings: texts((PACKED_TOKENS / length).max(1)),
                    packed: true,
                };
                [Self { name, encodings: texts(1), packed: false }, packed]
            })
            .collect()
    }

    /// Texts with the lengths of sentences in financial news, at most `max_length`.
    pub fn of_mixed_lengths(vocab_size: usize, max_length: usize) -> [Self; 2] {
        let mixed = MIXED_LENGTHS.iter().enumerate();
        let mixed = mixed.map(|(seed, &length)| tokens(length.min(max_length), vocab_size, seed)).collect();
        Self::both("mixed lengths", mixed)
    }

    /// The same texts, one at a time and packed.
    pub fn both(name: &str, encodings: Vec<Encoding>) -> [Self; 2] {
        [("one at a time", false), ("packed", true)].map(|(how, packed)| Self {
            name: format!("{name}, {how}"),
            encodings: encodings.clone(),
            packed,
        })
    }

    /// The batches of each call.
    fn calls(&self) -> Vec<Vec<PackedBatch>> {
        if !self.packed {
            return self.encodings.iter().map(|encoding| vec![PackedBatch::pack([encoding])]).collect();
        }
        let lengths: Vec<usize> = self.encodings.iter().map(Encoding::len).collect();
        let batches = plan_batches(&lengths, MAX_BATCH_TOKENS).into_iter();
        vec![batches.map(|batch| PackedBatch::pack(batch.into_iter().map(|text| &self.encodings[text]))).collect()]
    }

    /// Runs the workload for about half a second. `peak_gop_per_s` is the peak of the hardware in this precision;
    /// [`Encoder::peak_gops`] measures it.
    ///
    /// # Errors
    /// [`BenchError`] if the encoder fails, or a text's logits depend on its batch.
    pub fn measure(&self, encoder: &Encoder, peak_gop_per_s: f64) -> Result<Measurement, BenchError> {
        let calls = self.calls();
        // This also warms up.
        self.check(encoder)?;
        let (start, [least, most]) = (Instant::now(), REPETITIONS);
        let mut seconds: Vec<f64> = Vec::new();
        let repetitions = || match start.elapsed() {
            elapsed if elapsed < DURATION => most,
            elapsed if elapsed < LONG_DURATION => least,
            _ => 1,
        };
        while seconds.len() < repetitions() {
            // A repetition runs every text, because texts differ in length.
            for call in &calls {
                let start = Instant::now();
                for batch in call {
                    encoder.forward(batch)?;
                }
                seconds.push(start.elapsed().as_secs_f64());
            }
        }
        seconds.sort_by(f64::total_cmp);
        let median = seconds[seconds.len() / 2];
        let mean = seconds.iter().sum::<f64>() / seconds.len() as f64;

        let lengths: Vec<usize> = self.encodings.iter().map(Encoding::len).collect();
        let (texts, tokens) = (lengths.len() / calls.len(), lengths.iter().sum::<usize>() / calls.len());
        let gop_per_s = encoder.operations(&lengths) / calls.len() as f64 / mean / 1e9;
        Ok(Measurement {
            precision: encoder.precision().to_string(),
            workload: self.name.clone(),
            texts,
            tokens,
            ms: median * 1e3,
            sentences_per_s: texts as f64 / mean,
            tokens_per_s: tokens as f64 / mean,
            gop_per_s,
            peak_gop_per_s,
            share_of_peak: gop_per_s / peak_gop_per_s,
        })
    }

    /// Checks that the first texts have the same logits, bit for bit, in a batch and alone.
    fn check(&self, encoder: &Encoder) -> Result<(), BenchError> {
        let encodings = &self.encodings[..self.encodings.len().min(CHECKED_TEXTS)];
        let packed = encoder.forward(&PackedBatch::pack(encodings))?;
        for (text, (packed, encoding)) in packed.rows().zip(encodings).enumerate() {
            let alone = encoder.forward(&PackedBatch::pack([encoding]))?;
            let alone = alone.rows().next().unwrap_or_default();
            if packed != alone || packed.iter().any(|logit| !logit.is_finite()) {
                let (packed, alone, workload) = (packed.to_vec(), alone.to_vec(), self.name.clone());
                return Err(BenchError::Batching { precision: encoder.precision(), workload, text, packed, alone });
            }
        }
        Ok(())
    }
}

/// A text of random ids that depend on `seed` only.
fn tokens(length: usize, vocab_size: usize, seed: usize) -> Encoding {
    let mut state = seed as u64;
    let mut id = || {
        // Knuth's MMIX generator. Its high bits are the random ones.
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((state >> 33) % vocab_size as u64) as u32
    };
    Encoding { input_ids: (0..length).map(|_| id()).collect(), token_type_ids: vec![0; length], truncated: false }
}
