//! How fast the encoder is on this machine, beside what the machine can do at most.

use std::time::{Duration, Instant};

use finsent_kernels::Precision;
use serde::Serialize;
use thiserror::Error;

use crate::batch::{MAX_BATCH_TOKENS, PackedBatch, plan_passes};
use crate::encoder::{Encoder, EncoderError};
use crate::tokenizer::Encoding;

/// Lengths of texts in tokens, `[CLS]` and `[SEP]` included.
pub const LENGTHS: [usize; 6] = [8, 16, 32, 64, 128, 512];
/// Lengths of 64 sentences in tokens, spread as those of financial news are: half of them under 29, a mean of 33.
const MIXED_LENGTHS: [usize; 64] = [
    28, 41, 19, 33, 12, 57, 24, 36, 16, 29, 48, 22, 31, 9, 38, 26, 66, 20, 34, 14, 44, 27, 18, 52, 23, 30, 39, 11, 35,
    25, 81, 21, 32, 17, 46, 28, 13, 37, 24, 60, 19, 29, 42, 15, 33, 26, 50, 22, 30, 70, 18, 27, 40, 23, 34, 12, 55, 25,
    31, 20, 47, 28, 63, 36,
];
/// Tokens of a call that measures packing, at the least.
const PACKED_TOKENS: usize = 1024;
/// Time that a workload is repeated for, and the least and most repetitions.
const TIME: Duration = Duration::from_millis(500);
const REPETITIONS: [usize; 2] = [3, 2_000];
/// Time after which one repetition is enough.
const LONG: Duration = Duration::from_secs(5);
/// Texts of a workload whose answers are compared.
const CHECKED: usize = 16;

/// The engine gave other answers than it should.
#[derive(Debug, Error)]
pub enum BenchError {
    /// A pass failed.
    #[error(transparent)]
    Encoder(#[from] EncoderError),
    /// A text's logits depend on its company, or are not finite.
    #[error("{precision}, {workload}: the logits of text {text} are {packed:?} in company and {alone:?} alone")]
    Company { precision: Precision, workload: String, text: usize, packed: Vec<f32>, alone: Vec<f32> },
}

/// Texts that are run together or one after the other.
#[derive(Debug)]
pub struct Workload {
    name: String,
    encodings: Vec<Encoding>,
    packed: bool,
}

/// What one workload took.
#[derive(Debug, Serialize)]
pub struct Measurement {
    precision: String,
    pub workload: String,
    /// Texts a call.
    pub texts: usize,
    /// Tokens a call; the mean where calls differ.
    pub tokens: usize,
    /// Median time of a call.
    pub ms: f64,
    pub sentences_per_s: f64,
    pub tokens_per_s: f64,
    /// Billions of operations a second, a multiplication and an addition being two.
    pub gop_per_s: f64,
    /// What the machine reached in a loop on registers alone, in the same arithmetic.
    pub peak_gop_per_s: f64,
    pub share_of_peak: f64,
}

impl Workload {
    /// One text of each length, and as many as fill a pass.
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

    /// Texts of the lengths that sentences have.
    pub fn of_mixed_lengths(vocab_size: usize, max_length: usize) -> [Self; 2] {
        let mixed = MIXED_LENGTHS.iter().enumerate();
        let mixed = mixed.map(|(seed, &length)| tokens(length.min(max_length), vocab_size, seed)).collect();
        Self::both("mixed lengths", mixed)
    }

    /// The same texts one at a time and packed.
    pub fn both(name: &str, encodings: Vec<Encoding>) -> [Self; 2] {
        [("one at a time", false), ("packed", true)].map(|(how, packed)| Self {
            name: format!("{name}, {how}"),
            encodings: encodings.clone(),
            packed,
        })
    }

    /// The passes of each call.
    fn calls(&self) -> Vec<Vec<PackedBatch>> {
        if !self.packed {
            return self.encodings.iter().map(|encoding| vec![PackedBatch::pack([encoding])]).collect();
        }
        let lengths: Vec<usize> = self.encodings.iter().map(Encoding::len).collect();
        let passes = plan_passes(&lengths, MAX_BATCH_TOKENS).into_iter();
        vec![passes.map(|pass| PackedBatch::pack(pass.into_iter().map(|text| &self.encodings[text]))).collect()]
    }

    /// Runs the workload until its time is over. `peak_gop_per_s` is what the machine can do in this precision.
    pub fn measure(&self, encoder: &Encoder, peak_gop_per_s: f64) -> Result<Measurement, BenchError> {
        let calls = self.calls();
        // This is the warm-up too.
        self.check(encoder)?;
        let (start, [least, most]) = (Instant::now(), REPETITIONS);
        let mut seconds: Vec<f64> = Vec::new();
        let wanted = || match start.elapsed() {
            elapsed if elapsed < TIME => most,
            elapsed if elapsed < LONG => least,
            _ => 1,
        };
        while seconds.len() < wanted() {
            // Of texts one at a time, each has to have its turn.
            for call in &calls {
                let start = Instant::now();
                for pass in call {
                    encoder.forward(pass)?;
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

    /// The first texts must have the bits in company that they have alone.
    fn check(&self, encoder: &Encoder) -> Result<(), BenchError> {
        let encodings = &self.encodings[..self.encodings.len().min(CHECKED)];
        let packed = encoder.forward(&PackedBatch::pack(encodings))?;
        for (text, (packed, encoding)) in packed.rows().zip(encodings).enumerate() {
            let alone = encoder.forward(&PackedBatch::pack([encoding]))?;
            let alone = alone.rows().next().unwrap_or_default();
            if packed != alone || packed.iter().any(|logit| !logit.is_finite()) {
                let (packed, alone, workload) = (packed.to_vec(), alone.to_vec(), self.name.clone());
                return Err(BenchError::Company { precision: encoder.precision(), workload, text, packed, alone });
            }
        }
        Ok(())
    }
}

/// A text of random ids; the same for the same `seed`.
fn tokens(length: usize, vocab_size: usize, seed: usize) -> Encoding {
    let mut state = seed as u64;
    let mut id = || {
        // Knuth's MMIX generator; its high bits are the random ones.
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((state >> 33) % vocab_size as u64) as u32
    };
    Encoding { input_ids: (0..length).map(|_| id()).collect(), token_type_ids: vec![0; length], truncated: false }
}
