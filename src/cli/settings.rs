//! What the arguments, the environment and the catalogue come to: flag, environment, models.toml, default.

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Instant;

use anyhow::Result;

use super::args::{GlobalArgs, PrecisionArg};
use super::console::Console;
use super::fetching::Fetching;
use crate::catalog::{Catalog, CatalogError};
use crate::hub::{Hub, HubSettings};
use crate::locate::{FoundModel, Places};
use crate::pipeline::Pipeline;
use finsent_kernels::Precision;
use crate::threads;

/// The global options, resolved.
pub(super) struct Settings {
    pub(super) catalog: Catalog,
    model_dir: Option<PathBuf>,
    hub: Hub,
    console: Console,
    threads: Option<NonZeroUsize>,
    pub(super) precision: Option<Precision>,
    int8_margin: Option<f32>,
}

impl Settings {
    pub(super) fn resolve(global: GlobalArgs, console: Console) -> Result<Self, CatalogError> {
        Ok(Self {
            catalog: global.models_file.as_deref().map_or_else(Catalog::built_in, Catalog::read)?,
            model_dir: global.model_dir,
            hub: Hub::new(HubSettings::from_environment(global.offline)),
            console,
            threads: global.threads.and_then(|threads| NonZeroUsize::new(threads.into())),
            precision: global.precision.and_then(PrecisionArg::computed_in),
            int8_margin: global.int8_margin,
        })
    }

    /// Finds and loads the model that `--model` names, and starts the compute threads.
    pub(super) fn load(&self, model: &str) -> Result<(FoundModel, Pipeline)> {
        self.load_found(self.find(model)?)
    }

    /// The same in a given precision.
    pub(super) fn load_in(&self, model: &str, precision: Precision) -> Result<(FoundModel, Pipeline)> {
        let mut found = self.find(model)?;
        found.options.precision = precision;
        self.load_found(found)
    }

    /// Where models are looked for.
    pub(super) fn places(&self) -> Places<'_> {
        Places { catalog: &self.catalog, model_dir: self.model_dir.as_deref(), hub: &self.hub }
    }

    /// Finds the model, fetches it if need be, and says how it is to be loaded.
    pub(super) fn find(&self, model: &str) -> Result<FoundModel> {
        let mut found = self.places().find(model, &Fetching::new(self.console))?;
        found.options.precision = self.precision.unwrap_or(found.options.precision);
        found.options.int8_margin = self.int8_margin.unwrap_or(found.options.int8_margin);
        Ok(found)
    }

    /// Loads a model that was found, and starts the compute threads.
    pub(super) fn load_found(&self, found: FoundModel) -> Result<(FoundModel, Pipeline)> {
        finsent_kernels::start_thread_pool(self.threads)?;
        let start = Instant::now();
        let pipeline = Pipeline::load(&found.files, &found.options)?;
        let (labels, window, seconds) =
            (pipeline.labels().labels().join(", "), pipeline.max_length(), start.elapsed().as_secs_f64());
        tracing::info!("loaded in {seconds:.2} s; window of {window} tokens; labels {labels}");
        Ok((found, pipeline))
    }
}
