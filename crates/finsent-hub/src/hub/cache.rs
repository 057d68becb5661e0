//! The cache on this machine, shared with Python's huggingface_hub:
//! `models--OWNER--NAME/{refs/REVISION, blobs/ETAG, snapshots/COMMIT/FILE -> ../../blobs/ETAG}`.

use std::fs::{self, File, TryLockError};
use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};

use finsent_model::{is_regular, open_regular};
use hf_hub::{Cache, Repo, RepoType};

use super::error::HubError;
use super::repository::{HubModel, Repository};
use crate::platform::{share_with_group, symlink};
use crate::revision::is_commit;

/// More than a file in `refs` has: it holds a commit of 40 characters.
const MAX_REF_BYTES: u64 = 1 << 10;

/// The part of a cache for one repository.
#[derive(Debug, Clone)]
pub(crate) struct RepositoryCache {
    root: PathBuf,
    repository: String,
    /// `models--OWNER--NAME`.
    folder: String,
}

/// The name in `refs` of the commit that finsent keeps of a revision. Python's library moves the revision's own name
/// whenever it downloads the repository, and leaves this one where it is.
fn kept(revision: &str) -> String {
    format!("finsent/{revision}")
}

/// The repositories that have a snapshot in the cache at `root`.
pub(super) fn repositories(root: &Path) -> Vec<String> {
    let folders =
        fs::read_dir(root).into_iter().flatten().flatten().filter(|folder| folder.path().join("snapshots").is_dir());
    let name = |folder: fs::DirEntry| {
        let (owner, name) = folder.file_name().to_str()?.strip_prefix("models--")?.split_once("--").map(owned)?;
        Some(format!("{owner}/{name}"))
    };
    let mut repositories: Vec<String> = folders.filter_map(name).collect();
    repositories.sort();
    repositories
}

fn owned((one, other): (&str, &str)) -> (String, String) {
    (one.to_owned(), other.to_owned())
}

impl RepositoryCache {
    pub(crate) fn new(root: &Path, repository: &Repository) -> Self {
        let repository = repository.as_str().to_owned();
        let folder = Repo::new(repository.clone(), RepoType::Model).folder_name();
        Self { root: root.into(), repository, folder }
    }

    fn layout(&self, revision: &str) -> hf_hub::CacheRepo {
        let repo = Repo::with_revision(self.repository.clone(), RepoType::Model, revision.into());
        Cache::new(self.root.clone()).repo(repo)
    }

    /// The commit of `revision` at the last download, if there was one.
    ///
    /// # Errors
    /// If what should name it is not a file.
    pub(crate) fn commit(&self, revision: &str) -> Result<Option<String>, HubError> {
        if is_commit(revision) {
            return Ok(Some(revision.to_ascii_lowercase()));
        }
        let path = self.root.join(&self.folder).join("refs").join(revision);
        if !is_regular(&path).map_err(HubError::cache(&path))? {
            return Ok(None);
        }
        let mut commit = String::new();
        let read = open_regular(&path).and_then(|file| file.take(MAX_REF_BYTES).read_to_string(&mut commit));
        Ok(read.ok().map(|_| commit.trim().to_owned()).filter(|commit| is_commit(commit)))
    }

    /// Records the commit of `revision`.
    pub(crate) fn set_commit(&self, revision: &str, commit: &str) -> Result<(), HubError> {
        if is_commit(revision) || self.commit(revision)?.as_deref() == Some(commit) {
            return Ok(());
        }
        let path = self.root.join(&self.folder).join("refs").join(revision);
        self.layout(revision).create_ref(commit).map_err(HubError::cache(&path))
    }

    /// The commit of the model's revision: the one that is kept, or else that of the last download.
    ///
    /// # Errors
    /// As [`Self::commit`].
    pub(crate) fn commit_of(&self, model: &HubModel) -> Result<Option<String>, HubError> {
        match self.kept_commit(model)? {
            None => self.commit(&model.revision),
            kept => Ok(kept),
        }
    }

    /// The commit that is kept for a model that the catalog does not pin.
    ///
    /// # Errors
    /// As [`Self::commit`].
    pub(crate) fn kept_commit(&self, model: &HubModel) -> Result<Option<String>, HubError> {
        if model.keeps_commit { self.commit(&kept(&model.revision)) } else { Ok(None) }
    }

    /// Keeps this commit for a model that the catalog does not pin.
    pub(crate) fn keep_commit(&self, model: &HubModel, commit: &str) -> Result<(), HubError> {
        if model.keeps_commit { self.set_commit(&kept(&model.revision), commit) } else { Ok(()) }
    }

    /// The directory of a commit's files.
    pub(crate) fn snapshot(&self, commit: &str) -> PathBuf {
        self.layout(commit).pointer_path(commit)
    }

    pub(crate) fn blob(&self, etag: &str) -> PathBuf {
        self.root.join(&self.folder).join("blobs").join(etag)
    }

    /// The file of an incomplete blob, with the name that Python's library gives it.
    pub(crate) fn partial(&self, etag: &str) -> PathBuf {
        self.blob(&format!("{etag}.incomplete"))
    }

    /// Links the file of the snapshot to its blob.
    pub(crate) fn link(&self, commit: &str, file: &str, etag: &str) -> Result<(), HubError> {
        let link = self.snapshot(commit).join(file);
        let up = "../".repeat(2 + Path::new(file).components().count() - 1);
        create_parent(&link)?;
        match symlink(Path::new(&format!("{up}blobs/{etag}")), &link) {
            Err(error) if error.kind() == ErrorKind::AlreadyExists && !link.exists() => {
                // The link is to a blob that was removed.
                fs::remove_file(&link).map_err(HubError::cache(&link))?;
                self.link(commit, file, etag)
            }
            Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
            linked => linked.map_err(HubError::cache(&link)),
        }
    }

