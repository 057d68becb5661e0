//! A model that requests can name.

use std::fmt;
use std::sync::Arc;

use finsent_kernels::Precision;
use finsent_model::{Pipeline, PublishedPrediction};
use serde::Serialize;

use crate::metrics::{Metrics, ModelInfo, ModelMetrics, PredictionMetrics};
use crate::scheduler::BackendModel;

/// A loaded model, with its names and its metrics.
#[derive(Debug)]
pub struct ServedModel {
    pub(crate) name: String,
    pub(crate) repository: Option<String>,
    pub(crate) revision: Option<String>,
    pub(crate) digest: String,
    pub(crate) precision: Precision,
    pub(crate) pipeline: Arc<Pipeline>,
    /// The same model, for the scheduler.
    pub(crate) backend: Arc<BackendModel>,
    pub(crate) metrics: ModelMetrics,
    pub(crate) predictions: PredictionMetrics,
    pub(crate) golden: Vec<PublishedPrediction>,
    pub(crate) card: ModelCard,
}

/// What identifies a model to clients.
#[derive(Debug)]
pub struct ModelIdentity {
    /// What requests call it.
    pub name: String,
    /// OWNER/NAME on the hub, which requests may use as well.
    pub repository: Option<String>,
    /// Commit of the repository, if the files are known to be from it.
    pub revision: Option<String>,
    /// Digest of the model's files, as `sha256:HEX`.
    pub digest: String,
    /// Texts and labels that the [self-test](crate::self_test()) compares with; empty if none are known.
    pub golden: Vec<PublishedPrediction>,
    /// What the page tells about it.
    pub card: ModelCard,
}

/// What people should know about a model, as far as the catalog has it.
#[derive(Debug, Clone, Default, Serialize)]
pub struct ModelCard {
    /// What it is, in one line.
    pub description: Option<String>,
    /// The license of its weights.
    pub license: Option<String>,
    /// The languages that it reads.
    pub languages: Option<String>,
    /// Its published accuracy, in one line.
    pub accuracy: Option<String>,
    /// What it does not do well, in one line.
    pub limits: Option<String>,
}

impl ServedModel {
    /// The model with this index, or one to take its place. Its metrics exist from now on.
    pub fn new(index: usize, identity: ModelIdentity, pipeline: Pipeline, metrics: &Metrics) -> Self {
        let ModelIdentity { name, repository, revision, digest, golden, card } = identity;
        let precision = pipeline.precision();
        let predictions = PredictionMetrics::new(metrics, &name, pipeline.labels().labels(), pipeline.activation());
        let metrics = metrics.model(&name);
        let pipeline = Arc::new(pipeline);
        let backend = Arc::new(BackendModel::new(index, Arc::clone(&pipeline) as _, metrics.clone()));
        Self { name, repository, revision, digest, precision, pipeline, backend, metrics, predictions, golden, card }
    }

    /// The model for the scheduler.
    pub fn backend(&self) -> Arc<BackendModel> {
        Arc::clone(&self.backend)
    }

    /// Whether whoever has this `Arc` is the only one who holds the model, as a whole or for the scheduler.
    pub(crate) fn is_held_once(self: &Arc<Self>) -> bool {
        Arc::strong_count(self) == 1 && Arc::strong_count(&self.backend) == 1
    }

    /// The labels of its line in the metrics.
    pub(crate) fn info(&self) -> ModelInfo {
        ModelInfo {
            name: self.name.clone(),
            revision: self.revision.clone().unwrap_or_default(),
            digest: self.digest.clone(),
            precision: self.precision.to_string(),
            isa: self.pipeline.encoder().isa_name(),
        }
    }
}

/// One line for the log.
impl fmt::Display for ServedModel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, precision, pipeline, digest, .. } = self;
        let (isa, threads) = (pipeline.encoder().isa_name(), pipeline.encoder().threads());
        let plural = if threads == 1 { "" } else { "s" };
        write!(f, "model {name}: {precision}, {isa}, {threads} thread{plural}, {digest}")
    }
}
