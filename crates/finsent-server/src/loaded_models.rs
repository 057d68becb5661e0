//! The models of a service that is ready.

use std::sync::Arc;

use finsent_model::suggest;

use crate::error::HttpError;
use crate::scheduler::Scheduler;
use crate::served_model::ServedModel;

/// All models, and the scheduler that computes with them.
pub struct LoadedModels {
    /// At least one; the first is the default.
    pub models: Vec<Arc<ServedModel>>,
    /// Computes with the same models, by the same indices.
    pub scheduler: Scheduler,
}

impl LoadedModels {
    /// The model with this name, or the default one.
    ///
    /// # Errors
    /// [`HttpError::UnknownModel`] with the names of all models.
    pub(crate) fn find(&self, name: Option<&str>) -> Result<&Arc<ServedModel>, HttpError> {
        let Some(name) = name else { return Ok(&self.models[0]) };
        self.models.iter().find(|model| model.has_name(name)).ok_or_else(|| {
            let loaded: Vec<String> = self.models.iter().map(|model| model.name.clone()).collect();
            let suggestion = suggest(name, loaded.iter().map(String::as_str)).map(String::from);
            HttpError::UnknownModel { name: name.into(), suggestion, loaded }
        })
    }
}
