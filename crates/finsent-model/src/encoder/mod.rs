//! BERT and its kin for sequence classification, over a packed batch.
//!
//! The models are transformers' `BertForSequenceClassification` (`models/bert/modeling_bert.py`), and those of DistilBERT
//! and RoBERTa, which are the same layers between other embeddings and heads ([`Architecture`]). There are two differences
//! that leave the answer as it is: there is no padding (all tokens of all texts are one `[total_tokens, hidden_size]`
//! matrix, and attention runs over each text's own rows), and the last layer computes only the row of `[CLS]`, the one
//! that the head reads.

mod architecture;
mod arena;
mod attention;
mod config;
mod embeddings;
mod head;
mod labels;
mod layer;
mod logits;
mod ops;
mod parameters;
mod weights;

use std::sync::{Arc, Mutex, PoisonError};

use candle_core::{Device, Tensor};
use thiserror::Error;

pub use architecture::Architecture;
pub use config::{Config, ConfigError};
pub use logits::Logits;

use self::arena::Arena;
use self::embeddings::Embeddings;
use self::head::Head;
use self::layer::Layer;
use self::ops::Pass;
use self::weights::Weights;
use crate::batch::PackedBatch;
use crate::checkpoint::{Checkpoint, CheckpointError};
use finsent_kernels::Precision;
use finsent_kernels::{Isa, IsaError, ThreadPool};

/// Why the encoder cannot be built or gave no answer.
#[derive(Debug, Error)]
pub enum EncoderError {
    /// The checkpoint does not hold what the configuration describes.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// The kernels that were asked for cannot run here.
    #[error(transparent)]
    Isa(#[from] IsaError),
    /// A batch holds an id that the model does not know.
    #[error("`{name}` holds {id}, but the model's table has {rows} rows")]
    Id {
        /// Which of the batch's ids.
        name: &'static str,
        /// The id.
        id: u32,
        /// Rows of the table.
        rows: usize,
    },
    /// candle refused an operation.
    #[error("the encoder failed: {}", words(.0))]
    Candle(#[from] candle_core::Error),
}

/// candle's words without the backtrace that it adds where `RUST_BACKTRACE` is set: they go to the service's clients, whom
/// the paths of sources do not concern.
fn words(error: &candle_core::Error) -> &candle_core::Error {
    match error {
        candle_core::Error::WithBacktrace { inner, .. } => words(inner),
        error => error,
    }
}

/// What weights are packed for, and what computes with them.
#[derive(Debug, Clone, Copy)]
struct Engine<'a> {
    isa: Isa,
    pool: &'a ThreadPool,
    precision: Precision,
}

/// In what form the activations of a pass meet the weights.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operands {
    /// The form that the precision is fastest in.
    Native,
    /// f32: what is left of the rounding is that of the weights.
    F32,
}

/// A loaded model.
#[derive(Debug)]
pub struct Encoder {
    config: Config,
    isa: Isa,
    pool: Arc<ThreadPool>,
    precision: Precision,
    embeddings: Embeddings,
    layers: Vec<Layer>,
    last_layer: Layer,
    head: Head,
    num_labels: usize,
    arena: Mutex<Arena>,
}

impl Encoder {
    /// Reads the tensors that `config` describes and packs them in `precision`. The threads of `pool` compute.
    ///
    /// # Errors
    /// [`EncoderError::Checkpoint`] naming the tensor that is missing or misshapen.
    pub fn load(
        config: &Config,
        checkpoint: &Checkpoint,
        precision: Precision,
        pool: Arc<ThreadPool>,
    ) -> Result<Self, EncoderError> {
        let isa = Isa::chosen()?;
        let engine = Engine { isa, pool: &pool, precision };
        let weights = Weights::root(checkpoint, engine);
        let layer = |index| Layer::load(&weights.at(&config.architecture.names().layer(index)), config);
        let last = config.num_hidden_layers - 1;
        let num_labels = num_labels(config, checkpoint)?;
        Ok(Self {
            config: config.clone(),
            isa,
            precision,
            embeddings: Embeddings::load(&weights.at("embeddings"), config)?,
            layers: (0..last).map(layer).collect::<Result<_, _>>()?,
            last_layer: layer(last)?,
            head: Head::load(&weights, config, num_labels)?,
            num_labels,
            arena: Mutex::new(Arena::new(config, engine)),
            pool,
        })
    }

