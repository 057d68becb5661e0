//! Settings of a model that are not in its files.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;

use finsent_kernels::Precision;

/// Settings of a model that are not in its files.
#[derive(Debug, Clone)]
pub struct ModelOptions {
    /// A window in tokens that is smaller than the model's own.
    pub max_length: Option<usize>,
    /// New names for labels, keyed by the label in the checkpoint.
    pub label_aliases: BTreeMap<String, String>,
    /// The number format to compute in.
    pub precision: Precision,
    /// Only with int8: a text whose two largest probabilities are closer than this is computed again with f32
    /// activations. 0 turns that off.
    pub int8_margin: f32,
    /// How many batches are computed at the same time, on a share of the threads each. `None` lets the number of threads,
    /// the size of the model and the memory decide.
    pub workers: Option<NonZeroUsize>,
    /// Whether the model is loaded by the calling thread alone, so that others compute with all threads meanwhile.
    pub in_background: bool,
}

/// How often labels agree with f32 at this margin, and how many texts are computed again, is in docs/benchmarks.md.
const DEFAULT_INT8_MARGIN: f32 = 0.13;

impl Default for ModelOptions {
    fn default() -> Self {
        Self {
            max_length: None,
            label_aliases: BTreeMap::new(),
            precision: Precision::default(),
            int8_margin: DEFAULT_INT8_MARGIN,
            workers: None,
            in_background: false,
        }
    }
}
