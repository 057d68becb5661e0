//! The model that a path names, with or without its version.

use serde::Deserialize;

use crate::error::HttpError;

/// Each model has one version.
pub(in crate::protocols) const VERSION: &str = "1";
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
        check_version(self.version.as_deref()).map(|()| self.model.as_str())
    }
}

/// # Errors
/// [`HttpError::UnknownVersion`] if a model has no such version.
pub(in crate::protocols) fn check_version(version: Option<&str>) -> Result<(), HttpError> {
    match version {
        Some(version) if version != VERSION && version != LATEST => {
            Err(HttpError::UnknownVersion { version: version.into() })
        }
        _ => Ok(()),
    }
}