    /// Number of logits a text.
    pub fn num_labels(&self) -> usize {
        self.num_labels
    }

    pub fn precision(&self) -> Precision {
        self.precision
    }

    pub fn isa_name(&self) -> &'static str {
        self.isa.name()
    }

    pub fn threads(&self) -> usize {
        self.pool.threads()
    }

    pub fn vocab_size(&self) -> usize {
        self.config.vocab_size
    }

    /// Billions of operations a second that the machine reaches on registers alone, in this encoder's arithmetic.
    pub fn peak_gops(&self) -> f64 {
        finsent_kernels::peak_gops(self.isa, &self.pool, self.precision)
    }

    /// Operations that texts of these lengths take, a multiplication and an addition being two: the products of the
    /// layers and of attention, of which the last layer has the queries of the first tokens only.
    pub fn operations(&self, lengths: &[usize]) -> f64 {
        let &Config { hidden_size, intermediate_size, num_hidden_layers, .. } = &self.config;
        let (hidden, intermediate, whole_layers) =
            (hidden_size as f64, intermediate_size as f64, (num_hidden_layers - 1) as f64);
        let of_queries = 2.0 * hidden * hidden + 2.0 * hidden * intermediate;
        let of_keys = 2.0 * hidden * hidden;
        let of_text = |length: f64| {
            let layer = |queries: f64| queries * of_queries + length * of_keys + 2.0 * queries * length * hidden;
            whole_layers * layer(length) + layer(1.0)
        };
        2.0 * lengths.iter().map(|&length| of_text(length as f64)).sum::<f64>()
    }

    /// Runs one pass: a row of logits for each text of the batch, in its order. Each text's logits have the bits that it
    /// has alone, whatever the batch and the number of threads. Passes of one encoder wait for each other.
    ///
    /// # Errors
    /// [`EncoderError`] when an id is outside its table.
    pub fn forward(&self, batch: &PackedBatch) -> Result<Logits, EncoderError> {
        self.forward_with(batch, Operands::Native)
    }

    pub fn forward_with(&self, batch: &PackedBatch, operands: Operands) -> Result<Logits, EncoderError> {
        self.embeddings.check(batch)?;
        let input_ids = Tensor::new(batch.input_ids.as_slice(), &Device::Cpu)?;
        let logits = input_ids.apply_op1_no_bwd(&Pass { encoder: self, batch, operands })?;
        Ok(Logits::new(logits.flatten_all()?.to_vec1()?, self.num_labels))
    }

    /// The pass itself: `[texts, num_labels]`, row-major.
    fn run(&self, batch: &PackedBatch, operands: Operands) -> Vec<f32> {
        // A pass that panicked has left nothing that the next one reads.
        let engine = Engine { isa: self.isa, pool: &self.pool, precision: self.precision };
        let arena = &mut *self.arena.lock().unwrap_or_else(PoisonError::into_inner);
        self.embeddings.forward(engine, operands, batch, &mut arena.hidden);
        for layer in &self.layers {
            layer.forward(engine, operands, arena, &batch.cu_seqlens);
        }
        self.last_layer.forward_first(engine, operands, arena, &batch.cu_seqlens);
        self.head.forward(engine, &arena.first.values)
    }
}

/// The rows of the classifier: what the file has, since old configurations name no labels.
fn num_labels(config: &Config, checkpoint: &Checkpoint) -> Result<usize, CheckpointError> {
    let classifier = format!("{}.weight", config.architecture.names().classifier);
    match checkpoint.shape(&classifier) {
        Some(&[rows, columns]) if columns == config.hidden_size => Ok(rows),
        _ => {
            let rows = config.id2label.as_ref().map_or(2, |labels| labels.len());
            checkpoint.matrix(&classifier, [rows, config.hidden_size]).map(|_| rows)
        }
    }
}

#[cfg(test)]
mod tests {
    use std::backtrace::Backtrace;

    use super::*;

    #[test]
    fn an_error_of_candle_is_told_without_its_backtrace() {
        let inner = Box::new(candle_core::Error::Msg("two shapes differ".into()));
        let backtrace = Box::new(Backtrace::force_capture());
        let error = candle_core::Error::WithBacktrace { inner, backtrace };
        assert_ne!(error.to_string(), "two shapes differ");
        assert_eq!(EncoderError::from(error).to_string(), "the encoder failed: two shapes differ");
    }
}
