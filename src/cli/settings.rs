//! The global options, resolved in the order flag, environment, models.toml, default.

use std::cell::OnceCell;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use anyhow::Result;
use finsent_hub::{Catalog, CatalogError, Hub, HubSettings, ModelResolver, ResolvedModel};
use finsent_kernels::{ComputeThreads, Precision};
use finsent_model::{ModelFiles, Pipeline};

use super::args::{GlobalArgs, PrecisionArg};
use super::console::Console;
use super::download_progress::DownloadDisplay;
use super::exit::UsageError;

/// The global options, resolved.
pub(super) struct Settings {
    pub(super) catalog: Catalog,
    model_dir: Option<PathBuf>,
    hub: Hub,
    console: Console,
    embedded: Option<ModelFiles>,
    threads: Option<NonZeroUsize>,
    /// `None` if the model and the machine decide.
    workers: Option<NonZeroUsize>,
    /// Started when the first model is loaded.
    started: OnceCell<Arc<ComputeThreads>>,
    pub(super) precision: Option<Precision>,
    int8_margin: Option<f32>,
}

impl Settings {
    pub(super) fn resolve(global: GlobalArgs, console: Console) -> Result<Self, CatalogError> {
        Ok(Self {
            catalog: global.models_file.as_deref().map_or_else(crate::embedded::catalog, Catalog::read)?,
            model_dir: global.model_dir,
            hub: Hub::new(HubSettings::from_environment(global.offline)),
            console,
            embedded: crate::embedded::model_files(),
            started: OnceCell::new(),
            threads: global.threads.and_then(|threads| NonZeroUsize::new(threads.into())),
            workers: NonZeroUsize::new(global.workers.into()),
            precision: global.precision.and_then(PrecisionArg::computed_in),
            int8_margin: global.int8_margin,
        })
    }

    /// Resolves and loads a model, and starts the compute threads.
    pub(super) fn load(&self, model: &str) -> Result<(ResolvedModel, Pipeline)> {
        self.load_found(self.find(model)?)
    }

    /// As [`Settings::load`], in this precision.
    pub(super) fn load_in(&self, model: &str, precision: Precision) -> Result<(ResolvedModel, Pipeline)> {
        let mut found = self.find(model)?;
        found.options.precision = precision;
        self.load_found(found)
    }

    /// As [`Settings::load_in`], with a worker for each thread.
    pub(super) fn load_with_all_workers(&self, model: &str, precision: Precision) -> Result<(ResolvedModel, Pipeline)> {
        let mut found = self.find(model)?;
        found.options.precision = precision;
        found.options.workers = NonZeroUsize::new(self.compute_threads()?.threads());
        self.load_found(found)
    }

    /// The compute threads, which all models share.
    pub(super) fn compute_threads(&self) -> Result<&Arc<ComputeThreads>> {
        if let Some(started) = self.started.get() {
            return Ok(started);
        }
        let threads = Arc::new(ComputeThreads::new(self.threads)?);
        self.check_workers(threads.threads())?;
        Ok(self.started.get_or_init(|| threads))
    }

    /// Refuses more workers than threads, of which each needs one.
    fn check_workers(&self, threads: usize) -> Result<(), UsageError> {
        match self.workers.filter(|workers| workers.get() > threads) {
            None => Ok(()),
            Some(workers) => Err(UsageError(format!(
                "--workers {workers} needs {workers} threads, and there {} {threads}; choose --workers {threads} or auto, \
                 or --threads {workers}",
                if threads == 1 { "is" } else { "are" },
            ))),
        }
    }

    /// Resolves names of models.
    pub(super) fn resolver(&self) -> ModelResolver<'_> {
        ModelResolver {
            catalog: &self.catalog,
            model_dir: self.model_dir.as_deref(),
            hub: &self.hub,
            embedded: self.embedded.as_ref(),
        }
    }

    /// Resolves a model, downloads it if necessary, and sets the options to load it with.
    pub(super) fn find(&self, model: &str) -> Result<ResolvedModel> {
        let mut found = self.resolver().resolve(model, &DownloadDisplay::new(self.console))?;
        found.options.precision = self.precision.unwrap_or(found.options.precision);
        found.options.int8_margin = self.int8_margin.unwrap_or(found.options.int8_margin);
        found.options.workers = self.workers;
        Ok(found)
    }

    /// Loads a resolved model, and starts the compute threads.
    pub(super) fn load_found(&self, found: ResolvedModel) -> Result<(ResolvedModel, Pipeline)> {
        let start = Instant::now();
        let pipeline = Pipeline::load(&found.files, &found.options, self.compute_threads()?)?;
        let (labels, window, seconds) =
            (pipeline.labels().labels().join(", "), pipeline.max_length(), start.elapsed().as_secs_f64());
        tracing::info!("loaded in {seconds:.2} s; window of {window} tokens; labels {labels}");
        tracing::debug!(workers = pipeline.workers(), "batches at a time");
        Ok((found, pipeline))
    }
}
