//! Models from the Hugging Face hub, in the cache that Python's huggingface_hub uses.
//!
//! The layout of the cache is hf-hub's. Its transport is not used, because it checks neither size nor hash and sends
//! the token to the hosts that the hub redirects to. The layers, from bottom to top: `transport` sends requests, `api`
//! speaks the hub's protocol, `download` receives files into the `cache`, and [`Hub`] decides what to download.

mod api;
mod cache;
mod download;
mod error;
mod expected_hash;
mod model_listing;
mod progress;
mod repository;
mod settings;
mod snapshot;
mod transport;

use std::path::{Path, PathBuf};
use std::{fmt, fs};

pub use self::error::HubError;
pub use self::progress::DownloadProgress;
pub(crate) use self::repository::HubModel;
pub use self::repository::Repository;
pub use self::settings::HubSettings;
pub(crate) use self::snapshot::Snapshot;
pub use self::snapshot::{Integrity, check_integrity};

use self::api::HubApi;
use self::cache::RepositoryCache;
use self::download::Download;
use self::model_listing::{adapter, model_files};
use self::snapshot::{missing_files, unpinned};
use crate::catalog::FileSpec;
use crate::revision::{is_commit, short};

/// Which commit of a model that the catalog does not pin is downloaded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lookup {
    /// The one that is kept, if there is one.
    Kept,
    /// The one that the branch or tag has now.
    Current,
}

/// The hub and its cache on this machine.
pub struct Hub {
    api: HubApi,
    cache: Option<PathBuf>,
    /// The flag or variable that forbids downloads.
    offline: Option<&'static str>,
}

impl Hub {
    /// Sets up the hub. Nothing is read or requested yet.
    pub fn new(settings: HubSettings) -> Self {
        Self { cache: settings.cache.clone(), offline: settings.offline, api: HubApi::new(settings) }
    }

    /// Finds a complete model in the cache, without a request.
    ///
    /// # Errors
    /// If something in the place of a file is not a file.
    pub(crate) fn find_cached(&self, model: &HubModel) -> Result<Option<Snapshot>, HubError> {
        self.cache.as_deref().map_or(Ok(None), |cache| Snapshot::find(cache, model))
    }

    /// The repositories in the cache, OWNER/NAME, in order. They may be incomplete.
    pub fn cached_repositories(&self) -> Vec<String> {
        self.cache.as_deref().map(cache::repositories).unwrap_or_default()
    }

    /// Keeps the commit of a model that was found in the cache and is not pinned, where the cache may be written.
    pub(crate) fn keep(&self, model: &HubModel, snapshot: &Snapshot) {
        let Some(root) = self.cache.as_deref().filter(|root| snapshot.dir.starts_with(root)) else { return };
        let cache = RepositoryCache::new(root, &model.repository);
        if matches!(cache.kept_commit(model), Ok(None)) {
            // A cache that is mounted read-only stays as it is.
            cache.keep_commit(model, &snapshot.commit).unwrap_or_default();
        }
    }

    /// Makes sure that the cache has the model: downloads the files that are missing or damaged. The commit of a branch
    /// is looked up again, unless `lookup` says to stay with the one that is kept.
    ///
    /// # Errors
    /// [`HubError`]; files without the right hash never get their name, and what was downloaded is kept.
    pub(crate) fn download(
        &self,
        model: &HubModel,
        lookup: Lookup,
        progress: &dyn DownloadProgress,
    ) -> Result<Snapshot, HubError> {
        model.check_names()?;
        let root = self.cache.as_deref().ok_or(HubError::NoCache)?;
        let cached = self.find_cached(model)?;
        let kept = RepositoryCache::new(root, &model.repository).kept_commit(model)?;
        let kept = kept.filter(|_| lookup == Lookup::Kept);
        let model = match &kept {
            Some(commit) => &HubModel { revision: commit.clone(), keeps_commit: false, ..model.clone() },
            None => model,
        };
        let damaged = cached.as_ref().and_then(Snapshot::damaged).map(|file| file.name.clone());
        match (cached, self.offline) {
            (Some(snapshot), offline) if damaged.is_none() && (offline.is_some() || is_commit(&model.revision)) => {
                Ok(snapshot)
            }
            (_, Some(setting)) => {
                let problem = cache_problem(root, model, damaged);
                Err(HubError::Offline { model: model.name.clone(), problem, setting })
            }
            (_, None) => self.download_files(root, model, progress).map_err(|error| match (error, kept) {
                (HubError::NoRevision { repository, revision, .. }, Some(commit)) if revision == commit => {
                    HubError::NoKeptCommit { repository, commit, model: model.name.clone() }
                }
                (error, _) => error,
            }),
        }
    }

