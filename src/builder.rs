//! Where a model comes from, and how it is loaded.

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::Arc;

#[cfg(feature = "hub")]
use finsent_hub::{CatalogError, DownloadProgress, Hub, HubSettings, ModelResolver, ResolveError, ResolvedModel};
use finsent_kernels::{ComputeThreads, Precision, ThreadPoolError};
use finsent_model::{FilesError, LoadError, ModelFiles, ModelOptions, Pipeline, packed_precision};
use thiserror::Error;

use crate::embedded;
use crate::model::Model;

/// Settings of a model to load. Made by [`Model::builder`].
///
/// Choose one source: [`embedded`](Self::embedded) (the default), [`directory`](Self::directory), or, with the feature
/// `hub`, `catalog` or `hub`. If you name several, the last one counts.
#[derive(Debug, Clone, Default)]
#[must_use = "call build() to load the model"]
pub struct ModelBuilder {
    source: Source,
    precision: Option<Precision>,
    int8_margin: Option<f32>,
    max_length: Option<usize>,
    label_aliases: Vec<(String, String)>,
    threads: Option<usize>,
    shared: Option<Arc<ComputeThreads>>,
    workers: Option<usize>,
    #[cfg(feature = "hub")]
    model_dir: Option<PathBuf>,
    #[cfg(feature = "hub")]
    offline: bool,
}

#[derive(Debug, Clone, Default)]
enum Source {
    #[default]
    Embedded,
    Directory(PathBuf),
    /// A name that the resolver understands.
    #[cfg(feature = "hub")]
    Named(String),
}

