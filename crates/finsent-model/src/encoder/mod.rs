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
mod worker;

use std::cell::RefCell;
use std::sync::Arc;

use candle_core::{Device, Tensor};
use finsent_kernels::{ComputeThreads, Precision};

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
pub(crate) use self::worker::Worker;

use self::custom_op::ClassifyPacked;
use self::network::{Network, Packing};
use crate::batch::PackedBatch;
use crate::checkpoint::Checkpoint;

/// A loaded network that turns packed batches into logits.
#[derive(Debug)]
pub struct Encoder {
    config: Config,
    network: Network,
}

impl Encoder {
    /// Reads the tensors that `config` describes and packs them in `precision`. `threads` compute, one batch at a time
    /// unless [`set_workers`](Self::set_workers) changes that.
    ///
    /// # Errors
    /// [`EncoderError::Checkpoint`] with the tensor that is missing or has the wrong shape.
    pub fn load(
        config: &Config,
        checkpoint: &Checkpoint,
        precision: Precision,
        threads: Arc<ComputeThreads>,
    ) -> Result<Self, EncoderError> {
        let network = Network::load(config, checkpoint, precision, threads, Packing::OnAllThreads)?;
        Ok(Self { config: config.clone(), network })
    }

    /// As [`load`](Self::load), on the calling thread alone.
    ///
    /// # Errors
    /// See [`Encoder::load`].
    pub(crate) fn load_in_background(
        config: &Config,
        checkpoint: &Checkpoint,
        precision: Precision,
        threads: Arc<ComputeThreads>,
    ) -> Result<Self, EncoderError> {
        let network = Network::load(config, checkpoint, precision, threads, Packing::Alone)?;
        Ok(Self { config: config.clone(), network })
    }

    /// Sets how many batches may be computed at the same time: at least one, and not more than there are threads. They
    /// share the weights, each has memory for activations of its own, and the threads are divided among those that compute.
    pub fn set_workers(&mut self, workers: usize) {
        self.network.set_workers(&self.config, workers.clamp(1, self.threads()));
    }

    /// How many batches may be computed at the same time.
    pub fn workers(&self) -> usize {
        self.network.workers().count()
    }

    /// What the network consists of.
    pub(crate) fn config(&self) -> &Config {
        &self.config
    }

    /// The bytes of activations that each worker needs per token of its largest batch.
    pub(crate) fn activation_bytes_per_token(&self) -> usize {
        self.network.bytes_per_token()
    }

    /// The bytes that attention takes of each thread per token of the longest text: keys, values and scores of a head.
    pub(crate) fn attention_bytes_per_token(&self) -> usize {
        /// Rows of scores that are computed together.
        const ROWS: usize = 16;
        (2 * self.config.hidden_size / self.config.num_attention_heads + ROWS) * size_of::<f32>()
    }

    /// Waits for a worker, in the order of the calls.
    pub(crate) fn worker(&self) -> Worker<'_> {
        self.network.worker()
    }

    /// A worker, if one is idle that nobody waits for.
    pub(crate) fn try_worker(&self) -> Option<Worker<'_>> {
        self.network.try_worker()
    }

    /// Whether someone waits for a worker, of this encoder or of another one with the same threads.
    pub(crate) fn is_awaited(&self) -> bool {
        self.network.workers().are_awaited() || self.network.threads().are_awaited()
    }

    /// Loads the network as [`Encoder::load`] does, and keeps the weights as this CPU reads them instead of the network.
    ///
    /// # Errors
    /// See [`Encoder::load`].
    pub(crate) fn record(
        config: &Config,
        checkpoint: &Checkpoint,
        precision: Precision,
        threads: Arc<ComputeThreads>,
    ) -> Result<Recording, EncoderError> {
        let recording = RefCell::default();
        Network::load(config, checkpoint, precision, threads, Packing::Recorded(&recording))?;
        Ok(recording.into_inner())
    }

    /// The number of logits per text.
    pub fn num_labels(&self) -> usize {
        self.network.num_labels()
    }

    /// The number format of the weights and, where the hardware supports it, of the activations.
    pub fn precision(&self) -> Precision {
        self.network.precision()
    }

    /// The instruction set of the kernels.
    pub fn isa_name(&self) -> &'static str {
        self.network.isa().name()
    }

    /// The number of compute threads.
    pub fn threads(&self) -> usize {
        self.network.threads().threads()
    }

    /// The number of ids that the model knows.
    pub fn vocab_size(&self) -> usize {
        self.config.vocab_size
    }

    /// Measures the peak of the hardware: billions of operations per second on registers only, in this encoder's
    /// arithmetic.
    pub fn peak_gops(&self) -> f64 {
        finsent_kernels::peak_gops(self.network.isa(), &self.network.threads().pool(), self.network.precision())
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
    /// The logits of a text are the same, bit for bit, alone or in any batch and with any number of threads and workers. As
    /// many calls run at a time as there are [`workers`](Self::workers); others wait.
    ///
    /// # Errors
    /// [`EncoderError::Id`] if the model does not know an id of the batch.
    pub fn forward(&self, batch: &PackedBatch) -> Result<Logits, EncoderError> {
        self.forward_on(&self.worker(), batch, Operands::Native)
    }

    /// As [`forward`](Self::forward), on a worker of this encoder.
    pub(crate) fn forward_on(
        &self,
        worker: &Worker<'_>,
        batch: &PackedBatch,
        operands: Operands,
    ) -> Result<Logits, EncoderError> {
        self.network.check(batch)?;
        let logits = Tensor::new(batch.input_ids.as_slice(), &Device::Cpu)
            .and_then(|input_ids| self.classify_packed(worker, &input_ids, batch, operands))
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
        self.classify_packed(&self.worker(), input_ids, batch, Operands::Native)
    }

    fn classify_packed(
        &self,
        worker: &Worker<'_>,
        input_ids: &Tensor,
        batch: &PackedBatch,
        operands: Operands,
    ) -> candle_core::Result<Tensor> {
        input_ids.apply_op1_no_bwd(&ClassifyPacked { network: &self.network, worker, batch, operands })
    }
}
