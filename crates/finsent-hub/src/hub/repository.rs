//! Names on the hub: repositories, revisions, files.

use std::path::{Component, Path};

use super::error::HubError;
use crate::catalog::FileSpec;

/// The name of a model repository, OWNER/NAME.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Repository(String);

/// A model on the hub.
#[derive(Debug, Clone)]
pub(crate) struct HubModel {
    /// The user's name for the model, for messages.
    pub(crate) name: String,
    pub(crate) repository: Repository,
    /// A branch, tag, commit, or `refs/pr/N`.
    pub(crate) revision: String,
    /// Whether the commit that the revision had first stays in use: the catalog does not pin the model.
    pub(crate) keeps_commit: bool,
    /// The files of the model. Empty if the repository decides.
    pub(crate) files: Vec<FileSpec>,
}

impl Repository {
    /// Checks a name.
    ///
    /// # Errors
    /// [`HubError::Name`] if it is not OWNER/NAME.
    pub fn parse(name: &str) -> Result<Self, HubError> {
        let is_part = |part: &str| {
            let known = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
            !part.is_empty() && part.bytes().all(known) && !part.starts_with(['.', '-']) && !part.contains("--")
        };
        match name.split_once('/') {
            Some((owner, model)) if is_part(owner) && is_part(model) => Ok(Self(name.into())),
            _ => Err(HubError::Name { name: name.into(), expected: "a repository; write OWNER/NAME" }),
        }
    }

    /// OWNER/NAME.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl HubModel {
    /// Checks that no name leads out of the cache.
    pub(crate) fn check_names(&self) -> Result<(), HubError> {
        if !is_inside(&self.revision) {
            return Err(HubError::Name { name: self.revision.clone(), expected: "a revision" });
        }
        self.files.iter().try_for_each(check_file_name)
    }
}

/// Checks that a file of a repository does not lead out of the cache.
pub(crate) fn check_file_name(file: &FileSpec) -> Result<(), HubError> {
    match is_inside(&file.name) {
        true => Ok(()),
        false => Err(HubError::Name { name: file.name.clone(), expected: "a file of a repository" }),
    }
}

/// Whether `path` stays inside the directory that it is joined to.
fn is_inside(path: &str) -> bool {
    let mut parts = Path::new(path).components().peekable();
    parts.peek().is_some() && parts.all(|part| matches!(part, Component::Normal(_))) && !path.ends_with('/')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_repository_is_an_owner_and_a_name() {
        for name in ["acme/small", "ProsusAI/finbert", "a.b_c-d/e"] {
            assert_eq!(Repository::parse(name).unwrap().as_str(), name);
        }
        for name in ["acme", "acme/", "/small", "a/b/c", "../small", "a/..", "a/b c", "a/b\\c", "a--b/c", "a/.b", ""] {
            assert!(Repository::parse(name).is_err(), "{name}");
        }
    }

    #[test]
    fn a_path_that_leads_out_is_not_inside() {
        assert!(is_inside("config.json") && is_inside("onnx/model.onnx") && is_inside("refs/pr/29"));
        for path in ["", "/etc/passwd", "../x", "a/../x", ".", "./x", "a/"] {
            assert!(!is_inside(path), "{path}");
        }
    }
}
