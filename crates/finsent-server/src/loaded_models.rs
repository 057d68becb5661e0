//! The models of a service that is ready.

use std::io;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};

use finsent_model::suggest;

use crate::error::HttpError;
use crate::scheduler::{Scheduler, SchedulerLimits};
use crate::served_model::ServedModel;

/// All models, and the scheduler that computes with them. Models can be exchanged: whoever works with one holds it, and
/// goes on with it, however long that takes.
pub struct LoadedModels {
    /// At least one; the first is the default.
    places: Vec<ModelPlace>,
    /// Computes with the same models, by the same indices.
    pub(crate) scheduler: Scheduler,
}

/// What can be asked for under one name: the model that answers at present, if there is one. The names stay as they were at
/// the start.
pub(crate) struct ModelPlace {
    pub(crate) name: String,
    repository: Option<String>,
    state: RwLock<PlaceState>,
}

/// What a place has at present.
#[derive(Debug, Clone)]
pub(crate) struct PlaceState {
    /// `None` if it was unloaded.
    pub(crate) model: Option<Arc<ServedModel>>,
    /// Whether another one is being loaded.
    pub(crate) is_loading: bool,
    /// Why there is none, or why the last one that should take its place was not loaded; else empty.
    pub(crate) reason: String,
}

impl ModelPlace {
    fn new(model: ServedModel) -> Self {
        let (name, repository) = (model.name.clone(), model.repository.clone());
        let state = PlaceState { model: Some(Arc::new(model)), is_loading: false, reason: String::new() };
        Self { name, repository, state: RwLock::new(state) }
    }

    pub(crate) fn state(&self) -> RwLockReadGuard<'_, PlaceState> {
        self.state.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// The model that answers.
    pub(crate) fn model(&self) -> Option<Arc<ServedModel>> {
        self.state().model.clone()
    }

    pub(crate) fn set_loading(&self) {
        self.state.write().unwrap_or_else(PoisonError::into_inner).is_loading = true;
    }

    /// Ends loading: the model stays, for this reason.
    pub(crate) fn keep(&self, reason: &str) {
        let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
        (state.is_loading, state.reason) = (false, reason.to_owned());
    }

    /// From now on, requests get this model, or are told that it was unloaded. Returns the old one.
    pub(crate) fn exchange(&self, model: Option<Arc<ServedModel>>) -> Option<Arc<ServedModel>> {
        let reason = if model.is_some() { String::new() } else { "unloaded".to_owned() };
        let new = PlaceState { model, is_loading: false, reason };
        let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
        std::mem::replace(&mut *state, new).model
    }

    /// Whether a request may use this name for it.
    fn has_name(&self, name: &str) -> bool {
        self.name == name || self.repository.as_deref() == Some(name)
    }
}

impl LoadedModels {
    /// These models, of which the first is the default, with a scheduler. Their indices are their places in the list.
    ///
    /// # Errors
    /// If the system cannot start a thread.
    pub fn start(models: Vec<ServedModel>, limits: SchedulerLimits) -> io::Result<Self> {
        let backends: Vec<_> = models.iter().map(ServedModel::backend).collect();
        let scheduler = Scheduler::start(&backends, limits)?;
        Ok(Self { places: models.into_iter().map(ModelPlace::new).collect(), scheduler })
    }

    /// Batches that are computed at the same time, at most.
    pub fn workers(&self) -> usize {
        self.scheduler.workers()
    }

    /// The places of all models, loaded or not.
    pub(crate) fn places(&self) -> &[ModelPlace] {
        &self.places
    }

    /// The models that answer.
    pub(crate) fn models(&self) -> Vec<Arc<ServedModel>> {
        self.places.iter().filter_map(ModelPlace::model).collect()
    }

    /// Whether requests that name no model are answered.
    pub(crate) fn has_default(&self) -> bool {
        self.places[0].state().model.is_some()
    }

    /// The model with this name, or the default one.
    ///
    /// # Errors
    /// [`HttpError::UnknownModel`] with the names of all models, [`HttpError::Unloaded`].
    pub(crate) fn find(&self, name: Option<&str>) -> Result<Arc<ServedModel>, HttpError> {
        let place = &self.places[name.map_or(Ok(0), |name| self.index(name))?];
        let unloaded = || HttpError::Unloaded { name: place.name.clone(), loaded: self.names() };
        place.model().ok_or_else(unloaded)
    }

    /// The index of the model with this name, loaded or not.
    ///
    /// # Errors
    /// [`HttpError::UnknownModel`] with the names of the models that are loaded.
    pub(crate) fn index(&self, name: &str) -> Result<usize, HttpError> {
        self.places.iter().position(|place| place.has_name(name)).ok_or_else(|| {
            let loaded = self.names();
            let suggestion = suggest(name, loaded.iter().map(String::as_str)).map(String::from);
            HttpError::UnknownModel { name: name.into(), suggestion, loaded }
        })
    }

    fn names(&self) -> Vec<String> {
        self.models().iter().map(|model| model.name.clone()).collect()
    }
}
