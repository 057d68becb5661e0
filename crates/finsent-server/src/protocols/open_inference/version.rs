//! The version of a model, which the protocol's paths may name.

use crate::error::HttpError;

/// Each model has one version.
pub(super) const VERSION: &str = "1";

/// # Errors
/// [`HttpError::UnknownVersion`] for any other.
pub(super) fn check_version(version: String) -> Result<(), HttpError> {
    if version == VERSION { Ok(()) } else { Err(HttpError::UnknownVersion { version }) }
}
