//! The network: embeddings, layers and head on the kernels, with the memory that they work in.

use std::cell::RefCell;
use std::num::NonZeroUsize;
use std::sync::Arc;

use finsent_kernels::{ComputeThreads, Isa, LayerNorm, Matrix, Precision, ThreadPool, WeightStore};

use super::arena::{self, Arena};
use super::config::Config;
use super::embeddings::Embeddings;
use super::engine::{Engine, Operands};
use super::error::EncoderError;
use super::head::Head;
use super::layer::Layer;
use super::parameters::num_labels;
use super::pooling;
use super::recording::Recording;
use super::relative::RelativeEmbeddings;
use super::structure::Pooling;
use super::weights::Weights;
use super::worker::{Worker, Workers};
use crate::batch::PackedBatch;
use crate::checkpoint::Checkpoint;

/// All layers of a model, packed for the kernels.
#[derive(Debug)]
pub(super) struct Network {
    isa: Isa,
    threads: Arc<ComputeThreads>,
    precision: Precision,
    embeddings: Embeddings,
    layers: Vec<Layer>,
    last_layer: Layer,
    final_norm: Option<LayerNorm>,
    pooling: Pooling,
    head: Head,
    num_labels: usize,
    workers: Workers,
    bytes_per_token: usize,
}

/// Who packs the weights, and who keeps them.
#[derive(Debug, Clone, Copy)]
pub(super) enum Packing<'a> {
    /// All threads, or the share of them that others leave.
    OnAllThreads,
    /// The calling thread, while others compute.
    Alone,
    /// All threads, and the weights are kept.
    Recorded(&'a RefCell<Recording>),
}

impl<'a> Packing<'a> {
    fn recording(self) -> Option<&'a RefCell<Recording>> {
        if let Self::Recorded(recording) = self { Some(recording) } else { None }
    }
}

impl Network {
    pub(super) fn load(
        config: &Config,
        checkpoint: &Checkpoint,
        precision: Precision,
        threads: Arc<ComputeThreads>,
        packing: Packing<'_>,
    ) -> Result<Self, EncoderError> {
        let isa = Isa::chosen()?;
        let (shared, alone);
        let pool: &ThreadPool = if matches!(packing, Packing::Alone) {
            alone = ThreadPool::new(Some(NonZeroUsize::MIN)).expect("a pool of one thread starts none");
            &alone
        } else {
            shared = threads.pool();
            &shared
        };
        let engine = Engine { isa, pool, precision };
        let store = WeightStore::default();
        let weights = Weights::root(checkpoint, engine, &store, packing.recording());
        let (names, structure) = (config.architecture.names(), config.structure());
        let positions = RelativeEmbeddings::load(&weights, config)?;
        let layer = |index| Layer::load(&weights.at(&names.layer(index)), config, index, positions.as_ref());
        let last = config.num_hidden_layers - 1;
        let num_labels = num_labels(config, checkpoint)?;
        Ok(Self {
            isa,
            precision,
            embeddings: Embeddings::load(&weights, config)?,
            layers: (0..last).map(layer).collect::<Result<_, _>>()?,
            last_layer: layer(last)?,
            final_norm: names
                .final_norm
                .map(|name| weights.layer_norm(name, config.hidden_size, config.layer_norm_eps, structure.biases.norm))
                .transpose()?,
            pooling: structure.pooling,
            head: Head::load(&weights, config, num_labels)?,
            num_labels,
            workers: Workers::new(1, || Arena::new(config, engine)),
            bytes_per_token: arena::bytes_per_token(config, engine),
            threads: Arc::clone(&threads),
        })
    }

    /// Lets so many batches be computed at the same time.
    pub(super) fn set_workers(&mut self, config: &Config, count: usize) {
        let pool = self.threads.pool();
        let engine = self.engine(&pool);
        self.workers = Workers::new(count, || Arena::new(config, engine));
    }

    pub(super) fn workers(&self) -> &Workers {
        &self.workers
    }

    /// The bytes of activations that a worker needs per token of its largest batch.
    pub(super) fn bytes_per_token(&self) -> usize {
        self.bytes_per_token
    }

    pub(super) fn threads(&self) -> &ComputeThreads {
        &self.threads
    }

    pub(super) fn isa(&self) -> Isa {
        self.isa
    }

    pub(super) fn precision(&self) -> Precision {
        self.precision
    }

    /// Waits for a worker.
    pub(super) fn worker(&self) -> Worker<'_> {
        self.workers.take(&self.threads)
    }

    /// A worker, if one is idle that nobody waits for.
    pub(super) fn try_worker(&self) -> Option<Worker<'_>> {
        self.workers.try_take(&self.threads)
    }

    pub(super) fn num_labels(&self) -> usize {
        self.num_labels
    }

    fn engine<'a>(&self, pool: &'a ThreadPool) -> Engine<'a> {
        Engine { isa: self.isa, pool, precision: self.precision }
    }

    /// # Errors
    /// [`EncoderError::Id`] if a table has no row for an id of `batch`.
    pub(super) fn check(&self, batch: &PackedBatch) -> Result<(), EncoderError> {
        self.embeddings.check(batch)
    }

    /// `[texts, num_labels]`, row-major. The caller has checked the batch.
    pub(super) fn forward(&self, worker: &Worker<'_>, batch: &PackedBatch, operands: Operands) -> Vec<f32> {
        let arena = &mut *worker.arena();
        let engine = self.engine(&worker.pool);
        self.embeddings.forward(engine, operands, batch, arena);
        for layer in &self.layers {
            layer.forward(engine, operands, arena, &batch.cu_seqlens);
        }
        match self.pooling {
            Pooling::First => {
                self.last_layer.forward_first(engine, operands, arena, &batch.cu_seqlens);
                self.normalize(engine, &mut arena.pooled.states.values);
            }
            Pooling::Mean => {
                self.last_layer.forward(engine, operands, arena, &batch.cu_seqlens);
                let hidden = &mut arena.hidden.states.values;
                self.normalize(engine, hidden);
                pooling::mean(hidden, &batch.cu_seqlens, &mut arena.pooled.states.values);
            }
        }
        self.head.forward(engine, &arena.pooled.states.values)
    }

    /// The normalization after the last layer, if there is one.
    fn normalize(&self, engine: Engine<'_>, hidden: &mut Matrix) {
        if let Some(norm) = &self.final_norm {
            norm.forward(engine.isa, engine.pool, None, hidden, None);
        }
    }
}
