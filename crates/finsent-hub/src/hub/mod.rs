//! The model hub: a repository's files, fetched into the cache that Python's huggingface_hub uses, and found there.
//!
//! The layout of the cache is hf-hub's. Its transport is not used: it checks neither size nor hash, and shows the token to
//! the hosts that the hub redirects to. Here a file is received under another name, a broken transfer goes on where it
//! ended, and only bytes with the right hash get the file's name.

mod api;
mod cache;
mod error;
mod expected_hash;
mod needed;
mod settings;
mod transfer;
mod transport;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

pub use cache::Repository;
pub use error::HubError;
pub use settings::HubSettings;

use crate::catalog::FileSpec;
use cache::{RepositoryCache, is_commit, is_inside};
use expected_hash::Hash;
use needed::needed;
use transport::Transport;

/// Told how a fetch goes on.
pub trait DownloadProgress {
    /// A file begins, or goes on where it was broken off: `done` of `size` bytes are here.
    fn begin(&self, file: &str, done: u64, size: Option<u64>);
    /// So many bytes of the file are here.
    fn advance(&self, done: u64);
    /// All files are here.
    fn end(&self);
    /// Something that the user may want to know.
    fn note(&self, message: &str);
}

/// A model on the hub.
#[derive(Debug, Clone)]
pub struct HubModel {
    pub repository: Repository,
    /// Branch, tag, commit, or `refs/pr/N`.
    pub revision: String,
    /// The files; none where the repository is to be asked what it has.
    pub files: Vec<FileSpec>,
}

/// A model in the cache.
#[derive(Debug, Clone)]
pub struct Snapshot {
    /// The directory of its files.
    pub dir: PathBuf,
    /// The commit that it is.
    pub commit: String,
    /// Names of the files of the model, and their hashes as far as they are known.
    pub files: Vec<FileSpec>,
}

impl Snapshot {
    /// The first of its files that cannot be read, or is not what was published.
    fn damaged(&self) -> Option<&FileSpec> {
        self.files.iter().find(|file| matches!(check(&self.dir, file), Ok(Checked::Wrong) | Err(_)))
    }
}

/// What a file of a snapshot turned out to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Checked {
    /// What was published.
    Right,
    /// Something else.
    Wrong,
    /// No hash is known.
    Unknown,
}

/// The hub, and its cache on this machine.
pub struct Hub {
    settings: HubSettings,
    transport: OnceLock<Transport>,
}

/// A commit of a repository, and where it goes.
pub(crate) struct ModelRequest<'a> {
    repository: &'a Repository,
    revision: &'a str,
    commit: String,
    cache: &'a RepositoryCache,
}

impl ModelRequest<'_> {
    /// The file's name for errors.
    fn file(&self, name: &str) -> String {
        format!("{name} of {}", self.repository.as_str())
    }
}

impl Hub {
    pub fn new(settings: HubSettings) -> Self {
        Self { settings, transport: OnceLock::new() }
    }

    /// The model as it is in the cache, whole; nothing is asked for.
    pub fn cached(&self, wanted: &HubModel) -> Option<Snapshot> {
        in_cache(self.settings.cache.as_deref()?, wanted)
    }

    /// Brings the model into the cache: what is missing, or is not what was published. A branch is looked up anew.
    ///
    /// # Errors
    /// [`HubError`]; no file has its final name before its bytes were checked, and what has arrived is kept.
    pub fn fetch(&self, wanted: &HubModel, progress: &dyn DownloadProgress) -> Result<Snapshot, HubError> {
        check_names(wanted)?;
        let root = self.settings.cache.as_deref().ok_or(HubError::NoCache)?;
        let cache = RepositoryCache::new(root, &wanted.repository);
        let cached = self.cached(wanted);
        let damaged = cached.as_ref().and_then(Snapshot::damaged).map(|file| file.name.clone());
        match cached {
            Some(snapshot) if damaged.is_none() && (self.settings.offline || is_commit(&wanted.revision)) => {
                Ok(snapshot)
            }
            _ if self.settings.offline => {
                let repository = wanted.repository.as_str();
                let what = match damaged {
                    Some(file) => format!("{file} of `{repository}`, as it was published,"),
                    None => format!("`{repository}` at {}{}", wanted.revision, missing_of(&cache, wanted)),
                };
                Err(HubError::Offline { what, cache: root.into() })
            }
            _ => self.bring(wanted, &cache, progress),
        }
    }

    fn bring(
        &self,
        HubModel { repository, revision, files }: &HubModel,
        cache: &RepositoryCache,
        progress: &dyn DownloadProgress,
    ) -> Result<Snapshot, HubError> {
        let mut asked = ModelRequest { repository, revision, commit: revision.to_ascii_lowercase(), cache };
        let mut files = files.clone();
        if files.is_empty() || !is_commit(revision) {
            let listing = self.listing(&asked)?;
            asked.commit = listing.commit;
            if files.is_empty() {
                files = needed_files(&asked, &listing.files)?;
            }
        }
        let dir = cache.snapshot(&asked.commit);
        // Python's library takes a repository without a snapshot for damage.
        fs::create_dir_all(&dir).map_err(HubError::cache(&dir))?;
        for file in &files {
            check_file_name(file)?;
            self.ensure(&asked, &dir, file, progress)?;
        }
        progress.end();
        cache.set_commit(revision, &asked.commit)?;
        Ok(Snapshot { files: with_hashes(&dir, files), dir, commit: asked.commit })
    }

