//! BERT for sequence classification, over a packed batch.
//!
//! The model is transformers' `BertForSequenceClassification` (`models/bert/modeling_bert.py`) with two differences that
//! leave the answer as it is: there is no padding (all tokens of all texts are one `[total_tokens, hidden_size]` matrix,
//! and attention runs over each text's own rows), and the last layer computes only the row of `[CLS]`, the one that the
//! head reads.

mod attention;
mod config;
mod embeddings;
mod head;
mod layer;
mod logits;
mod ops;
mod weights;

use thiserror::Error;

pub use config::{Config, ConfigError};
pub use logits::Logits;

use self::embeddings::Embeddings;
use self::head::Head;
use self::layer::Layer;
use self::weights::Weights;
use crate::batch::PackedBatch;
use crate::checkpoint::{Checkpoint, CheckpointError};

/// Why the encoder cannot be built or gave no answer.
#[derive(Debug, Error)]
pub enum EncoderError {
    /// The checkpoint does not hold what the configuration describes.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// candle refused an operation.
    #[error("the encoder failed: {0}")]
    Candle(#[from] candle_core::Error),
}

/// A loaded model.
#[derive(Debug)]
pub struct Encoder {
    embeddings: Embeddings,
    layers: Vec<Layer>,
    last_layer: Layer,
    head: Head,
    num_labels: usize,
}

impl Encoder {
    /// Reads the tensors that `config` describes, as f32.
    ///
    /// # Errors
    /// [`EncoderError::Checkpoint`] naming the tensor that is missing or misshapen.
    pub fn load(config: &Config, checkpoint: &Checkpoint) -> Result<Self, EncoderError> {
        let weights = Weights::root(checkpoint);
        let layer = |index| Layer::load(&weights.at(&format!("encoder.layer.{index}")), config);
        let last = config.num_hidden_layers - 1;
        let num_labels = num_labels(config, checkpoint)?;
        Ok(Self {
            embeddings: Embeddings::load(&weights.at("embeddings"), config)?,
            layers: (0..last).map(layer).collect::<Result<_, _>>()?,
            last_layer: layer(last)?,
            head: Head::load(&weights, config.hidden_size, num_labels)?,
            num_labels,
        })
    }

    /// Number of logits a text.
    pub fn num_labels(&self) -> usize {
        self.num_labels
    }

    /// Runs one pass: a row of logits for each text of the batch, in its order.
    ///
    /// # Errors
    /// [`EncoderError`] when an id is outside the vocabulary.
    pub fn forward(&self, batch: &PackedBatch) -> Result<Logits, EncoderError> {
        let mut hidden_states = self.embeddings.forward(batch)?;
        for layer in &self.layers {
            hidden_states = layer.forward(&hidden_states, &batch.cu_seqlens)?;
        }
        let first_token = self.last_layer.forward_first(&hidden_states, &batch.cu_seqlens)?;
        let logits = self.head.forward(&first_token)?.flatten_all()?.to_vec1()?;
        Ok(Logits::new(logits, self.num_labels))
    }
}

/// The rows of the classifier: what the file has, since old configurations name no labels.
fn num_labels(config: &Config, checkpoint: &Checkpoint) -> Result<usize, CheckpointError> {
    const CLASSIFIER: &str = "classifier.weight";
    match checkpoint.shape(CLASSIFIER) {
        Some(&[rows, columns]) if columns == config.hidden_size => Ok(rows),
        _ => {
            let rows = config.id2label.as_ref().map_or(2, |labels| labels.len());
            checkpoint.tensor(CLASSIFIER, &[rows, config.hidden_size]).map(|_| rows)
        }
    }
}
