//! The hub's cache on this machine, which Python's huggingface_hub shares:
//! `models--OWNER--NAME/{refs/REVISION, blobs/ETAG, snapshots/COMMIT/FILE -> ../../blobs/ETAG}`.

use std::fs::{self, File, TryLockError};
use std::io::{self, ErrorKind};
use std::path::{Component, Path, PathBuf};

use hf_hub::{Cache, Repo, RepoType};

use super::error::HubError;

/// OWNER/NAME of a model on the hub.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Repository(String);

impl Repository {
    /// # Errors
    /// [`HubError::Name`] when it is no OWNER/NAME.
    pub fn parse(name: &str) -> Result<Self, HubError> {
        let is_part = |part: &str| {
            let known = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
            !part.is_empty() && part.bytes().all(known) && !part.starts_with(['.', '-']) && !part.contains("--")
        };
        match name.split_once('/') {
            Some((owner, model)) if is_part(owner) && is_part(model) => Ok(Self(name.into())),
            _ => Err(HubError::Name { name: name.into(), expected: "repository: OWNER/NAME" }),
        }
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Whether `path` stays inside the directory that it is joined to.
pub(crate) fn is_inside(path: &str) -> bool {
    let mut parts = Path::new(path).components().peekable();
    parts.peek().is_some() && parts.all(|part| matches!(part, Component::Normal(_))) && !path.ends_with('/')
}

/// Whether a revision names a commit, which never moves.
pub(crate) fn is_commit(revision: &str) -> bool {
    revision.len() == 40 && revision.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// The part of a cache that belongs to one repository.
#[derive(Debug, Clone)]
pub(crate) struct RepositoryCache {
    root: PathBuf,
    repository: String,
    /// `models--OWNER--NAME`.
    folder: String,
}

impl RepositoryCache {
    pub(crate) fn new(root: &Path, repository: &Repository) -> Self {
        let folder = Repo::new(repository.0.clone(), RepoType::Model).folder_name();
        Self { root: root.into(), repository: repository.0.clone(), folder }
    }

    fn layout(&self, revision: &str) -> hf_hub::CacheRepo {
        let repo = Repo::with_revision(self.repository.clone(), RepoType::Model, revision.into());
        Cache::new(self.root.clone()).repo(repo)
    }

    /// The commit that `revision` was when it was fetched last.
    pub(crate) fn commit(&self, revision: &str) -> Option<String> {
        if is_commit(revision) {
            return Some(revision.to_ascii_lowercase());
        }
        let commit = fs::read_to_string(self.root.join(&self.folder).join("refs").join(revision)).ok()?;
        Some(commit.trim().to_owned()).filter(|commit| is_commit(commit))
    }

    /// Notes that `revision` is `commit`.
    pub(crate) fn set_commit(&self, revision: &str, commit: &str) -> Result<(), HubError> {
        if is_commit(revision) || self.commit(revision).as_deref() == Some(commit) {
            return Ok(());
        }
        let path = self.root.join(&self.folder).join("refs").join(revision);
        self.layout(revision).create_ref(commit).map_err(HubError::cache(&path))
    }

    /// The directory of a commit's files.
    pub(crate) fn snapshot(&self, commit: &str) -> PathBuf {
        self.layout(commit).pointer_path(commit)
    }

    pub(crate) fn blob(&self, etag: &str) -> PathBuf {
        self.root.join(&self.folder).join("blobs").join(etag)
    }

    /// What of a blob has arrived so far; the name is the one that Python's library gives it.
    pub(crate) fn partial(&self, etag: &str) -> PathBuf {
        self.blob(&format!("{etag}.incomplete"))
    }

    /// Puts the blob into the snapshot under its file's name.
    pub(crate) fn link(&self, commit: &str, file: &str, etag: &str) -> Result<(), HubError> {
        let link = self.snapshot(commit).join(file);
        let up = "../".repeat(2 + Path::new(file).components().count() - 1);
        create_parent(&link)?;
        match symlink(Path::new(&format!("{up}blobs/{etag}")), &link) {
            Err(error) if error.kind() == ErrorKind::AlreadyExists && !link.exists() => {
                // A link to a blob that has been removed.
                fs::remove_file(&link).map_err(HubError::cache(&link))?;
                self.link(commit, file, etag)
            }
            Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
            linked => linked.map_err(HubError::cache(&link)),
        }
    }

    /// Waits until no other process fetches this blob; Python's library uses the same lock. `busy` is called before a wait.
    pub(crate) fn lock(&self, etag: &str, busy: impl FnOnce()) -> Result<File, HubError> {
        let path = self.root.join(".locks").join(&self.folder).join(format!("{etag}.lock"));
        create_parent(&path)?;
        let lock = File::options().create(true).truncate(false).write(true).open(&path);
        let lock = lock.map_err(HubError::cache(&path))?;
        open_to_group(&lock);
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

/// Others may share the cache, and wait for the lock. It may be theirs: then its permissions are, too.
#[cfg(unix)]
fn open_to_group(lock: &File) {
    use std::os::unix::fs::PermissionsExt;
    lock.set_permissions(fs::Permissions::from_mode(0o664)).unwrap_or_default();
}

#[cfg(not(unix))]
fn open_to_group(_: &File) {}

#[cfg(unix)]
fn symlink(target: &Path, link: &Path) -> io::Result<()> {
    std::os::unix::fs::symlink(target, link)
}

/// Where links are not for everyone, the file is there twice.
#[cfg(not(unix))]
fn symlink(target: &Path, link: &Path) -> io::Result<()> {
    if link.exists() {
        return Err(ErrorKind::AlreadyExists.into());
    }
    fs::copy(link.parent().unwrap_or(link).join(target), link).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";

    fn cache(root: &Path) -> RepositoryCache {
        RepositoryCache::new(root, &Repository::parse("acme/small").unwrap())
    }

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

    #[test]
    fn a_revision_leads_to_its_commit() {
        let dir = tempfile::tempdir().unwrap();
        let cache = cache(dir.path());
        assert_eq!(cache.commit("main"), None);
        assert_eq!(cache.commit(COMMIT).as_deref(), Some(COMMIT));
        for revision in ["main", "refs/pr/29"] {
            cache.set_commit(revision, COMMIT).unwrap();
            assert_eq!(cache.commit(revision).as_deref(), Some(COMMIT));
        }
        cache.set_commit(COMMIT, COMMIT).unwrap();
        let refs = dir.path().join("models--acme--small/refs");
        assert_eq!(fs::read_to_string(refs.join("refs/pr/29")).unwrap(), COMMIT);
        assert!(!refs.join(COMMIT).exists());
        fs::write(refs.join("main"), "../../elsewhere").unwrap();
        assert_eq!(cache.commit("main"), None, "what is no commit is not followed");
    }

    #[test]
    fn links_lead_to_blobs_from_any_depth_and_are_mended() {
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
    fn a_blob_is_fetched_by_one_at_a_time() {
        let dir = tempfile::tempdir().unwrap();
        let cache = cache(dir.path());
        let held = cache.lock("e", || panic!("nobody holds it")).unwrap();
        std::thread::scope(|scope| {
            let (tell, told) = std::sync::mpsc::channel();
            let cache = &cache;
            let second = scope.spawn(move || cache.lock("e", || tell.send(()).unwrap()).unwrap());
            told.recv().unwrap();
            drop(held);
            second.join().unwrap();
        });
        cache.lock("another", || panic!("nobody holds it")).unwrap();
    }
}
