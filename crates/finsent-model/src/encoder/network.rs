//! The network: embeddings, layers and head on the kernels, with the memory that they work in.

use std::cell::RefCell;
use std::sync::{Arc, Mutex, PoisonError};

use finsent_kernels::{Isa, LayerNorm, Matrix, Precision, ThreadPool};

use super::arena::Arena;
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
use crate::batch::PackedBatch;
use crate::checkpoint::Checkpoint;

/// All layers of a model, packed for the kernels.
#[derive(Debug)]
pub(super) struct Network {
    isa: Isa,
    pool: Arc<ThreadPool>,
    precision: Precision,
    embeddings: Embeddings,
    layers: Vec<Layer>,
    last_layer: Layer,
    final_norm: Option<LayerNorm>,
    pooling: Pooling,
    head: Head,
    num_labels: usize,
    arena: Mutex<Arena>,
}

impl Network {
    pub(super) fn load(
        config: &Config,
        checkpoint: &Checkpoint,
        precision: Precision,
        pool: Arc<ThreadPool>,
        recording: Option<&RefCell<Recording>>,
    ) -> Result<Self, EncoderError> {
        let isa = Isa::chosen()?;
        let engine = Engine { isa, pool: &pool, precision };
        let weights = Weights::root(checkpoint, engine, recording);
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
            arena: Mutex::new(Arena::new(config, engine)),
            pool,
        })
    }

    pub(super) fn num_labels(&self) -> usize {
        self.num_labels
    }

    pub(super) fn engine(&self) -> Engine<'_> {
        Engine { isa: self.isa, pool: &self.pool, precision: self.precision }
    }

    /// # Errors
    /// [`EncoderError::Id`] if a table has no row for an id of `batch`.
    pub(super) fn check(&self, batch: &PackedBatch) -> Result<(), EncoderError> {
        self.embeddings.check(batch)
    }

    /// `[texts, num_labels]`, row-major. The caller has checked the batch.
    pub(super) fn forward(&self, batch: &PackedBatch, operands: Operands) -> Vec<f32> {
        // A pass overwrites all that it reads, so the arena of a pass that panicked is as good as any.
        let arena = &mut *self.arena.lock().unwrap_or_else(PoisonError::into_inner);
        let engine = self.engine();
        self.embeddings.forward(engine, operands, batch, arena);
        for layer in &self.layers {
            layer.forward(engine, operands, arena, &batch.cu_seqlens);
        }
        match self.pooling {
            Pooling::First => {
                self.last_layer.forward_first(engine, operands, arena, &batch.cu_seqlens);
                self.normalize(&mut arena.pooled.states.values);
            }
            Pooling::Mean => {
                self.last_layer.forward(engine, operands, arena, &batch.cu_seqlens);
                let hidden = &mut arena.hidden.states.values;
                self.normalize(hidden);
                pooling::mean(hidden, &batch.cu_seqlens, &mut arena.pooled.states.values);
            }
        }
        self.head.forward(engine, &arena.pooled.states.values)
    }

    /// The normalization after the last layer, if there is one.
    fn normalize(&self, hidden: &mut Matrix) {
        if let Some(norm) = &self.final_norm {
            norm.forward(self.isa, &self.pool, None, hidden, None);
        }
    }
}
