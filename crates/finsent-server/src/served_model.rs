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
    /// Index of the model, also for the scheduler.
    pub(crate) index: usize,
    pub(crate) name: String,
    pub(crate) repository: Option<String>,
    pub(crate) revision: Option<String>,
    pub(crate) digest: String,
    pub(crate) precision: Precision,
    pub(crate) pipeline: Arc<Pipeline>,
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
    /// The model with this index. Its metrics exist from now on.
    pub fn new(index: usize, identity: ModelIdentity, pipeline: Pipeline, metrics: &Metrics) -> Self {
        let ModelIdentity { name, repository, revision, digest, golden, card } = identity;
        let precision = pipeline.precision();
        let info = ModelInfo {
            name: &name,
            revision: revision.as_deref().unwrap_or_default(),
            digest: &digest,
            precision: &precision.to_string(),
            isa: pipeline.encoder().isa_name(),
        };
        let predictions = PredictionMetrics::new(metrics, &name, pipeline.labels().labels(), pipeline.activation());
        let metrics = metrics.model(info);
        let pipeline = Arc::new(pipeline);
        Self { index, name, repository, revision, digest, precision, pipeline, metrics, predictions, golden, card }
    }

    /// The model for the scheduler.
    pub fn backend(&self) -> BackendModel {
        BackendModel { backend: Arc::clone(&self.pipeline) as _, metrics: self.metrics.clone() }
    }

    /// Whether a request may use this name for it.
    pub(crate) fn has_name(&self, name: &str) -> bool {
        self.name == name || self.repository.as_deref() == Some(name)
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
