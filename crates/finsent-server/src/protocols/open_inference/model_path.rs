//! The model that a path names, with or without its version.

use serde::Deserialize;

use crate::error::HttpError;

/// Each model has one version.
pub(super) const VERSION: &str = "1";
/// Another name of that version, which Flink and others send by default.
const LATEST: &str = "latest";
/// What Triton calls the platform of a model.
pub(super) const PLATFORM: &str = "finsent_bert";

/// The end of a path: `{model}`, or `{model}/versions/{version}`.
#[derive(Debug, Deserialize)]
pub(crate) struct ModelPath {
    model: String,
    version: Option<String>,
}

impl ModelPath {
    /// The name of the model.
    ///
    /// # Errors
    /// [`HttpError::UnknownVersion`] if the path has another version.
    pub(super) fn name(&self) -> Result<&str, HttpError> {
        match &self.version {
            Some(version) if version != VERSION && version != LATEST => {
                Err(HttpError::UnknownVersion { version: version.clone() })
            }
            _ => Ok(&self.model),
        }
    }
}
