//! Where models come from.

use super::failure::LoadFailure;
use crate::loaded_models::LoadedModels;
use crate::served_model::ServedModel;
use crate::service::Service;

/// Loads the models of a service, on a thread of its own.
pub trait ModelSource: Send + 'static {
    /// Why the service cannot start.
    type Error: Send + 'static;

    /// Loads all models, at the start.
    ///
    /// # Errors
    /// If one of them cannot be loaded: the service ends.
    fn start(&mut self, service: &Service) -> Result<LoadedModels, Self::Error>;

    /// Loads the model with this index again, from where it came at the start. `digest` is that of the one which answers at
    /// present, if there is one. `None` if the files have this digest.
    ///
    /// # Errors
    /// If it cannot be loaded: the old one goes on to answer.
    fn load(
        &mut self,
        service: &Service,
        index: usize,
        digest: Option<&str>,
    ) -> Result<Option<ServedModel>, LoadFailure>;
}
