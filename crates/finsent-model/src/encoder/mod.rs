//! BERT and its relatives for sequence classification, over a packed batch.
//!
//! The models are transformers' `BertForSequenceClassification` (`models/bert/modeling_bert.py`) and its equivalents
//! for the other [`Architecture`]s. `structure` says what each consists of. Two differences do not change the result.
//! There is no padding: the tokens of all texts form one `[total_tokens, hidden_size]` matrix, and attention runs over
//! the rows of each text. And if the head reads the first token of each text only, so does the last layer.

mod architecture;
mod arena;
mod attention;
mod config;
mod config_error;
mod custom_op;
mod deberta;
mod embeddings;
mod engine;
mod error;
mod feed_forward;
mod head;
mod id2label;
mod layer;
mod logits;
mod modern_bert;
mod network;
mod norm;
mod operations;
mod parameters;
mod pooling;
mod recording;
mod relative;
mod structure;
mod weights;

use std::cell::RefCell;
use std::sync::Arc;

use candle_core::{Device, Tensor};
use finsent_kernels::{Precision, ThreadPool};

pub use self::architecture::Architecture;
pub use self::config::Config;
pub(crate) use self::config::PACKED;
pub use self::config_error::ConfigError;
pub(crate) use self::engine::Operands;
pub use self::error::EncoderError;
pub use self::logits::Logits;
pub(crate) use self::parameters::Parameter;
pub(crate) use self::recording::Recording;
#[cfg(feature = "verify")]
pub(crate) use self::structure::{HeadActivation, Pooling};

use self::custom_op::ClassifyPacked;
use self::network::Network;
use crate::batch::PackedBatch;
use crate::checkpoint::Checkpoint;

/// A loaded network that turns packed batches into logits.
#[derive(Debug)]
pub struct Encoder {
    config: Config,
    network: Network,
}

impl Encoder {
    /// Reads the tensors that `config` describes and packs them in `precision`. The threads of `pool` compute.
    ///
    /// # Errors
    /// [`EncoderError::Checkpoint`] with the tensor that is missing or has the wrong shape.
    pub fn load(
        config: &Config,
        checkpoint: &Checkpoint,
        precision: Precision,
        pool: Arc<ThreadPool>,
    ) -> Result<Self, EncoderError> {
        let network = Network::load(config, checkpoint, precision, pool, None)?;
        Ok(Self { config: config.clone(), network })
    }

    /// Loads the network as [`Encoder::load`] does, and keeps the weights as this CPU reads them instead of the network.
    ///
    /// # Errors
    /// See [`Encoder::load`].
    pub(crate) fn record(
        config: &Config,
        checkpoint: &Checkpoint,
        precision: Precision,
        pool: Arc<ThreadPool>,
    ) -> Result<Recording, EncoderError> {
        let recording = RefCell::default();
        Network::load(config, checkpoint, precision, pool, Some(&recording))?;
        Ok(recording.into_inner())
    }

    /// The number of logits per text.
    pub fn num_labels(&self) -> usize {
        self.network.num_labels()
    }

    /// The number format of the weights and, where the hardware supports it, of the activations.
    pub fn precision(&self) -> Precision {
        self.network.engine().precision
    }

    /// The instruction set of the kernels.
    pub fn isa_name(&self) -> &'static str {
        self.network.engine().isa.name()
    }

    /// The number of compute threads.
    pub fn threads(&self) -> usize {
        self.network.engine().pool.threads()
    }

    /// The number of ids that the model knows.
    pub fn vocab_size(&self) -> usize {
        self.config.vocab_size
    }

    /// Measures the peak of the hardware: billions of operations per second on registers only, in this encoder's
    /// arithmetic.
    pub fn peak_gops(&self) -> f64 {
        let engine = self.network.engine();
        finsent_kernels::peak_gops(engine.isa, engine.pool, engine.precision)
    }

    /// The operations for texts with these numbers of tokens; a multiplication and an addition count as two.
    ///
    /// Counted are the matrix products of the layers and of attention. If the head reads only the first token of a text,
    /// the last layer has the queries of the first tokens only.
    pub fn operations(&self, lengths: &[usize]) -> f64 {
        operations::of(&self.config, lengths)
    }

    /// Computes the logits of each text of the batch, in order.
    ///
    /// The logits of a text are the same, bit for bit, alone or in any batch and with any number of threads. One call
    /// runs at a time; others wait.
    ///
    /// # Errors
    /// [`EncoderError::Id`] if the model does not know an id of the batch.
    pub fn forward(&self, batch: &PackedBatch) -> Result<Logits, EncoderError> {
        self.forward_with(batch, Operands::Native)
    }

    pub(crate) fn forward_with(&self, batch: &PackedBatch, operands: Operands) -> Result<Logits, EncoderError> {
        self.network.check(batch)?;
        let logits = Tensor::new(batch.input_ids.as_slice(), &Device::Cpu)
            .and_then(|input_ids| self.classify_packed(&input_ids, batch, operands))
            .and_then(|logits| logits.flatten_all()?.to_vec1())
            .map_err(EncoderError::candle)?;
        Ok(Logits::new(logits, self.num_labels()))
    }

    /// The logits as a tensor `[texts, labels]`; `input_ids` are those of the batch.
    ///
    /// # Errors
    /// [`EncoderError::Id`], or what candle says.
    pub(crate) fn forward_tensor(&self, input_ids: &Tensor, batch: &PackedBatch) -> candle_core::Result<Tensor> {
        self.network.check(batch).map_err(candle_core::Error::wrap)?;
        self.classify_packed(input_ids, batch, Operands::Native)
    }

    fn classify_packed(
        &self,
        input_ids: &Tensor,
        batch: &PackedBatch,
        operands: Operands,
    ) -> candle_core::Result<Tensor> {
        input_ids.apply_op1_no_bwd(&ClassifyPacked { network: &self.network, batch, operands })
    }
}
