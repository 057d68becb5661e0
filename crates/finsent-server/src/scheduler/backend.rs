//! What computes logits.

use std::sync::Arc;

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

/// A model that the scheduler computes with, and its metrics.
#[derive(Clone)]
pub struct BackendModel {
    /// Computes its batches.
    pub(crate) backend: Arc<dyn Backend>,
    /// Where its work is counted.
    pub(crate) metrics: ModelMetrics,
}
