//! What computes logits.

use std::sync::Arc;

use finsent_model::{ClassifyError, Encoding, Pipeline};

use crate::metrics::ModelMetrics;

/// One number per label, as the encoder computed them.
pub(crate) type Logits = Arc<[f32]>;

/// Computes batches. The scheduler calls it from one thread.
pub(crate) trait Backend: Send + Sync {
    /// The logits of each encoding, or its error, in the order of the encodings.
    fn logits(&self, encodings: &[&Encoding]) -> Vec<Result<Vec<f32>, ClassifyError>>;
}

impl Backend for Pipeline {
    fn logits(&self, encodings: &[&Encoding]) -> Vec<Result<Vec<f32>, ClassifyError>> {
        Pipeline::logits(self, encodings)
    }
}

/// A model that the scheduler computes with, and its metrics.
#[derive(Clone)]
pub struct BackendModel {
    /// Computes its batches.
    pub(crate) backend: Arc<dyn Backend>,
    /// Where its work is counted.
    pub(crate) metrics: ModelMetrics,
}