    fn download_files(
        &self,
        root: &Path,
        model: &HubModel,
        progress: &dyn DownloadProgress,
    ) -> Result<Snapshot, HubError> {
        let cache = RepositoryCache::new(root, &model.repository);
        let (commit, files) = self.commit_and_files(model)?;
        let dir = cache.snapshot(&commit);
        // Python's library reports a repository without a snapshot as damaged.
        fs::create_dir_all(&dir).map_err(HubError::cache(&dir))?;
        let download = Download { api: &self.api, cache: &cache, model, commit: &commit, progress };
        files.iter().try_for_each(|file| download.ensure(&dir, file))?;
        progress.end();
        cache.set_commit(&model.revision, &commit)?;
        if let Some(note) = note_on_commit(model, cache.kept_commit(model)?.as_deref(), &commit) {
            progress.note(&note);
        }
        cache.keep_commit(model, &commit)?;
        Ok(Snapshot::new(dir, commit, files))
    }

    /// Asks the hub, unless the model names a commit and its files.
    fn commit_and_files(&self, model: &HubModel) -> Result<(String, Vec<FileSpec>), HubError> {
        let HubModel { repository, revision, files, .. } = model;
        if !files.is_empty() && is_commit(revision) {
            return Ok((revision.to_ascii_lowercase(), files.clone()));
        }
        let listing = self.api.listing(model)?;
        if !files.is_empty() {
            return Ok((listing.commit, files.clone()));
        }
        if let Some(file) = adapter(&listing.files) {
            let (repository, revision) = (repository.as_str().into(), revision.clone());
            return Err(HubError::Adapter { repository, revision, file });
        }
        match model_files(&listing.files) {
            Ok(names) => Ok((listing.commit, unpinned(names))),
            Err(file) => {
                let (repository, revision) = (repository.as_str().into(), revision.clone());
                Err(HubError::NoFile { repository, revision, file, found: listing.files })
            }
        }
    }
}

impl fmt::Debug for Hub {
    /// Without the token.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hub").field("cache", &self.cache).field("offline", &self.offline).finish_non_exhaustive()
    }
}

/// What to tell about the commit of a model that the catalog does not pin: that it is kept, or that it is another one.
fn note_on_commit(model: &HubModel, before: Option<&str>, commit: &str) -> Option<String> {
    if !model.keeps_commit || before == Some(commit) {
        return None;
    }
    let HubModel { name, repository, revision, .. } = model;
    let (of, commit) = (format!("`{revision}` of {}", repository.as_str()), short(commit));
    Some(match before {
        None => format!(
            "the catalog does not pin {name}: commit {commit}, which {of} has now, is used from now on; \
             `finsent pull {name}` looks for a newer one"
        ),
        Some(before) => format!("{of} has changed: {name} is now commit {commit}, and was {}", short(before)),
    })
}

/// Why the model in the cache cannot be used.
fn cache_problem(root: &Path, model: &HubModel, damaged: Option<String>) -> String {
    match (damaged, missing_files(root, model)) {
        (Some(file), _) => format!("is damaged in the cache ({file} is not the published file)"),
        (None, Some(missing)) if !missing.is_empty() => {
            format!("is only partly downloaded ({} missing)", missing.join(", "))
        }
        _ => "is not downloaded".into(),
    }
}
