//! A model that requests can name.

use std::fmt;
use std::sync::Arc;

use finsent_kernels::Precision;
use finsent_model::{Pipeline, PublishedPrediction};

use crate::metrics::{Metrics, ModelInfo, ModelMetrics};

/// A loaded model, its names and what it is.
#[derive(Debug)]
pub struct ServedModel {
    /// Its number for the scheduler.
    pub(super) number: usize,
    /// What requests call it.
    pub(super) name: String,
    /// OWNER/NAME on the hub, which requests may call it as well.
    pub(super) repository: Option<String>,
    /// Commit of the repository; known where the files are those that the catalogue lists.
    pub(super) revision: Option<String>,
    /// Hash of its files.
    pub(super) digest: String,
    pub(super) precision: Precision,
    pub(super) pipeline: Arc<Pipeline>,
    pub(super) metrics: ModelMetrics,
    /// What its self-test expects.
    pub(super) golden: Vec<PublishedPrediction>,
}

/// What a [`ServedModel`] is made of.
#[derive(Debug)]
pub struct Identity {
    pub name: String,
    pub repository: Option<String>,
    pub revision: Option<String>,
    pub digest: String,
    pub golden: Vec<PublishedPrediction>,
}

impl ServedModel {
    pub fn new(number: usize, identity: Identity, pipeline: Pipeline, metrics: &Metrics) -> Self {
        let Identity { name, repository, revision, digest, golden } = identity;
        let precision = pipeline.precision();
        let info = ModelInfo {
            name: &name,
            revision: revision.as_deref().unwrap_or_default(),
            digest: &digest,
            precision: &precision.to_string(),
            isa: pipeline.encoder().isa_name(),
        };
        let metrics = metrics.model(info);
        Self { number, name, repository, revision, digest, precision, pipeline: Arc::new(pipeline), metrics, golden }
    }

    /// What the scheduler computes with.
    pub fn engine(&self) -> crate::scheduler::EngineModel {
        crate::scheduler::EngineModel { engine: Arc::clone(&self.pipeline) as _, metrics: self.metrics.clone() }
    }

    /// Whether requests may call it so.
    pub(super) fn is_called(&self, name: &str) -> bool {
        self.name == name || self.repository.as_deref() == Some(name)
    }
}

impl fmt::Display for ServedModel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, precision, pipeline, digest, .. } = self;
        let (isa, threads) = (pipeline.encoder().isa_name(), pipeline.encoder().threads());
        write!(f, "model {name}, {precision}, {isa} on {threads} threads, {digest}")
    }
}
