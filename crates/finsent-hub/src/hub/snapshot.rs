//! Snapshots: models that are complete in a cache.

use std::fs;
use std::path::{Path, PathBuf};

use finsent_model::is_regular;

use super::cache::RepositoryCache;
use super::error::HubError;
use super::expected_hash::Hash;
use super::model_listing::model_files;
use super::repository::HubModel;
use crate::catalog::FileSpec;

/// A complete model in a cache.
#[derive(Debug, Clone)]
pub(crate) struct Snapshot {
    /// The directory of its files.
    pub(crate) dir: PathBuf,
    pub(crate) commit: String,
    /// The files of the model, with the hashes that are known.
    pub(crate) files: Vec<FileSpec>,
}

/// Whether a file is the published one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Integrity {
    /// The hash is that of the published file.
    Verified,
    /// The hash is different.
    Modified,
    /// No hash is known.
    Unknown,
}

impl Snapshot {
    pub(crate) fn new(dir: PathBuf, commit: String, files: Vec<FileSpec>) -> Self {
        Self { files: with_hashes(&dir, files), dir, commit }
    }

    /// Finds the model in the cache at `root`. Nothing is written: a mounted cache may be read-only.
    ///
    /// # Errors
    /// If something in the place of a file is not a file.
    pub(crate) fn find(root: &Path, model: &HubModel) -> Result<Option<Self>, HubError> {
        if model.check_names().is_err() {
            return Ok(None);
        }
        let cache = RepositoryCache::new(root, &model.repository);
        let Some(commit) = cache.commit_of(model)? else { return Ok(None) };
        let dir = cache.snapshot(&commit);
        let files = match model.files.as_slice() {
            [] => match model_files(&names_in(&dir)?) {
                Ok(names) => unpinned(names),
                Err(_) => return Ok(None),
            },
            files => files.to_vec(),
        };
        for file in &files {
            if !is_there(&dir.join(&file.name))? {
                return Ok(None);
            }
        }
        Ok(Some(Self::new(dir, commit, files)))
    }

    /// The first file that cannot be read, or is not the published one.
    pub(crate) fn damaged(&self) -> Option<&FileSpec> {
        self.files.iter().find(|file| matches!(check_integrity(&self.dir, file), Ok(Integrity::Modified) | Err(_)))
    }
}

/// The files of the model that the cache lacks, if it has others; `None` if it has nothing of this revision.
pub(crate) fn missing_files(root: &Path, model: &HubModel) -> Option<Vec<String>> {
    let cache = RepositoryCache::new(root, &model.repository);
    let commit = cache.commit_of(model).ok().flatten();
    let dir = commit.map(|commit| cache.snapshot(&commit)).filter(|dir| dir.is_dir())?;
    Some(match model.files.as_slice() {
        [] => model_files(&names_in(&dir).unwrap_or_default()).err().into_iter().collect(),
        files => files.iter().map(|file| file.name.clone()).filter(|name| !dir.join(name).is_file()).collect(),
    })
}

/// Compares a file with the published one: with the catalog's hash, or else with the name of its blob in the cache.
///
/// # Errors
/// [`HubError::Cache`] if the file cannot be read.
pub fn check_integrity(dir: &Path, file: &FileSpec) -> Result<Integrity, HubError> {
    let path = dir.join(&file.name);
    let Some(expected) = Hash::of_file(file, &path) else { return Ok(Integrity::Unknown) };
    let found = expected.of_same_kind(&path).map_err(HubError::cache(&path))?;
    Ok(if found == expected { Integrity::Verified } else { Integrity::Modified })
}

/// Files without pinned hashes.
pub(super) fn unpinned(names: Vec<String>) -> Vec<FileSpec> {
    names.into_iter().map(|name| FileSpec { name, sha256: None }).collect()
}

/// The files in `dir`, links to files included.
///
/// # Errors
/// If there is something that is neither a file nor a folder.
fn names_in(dir: &Path) -> Result<Vec<String>, HubError> {
    let mut names = Vec::new();
    for entry in fs::read_dir(dir).into_iter().flatten().flatten() {
        if !entry.path().is_dir() && is_there(&entry.path())? {
            names.extend(entry.file_name().into_string().ok());
        }
    }
    Ok(names)
}

/// Whether there is a file.
fn is_there(path: &Path) -> Result<bool, HubError> {
    is_regular(path).map_err(HubError::cache(path))
}

/// Adds the SHA-256 of large files, which is the name of their blob.
fn with_hashes(dir: &Path, mut files: Vec<FileSpec>) -> Vec<FileSpec> {
    for file in files.iter_mut().filter(|file| file.sha256.is_none()) {
        if let Some(Hash::Sha256(sha256)) = Hash::of_file(file, &dir.join(&file.name)) {
            file.sha256 = Some(sha256);
        }
    }
    files
}
