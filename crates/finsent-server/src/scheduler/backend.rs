//! What computes logits.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use finsent_model::{ClassifyError, Encoding, Pipeline};

use crate::metrics::ModelMetrics;

/// One number per label, as the encoder computed them.
pub(crate) type Logits = Arc<[f32]>;

/// Computes batches.
pub(crate) trait Backend: Send + Sync {
    /// How many batches the scheduler may let it compute at the same time.
    fn workers(&self) -> usize {
        1
    }

    /// The logits of each encoding, or its error, in the order of the encodings.
    fn logits(&self, encodings: &[&Encoding]) -> Vec<Result<Vec<f32>, ClassifyError>>;
}

impl Backend for Pipeline {
    fn workers(&self) -> usize {
        Pipeline::workers(self)
    }

    fn logits(&self, encodings: &[&Encoding]) -> Vec<Result<Vec<f32>, ClassifyError>> {
        Pipeline::logits(self, encodings)
    }
}

/// What tells the work of one model from that of others, in the queue, in batches and in the cache.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub(super) struct ModelId {
    /// The index of the model. One that takes the place of another has its index.
    pub(super) index: usize,
    /// No two models of a process have the same, so that nothing of a model is taken for its successor's.
    pub(super) load: u64,
}

/// A model that the scheduler computes with, and its metrics. It lives as long as anything that is computed with it.
pub struct BackendModel {
    pub(super) id: ModelId,
    /// Computes its batches.
    pub(super) backend: Arc<dyn Backend>,
    /// Where its work is counted.
    pub(super) metrics: ModelMetrics,
}

impl BackendModel {
    /// The model with this index.
    pub(crate) fn new(index: usize, backend: Arc<dyn Backend>, metrics: ModelMetrics) -> Self {
        static LOADS: AtomicU64 = AtomicU64::new(0);
        metrics.copies.inc();
        Self { id: ModelId { index, load: LOADS.fetch_add(1, Ordering::Relaxed) }, backend, metrics }
    }
}

impl fmt::Debug for BackendModel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BackendModel").field("id", &self.id).finish_non_exhaustive()
    }
}

impl Drop for BackendModel {
    fn drop(&mut self) {
        self.metrics.copies.dec();
    }
}