/// Why a model could not be built.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum BuildError {
    /// The program was compiled without the feature `embedded-model`.
    #[error("no model is embedded: compile finsent with the feature `embedded-model`, or choose another source")]
    NotEmbedded,
    /// `threads(0)` was asked for.
    #[error("a model needs at least 1 thread")]
    NoThreads,
    /// More workers were asked for than there are threads, or none.
    #[error("{workers} workers on {threads} threads: a model needs 1 worker or more, and a thread for each")]
    Workers {
        /// How many were asked for.
        workers: usize,
        /// The model's threads.
        threads: usize,
    },
    /// The compute threads could not be started.
    #[error(transparent)]
    Threads(#[from] ThreadPoolError),
    /// The directory does not hold a model.
    #[error(transparent)]
    Files(#[from] FilesError),
    /// The files of the model are damaged, or describe a model that finsent does not compute.
    #[error(transparent)]
    Load(Box<LoadError>),
    /// The built-in catalog is damaged.
    #[cfg(feature = "hub")]
    #[error(transparent)]
    Catalog(#[from] CatalogError),
    /// No model has this name, or it could not be downloaded.
    #[cfg(feature = "hub")]
    #[error(transparent)]
    Resolve(Box<ResolveError>),
}

impl From<LoadError> for BuildError {
    fn from(error: LoadError) -> Self {
        Self::Load(Box::new(error))
    }
}

#[cfg(feature = "hub")]
impl From<ResolveError> for BuildError {
    fn from(error: ResolveError) -> Self {
        Self::Resolve(Box::new(error))
    }
}

impl Model {
    /// Starts to build a model. Without further settings it is the embedded one, in f32, with as many compute threads as
    /// the process may use CPUs.
    pub fn builder() -> ModelBuilder {
        ModelBuilder::default()
    }
}

impl ModelBuilder {
    /// Uses `mini`, the model inside the library. Needs the feature `embedded-model`.
    pub fn embedded(mut self) -> Self {
        self.source = Source::Embedded;
        self
    }

    /// Uses the model in a directory: `config.json`, tokenizer files and weights, as `save_pretrained` of transformers
    /// writes them.
    pub fn directory(mut self, path: impl Into<PathBuf>) -> Self {
        self.source = Source::Directory(path.into());
        self
    }

    /// Uses a model of the built-in catalog, such as `finbert` or `finbert-tone`: from
    /// [`model_dir`](Self::model_dir) or the cache of the hub if it is there, else it is downloaded and verified.
    #[cfg(feature = "hub")]
    pub fn catalog(mut self, name: impl Into<String>) -> Self {
        self.source = Source::Named(name.into());
        self
    }

    /// Uses a repository of the Hugging Face hub: `OWNER/NAME`, or `OWNER/NAME@REVISION`. It is downloaded unless the
    /// cache has it. `HF_HOME`, `HF_TOKEN`, `HF_ENDPOINT` and the other variables of `huggingface_hub` are obeyed.
    #[cfg(feature = "hub")]
    pub fn hub(mut self, repository: impl AsRef<str>) -> Self {
        self.source = Source::Named(format!("hf:{}", repository.as_ref()));
        self
    }

    /// A folder in which models of the catalog are looked for first, as `FOLDER/NAME`.
    #[cfg(feature = "hub")]
    pub fn model_dir(mut self, folder: impl Into<PathBuf>) -> Self {
        self.model_dir = Some(folder.into());
        self
    }

    /// Never use the network: a model that is not on this machine is an error. `HF_HUB_OFFLINE=1` does the same.
    #[cfg(feature = "hub")]
    pub fn offline(mut self, offline: bool) -> Self {
        self.offline = offline;
        self
    }

    /// The number format to compute in. Without it: the one that the weights are packed in (`finsent convert --packed`),
    /// else what the catalog recommends for the model, else f32.
    pub fn precision(mut self, precision: Precision) -> Self {
        self.precision = Some(precision);
        self
    }

    /// With int8: texts whose two best labels are closer than this in probability are computed again with f32
    /// activations. The default is 0.13; 0 turns it off.
    pub fn int8_margin(mut self, margin: f32) -> Self {
        self.int8_margin = Some(margin);
        self
    }

    /// A window smaller than the model's, in tokens, special tokens included.
    pub fn max_length(mut self, tokens: usize) -> Self {
        self.max_length = Some(tokens);
        self
    }

    /// Renames a label of the model.
    pub fn label_alias(mut self, from: impl Into<String>, to: impl Into<String>) -> Self {
        self.label_aliases.push((from.into(), to.into()));
        self
    }

    /// How many threads compute, the calling one included: 1 starts none. Without it: as many as the process may use
    /// CPUs at a time, by its affinity and the quota of its cgroup.
    pub fn threads(mut self, threads: usize) -> Self {
        (self.threads, self.shared) = (Some(threads), None);
        self
    }

    /// How many batches compute at the same time: those of one call with many texts, or of calls from several threads. They
    /// share the weights and divide the threads among them, and one that is alone has all threads. Predictions do not depend
    /// on it. Each worker takes memory for the activations of a batch.
    ///
    /// Without it, the number of threads, the size of the model and the memory of the machine or the container decide. With
    /// 1, calls take turns. A call starts threads for the other workers if it has several batches.
    pub fn workers(mut self, workers: usize) -> Self {
        self.workers = Some(workers);
        self
    }

    /// Computes on the threads of another model, so that two models do not compete for the same CPUs.
    pub fn share_threads(mut self, model: &Model) -> Self {
        (self.threads, self.shared) = (None, Some(Arc::clone(model.threads())));
        self
    }

    /// Finds, downloads if need be, and loads the model.
    ///
    /// # Errors
    /// [`BuildError`], which says what is missing or wrong and what to do about it.
    pub fn build(self) -> Result<Model, BuildError> {
        let (files, mut options) = self.resolve()?;
        options.precision = self.precision.unwrap_or(options.precision);
        options.int8_margin = self.int8_margin.unwrap_or(options.int8_margin);
        options.max_length = self.max_length.or(options.max_length);
        options.label_aliases.extend(self.label_aliases);
        let threads = match (self.shared, self.threads) {
            (Some(threads), _) => threads,
            (None, None) => Arc::new(ComputeThreads::new(None)?),
            (None, Some(threads)) => {
                let threads = NonZeroUsize::new(threads).ok_or(BuildError::NoThreads)?;
                Arc::new(ComputeThreads::new(Some(threads))?)
            }
        };
        options.workers = self.workers.map(|workers| checked_workers(workers, threads.threads())).transpose()?;
        Ok(Model::new(Pipeline::load(&files, &options, &threads)?, threads))
    }

    fn resolve(&self) -> Result<(ModelFiles, ModelOptions), BuildError> {
        match &self.source {
            Source::Embedded => {
                let files = embedded::model_files().ok_or(BuildError::NotEmbedded)?;
                Ok((files, ModelOptions::default()))
            }
            Source::Directory(path) => {
                let files = ModelFiles::in_dir(path, &[])?;
                let precision = packed_precision(&files.weights).unwrap_or_default();
                Ok((files, ModelOptions { precision, ..ModelOptions::default() }))
            }
            #[cfg(feature = "hub")]
            Source::Named(name) => {
                let ResolvedModel { files, options, .. } = self.resolve_named(name)?;
                Ok((files, options))
            }
        }
    }

    #[cfg(feature = "hub")]
    fn resolve_named(&self, name: &str) -> Result<ResolvedModel, BuildError> {
        let catalog = embedded::catalog()?;
        let embedded = embedded::model_files();
        let resolver = ModelResolver {
            catalog: &catalog,
            model_dir: self.model_dir.as_deref(),
            hub: &Hub::new(HubSettings::from_environment(self.offline)),
            embedded: embedded.as_ref(),
        };
        Ok(resolver.resolve(name, &SilentDownload)?)
    }
}

fn checked_workers(workers: usize, threads: usize) -> Result<NonZeroUsize, BuildError> {
    NonZeroUsize::new(workers).filter(|_| workers <= threads).ok_or(BuildError::Workers { workers, threads })
}

/// The library reports no progress.
#[cfg(feature = "hub")]
struct SilentDownload;

#[cfg(feature = "hub")]
impl DownloadProgress for SilentDownload {
    fn begin(&self, _: &str, _: u64, _: Option<u64>) {}
    fn advance(&self, _: u64) {}
    fn end(&self) {}
    fn note(&self, _: &str) {}
}