    /// Locks a blob against downloads by other processes; Python's library uses the same lock. Calls `busy` before it
    /// waits.
    pub(crate) fn lock(&self, etag: &str, busy: impl FnOnce()) -> Result<File, HubError> {
        let path = self.root.join(".locks").join(&self.folder).join(format!("{etag}.lock"));
        create_parent(&path)?;
        let open = |_| File::options().create(true).truncate(false).write(true).open(&path);
        let lock = is_regular(&path).and_then(open).map_err(HubError::cache(&path))?;
        share_with_group(&lock);
        match lock.try_lock() {
            Ok(()) => Ok(lock),
            Err(TryLockError::WouldBlock) => {
                busy();
                lock.lock().map_err(HubError::cache(&path))?;
                Ok(lock)
            }
            Err(TryLockError::Error(error)) => Err(HubError::cache(&path)(error)),
        }
    }
}

pub(crate) fn create_parent(path: &Path) -> Result<(), HubError> {
    let parent = path.parent().unwrap_or(path);
    fs::create_dir_all(parent).map_err(HubError::cache(parent))
}

#[cfg(test)]
mod tests {
    use super::*;

    const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";

    fn cache(root: &Path) -> RepositoryCache {
        RepositoryCache::new(root, &Repository::parse("acme/small").unwrap())
    }

    #[test]
    fn the_commit_of_a_revision_is_recorded() {
        let dir = tempfile::tempdir().unwrap();
        let cache = cache(dir.path());
        assert_eq!(cache.commit("main").unwrap(), None);
        assert_eq!(cache.commit(COMMIT).unwrap().as_deref(), Some(COMMIT));
        for revision in ["main", "refs/pr/29"] {
            cache.set_commit(revision, COMMIT).unwrap();
            assert_eq!(cache.commit(revision).unwrap().as_deref(), Some(COMMIT));
        }
        cache.set_commit(COMMIT, COMMIT).unwrap();
        let refs = dir.path().join("models--acme--small/refs");
        assert_eq!(fs::read_to_string(refs.join("refs/pr/29")).unwrap(), COMMIT);
        assert!(!refs.join(COMMIT).exists());
        fs::write(refs.join("main"), "../../elsewhere").unwrap();
        assert_eq!(cache.commit("main").unwrap(), None, "a ref that is not a commit is ignored");
        fs::remove_file(refs.join("main")).unwrap();
        std::os::unix::fs::symlink("/dev/zero", refs.join("main")).unwrap();
        let device = cache.commit("main").unwrap_err().to_string();
        assert!(device.contains("refs/main"), "{device}");
        assert!(cache.set_commit("main", COMMIT).is_err());
    }

    #[test]
    fn the_commit_that_is_kept_stays_when_the_branch_moves() {
        let dir = tempfile::tempdir().unwrap();
        let cache = cache(dir.path());
        let repository = Repository::parse("acme/small").unwrap();
        let model = |keeps_commit| HubModel {
            name: "mine".into(),
            repository: repository.clone(),
            revision: "main".into(),
            keeps_commit,
            files: Vec::new(),
        };
        let (kept, pinned) = (model(true), model(false));
        assert_eq!(cache.commit_of(&kept).unwrap(), None);
        let newer = COMMIT.replace('0', "f");
        cache.set_commit("main", COMMIT).unwrap();
        cache.keep_commit(&kept, COMMIT).unwrap();
        cache.set_commit("main", &newer).unwrap();
        assert_eq!(cache.commit_of(&kept).unwrap().as_deref(), Some(COMMIT));
        assert_eq!(cache.commit_of(&pinned).unwrap(), Some(newer.clone()));
        cache.keep_commit(&pinned, &newer).unwrap();
        assert_eq!(cache.kept_commit(&kept).unwrap().as_deref(), Some(COMMIT));
        cache.keep_commit(&kept, &newer).unwrap();
        assert_eq!(cache.commit_of(&kept).unwrap(), Some(newer));
    }

    #[test]
    fn links_to_blobs_work_at_any_depth_and_are_repaired() {
        let dir = tempfile::tempdir().unwrap();
        let cache = cache(dir.path());
        create_parent(&cache.blob("e")).unwrap();
        for file in ["config.json", "a/b/c.json"] {
            cache.link(COMMIT, file, "gone").unwrap();
            fs::write(cache.blob("e"), file).unwrap();
            for _ in 0..2 {
                cache.link(COMMIT, file, "e").unwrap();
            }
            assert_eq!(fs::read_to_string(cache.snapshot(COMMIT).join(file)).unwrap(), file);
        }
    }

    #[test]
    fn only_one_process_downloads_a_blob() {
        let dir = tempfile::tempdir().unwrap();
        let cache = cache(dir.path());
        let held = cache.lock("e", || panic!("the lock is free")).unwrap();
        std::thread::scope(|scope| {
            let (sender, is_waiting) = std::sync::mpsc::channel();
            let cache = &cache;
            let second = scope.spawn(move || cache.lock("e", || sender.send(()).unwrap()).unwrap());
            is_waiting.recv().unwrap();
            drop(held);
            second.join().unwrap();
        });
        cache.lock("another", || panic!("the lock is free")).unwrap();
    }
}