    /// The file is in the snapshot and is what was published, or is brought there.
    fn ensure(
        &self,
        asked: &ModelRequest<'_>,
        dir: &Path,
        file: &FileSpec,
        progress: &dyn DownloadProgress,
    ) -> Result<(), HubError> {
        let path = dir.join(&file.name);
        if path.is_file() {
            if check(dir, file)? != Checked::Wrong {
                return Ok(());
            }
            progress.note(&format!("{} in the cache is not what was published; fetching it anew", file.name));
            fs::remove_file(&path).map_err(HubError::cache(&path))?;
        }
        self.fetch_file(asked, file, progress)
    }

    fn transport(&self) -> Result<&Transport, HubError> {
        if self.transport.get().is_none() {
            let transport = Transport::new(&self.settings)?;
            // Another thread's is as good.
            self.transport.set(transport).unwrap_or_default();
        }
        Ok(self.transport.get().expect("it was set just now"))
    }

    fn host(&self) -> String {
        transfer::host_of(&self.settings.endpoint)
    }
}

/// Which files of the model the cache lacks, where it has others of them.
fn missing_of(cache: &RepositoryCache, wanted: &HubModel) -> String {
    let Some(dir) = cache.commit(&wanted.revision).map(|commit| cache.snapshot(&commit)).filter(|dir| dir.is_dir())
    else {
        return String::new();
    };
    let missing = match wanted.files.as_slice() {
        [] => needed(&names_in(&dir)).err().into_iter().collect(),
        files => {
            files.iter().map(|file| file.name.clone()).filter(|name| !dir.join(name).is_file()).collect::<Vec<_>>()
        }
    };
    format!(" (without {})", missing.join(", "))
}

/// Of the files that the repository has, those of the model.
fn needed_files(asked: &ModelRequest<'_>, found: &[String]) -> Result<Vec<FileSpec>, HubError> {
    let missing = |file: String| HubError::NoFile {
        repository: asked.repository.as_str().into(),
        revision: asked.revision.into(),
        file,
        found: found.into(),
    };
    Ok(needed(found).map_err(missing)?.into_iter().map(|name| FileSpec { name, sha256: None }).collect())
}

/// The model as it is in the cache at `root`, whole. A mounted cache may be read-only: nothing is written.
pub(crate) fn in_cache(root: &Path, wanted: &HubModel) -> Option<Snapshot> {
    check_names(wanted).ok()?;
    let cache = RepositoryCache::new(root, &wanted.repository);
    let commit = cache.commit(&wanted.revision)?;
    let dir = cache.snapshot(&commit);
    let files = match wanted.files.as_slice() {
        [] => needed(&names_in(&dir)).ok()?.into_iter().map(|name| FileSpec { name, sha256: None }).collect(),
        files => files.to_vec(),
    };
    let is_whole = files.iter().all(|file| dir.join(&file.name).is_file());
    is_whole.then(|| Snapshot { files: with_hashes(&dir, files), dir, commit })
}

/// The files in `dir`, with links to files.
fn names_in(dir: &Path) -> Vec<String> {
    let files = fs::read_dir(dir).into_iter().flatten().flatten().filter(|entry| entry.path().is_file());
    files.filter_map(|entry| entry.file_name().into_string().ok()).collect()
}

/// Compares the file with what was published: the catalogue's hash, else the name of its blob.
///
/// # Errors
/// [`HubError::Cache`] when it cannot be read.
pub fn check(dir: &Path, file: &FileSpec) -> Result<Checked, HubError> {
    let path = dir.join(&file.name);
    let Some(expected) = Hash::of_file(file, &path) else { return Ok(Checked::Unknown) };
    let found = expected.found(&path).map_err(HubError::cache(&path))?;
    Ok(if found == expected { Checked::Right } else { Checked::Wrong })
}

/// The SHA-256 of large files is the name of their blob.
fn with_hashes(dir: &Path, mut files: Vec<FileSpec>) -> Vec<FileSpec> {
    for file in files.iter_mut().filter(|file| file.sha256.is_none()) {
        if let Some(Hash::Sha256(sha256)) = Hash::of_file(file, &dir.join(&file.name)) {
            file.sha256 = Some(sha256);
        }
    }
    files
}

/// Nothing that is asked for may lead out of the cache.
fn check_names(wanted: &HubModel) -> Result<(), HubError> {
    if !is_inside(&wanted.revision) {
        return Err(HubError::Name { name: wanted.revision.clone(), expected: "revision" });
    }
    wanted.files.iter().try_for_each(check_file_name)
}

fn check_file_name(file: &FileSpec) -> Result<(), HubError> {
    match is_inside(&file.name) {
        true => Ok(()),
        false => Err(HubError::Name { name: file.name.clone(), expected: "file of a repository" }),
    }
}
