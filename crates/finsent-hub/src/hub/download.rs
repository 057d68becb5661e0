//! Downloads the files of a commit into the cache.
//!
//! A file is received under another name, continued where it broke off, and gets its name once its hash is right.

use std::fs::{self, File};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::thread;

use finsent_model::is_regular;

use super::api::{FileBody, FileMetadata, HubApi, RemoteFile};
use super::cache::{RepositoryCache, create_parent};
use super::error::HubError;
use super::expected_hash::Hash;
use super::progress::DownloadProgress;
use super::repository::{HubModel, check_file_name};
use super::snapshot::{Integrity, check_integrity};
use super::transport::{TRIES, pause};
use crate::catalog::FileSpec;

/// How many bytes to read and write at once.
const CHUNK: usize = 256 << 10;

/// The download of a commit.
pub(super) struct Download<'a> {
    pub(super) api: &'a HubApi,
    pub(super) cache: &'a RepositoryCache,
    pub(super) model: &'a HubModel,
    pub(super) commit: &'a str,
    pub(super) progress: &'a dyn DownloadProgress,
}

/// A file on disk that is not complete yet.
struct Partial {
    path: PathBuf,
    file: File,
}

/// How a request for a file ended.
enum Received {
    /// The file is complete.
    Complete,
    /// The connection broke.
    Cut,
    /// The bytes on disk cannot be continued.
    Restart,
}

impl Download<'_> {
    /// Makes sure that the file is in the snapshot `dir` and is the published one: downloads it if necessary.
    ///
    /// # Errors
    /// [`HubError`]; then the snapshot is unchanged, and what was downloaded is kept for the next time.
    pub(super) fn ensure(&self, dir: &Path, spec: &FileSpec) -> Result<(), HubError> {
        check_file_name(spec)?;
        let path = dir.join(&spec.name);
        if is_regular(&path).map_err(HubError::cache(&path))? {
            if check_integrity(dir, spec)? != Integrity::Modified {
                return Ok(());
            }
            self.progress.note(&format!("{} in the cache is damaged; downloading it again", spec.name));
            fs::remove_file(&path).map_err(HubError::cache(&path))?;
        }
        self.fetch(spec)
    }

    fn fetch(&self, spec: &FileSpec) -> Result<(), HubError> {
        let metadata = self.api.metadata(self.remote(spec))?;
        let expected = self.expected_hash(spec, &metadata)?;
        let (blob, etag) = (self.cache.blob(&metadata.etag), &metadata.etag);
        let waiting = || self.progress.note(&format!("another process is downloading {}; waiting for it", spec.name));
        let _lock = self.cache.lock(etag, waiting)?;
        if !is_complete(&blob, expected.as_ref(), metadata.size)? {
            self.fetch_blob(spec, &metadata, expected.as_ref())?;
        }
        self.cache.link(self.commit, &spec.name, etag)
    }

    /// The catalog's hash, or else the hub's. They may not contradict each other.
    fn expected_hash(&self, spec: &FileSpec, metadata: &FileMetadata) -> Result<Option<Hash>, HubError> {
        let of_hub = Hash::of_etag(&metadata.etag);
        let pinned = spec.sha256.as_ref().map(|sha256| Hash::Sha256(sha256.to_ascii_lowercase()));
        match (&pinned, &of_hub) {
            (Some(pinned @ Hash::Sha256(_)), Some(of_hub @ Hash::Sha256(_))) if pinned != of_hub => {
                let outcome = "The catalog pins another file than the hub has; nothing was downloaded";
                Err(self.wrong_hash(spec, pinned, of_hub, outcome))
            }
            _ => Ok(pinned.or(of_hub)),
        }
    }

    /// Receives a file, checks it, and renames it to its blob.
    fn fetch_blob(&self, spec: &FileSpec, metadata: &FileMetadata, expected: Option<&Hash>) -> Result<(), HubError> {
        let mut partial = Partial::open(self.cache.partial(&metadata.etag))?;
        loop {
            let was_continued = partial.len()? > 0;
            self.receive(spec, metadata, &mut partial)?;
            match partial.differs_from(expected)? {
                Some(_) if was_continued => {
                    // The bytes of an earlier run may be the damaged ones.
                    self.progress.note(&format!("the partial download of {} is damaged; starting again", spec.name));
                    partial.clear()?;
                }
                Some((expected, found)) => {
                    fs::remove_file(&partial.path).map_err(HubError::cache(&partial.path))?;
                    let outcome = "The download was deleted; run the command again";
                    return Err(self.wrong_hash(spec, expected, &found, outcome));
                }
                None => {
                    let blob = self.cache.blob(&metadata.etag);
                    return fs::rename(&partial.path, blob).map_err(HubError::cache(&partial.path));
                }
            }
        }
    }

    /// Receives the rest of a file. Tries again as long as a try adds bytes.
    fn receive(&self, spec: &FileSpec, metadata: &FileMetadata, partial: &mut Partial) -> Result<(), HubError> {
        let (mut failed_tries, mut furthest) = (0, 0);
        loop {
            let before = partial.len()?;
            if metadata.size.is_some_and(|size| before > size) {
                partial.clear()?;
                continue;
            }
            self.progress.begin(&spec.name, before, metadata.size);
            if metadata.size == Some(before) {
                return partial.sync();
            }
            match self.receive_once(spec, metadata, partial, before)? {
                Received::Complete => return partial.sync(),
                Received::Cut => {}
                Received::Restart => partial.clear()?,
            }
            let after = partial.len()?;
            failed_tries = if after > furthest.max(before) { 0 } else { failed_tries + 1 };
            furthest = furthest.max(after);
            if failed_tries == TRIES {
                let (host, file) = (self.api.host(), spec.name.clone());
                let expected = metadata.size.unwrap_or(after);
                return Err(HubError::Incomplete { host, file, got: after, expected });
            }
            tracing::info!("{}: connection closed after {after} bytes; continuing", spec.name);
            thread::sleep(pause(failed_tries + 1));
        }
    }

    fn receive_once(
        &self,
        spec: &FileSpec,
        metadata: &FileMetadata,
        partial: &mut Partial,
        from: u64,
    ) -> Result<Received, HubError> {
        let (start, mut bytes) = match self.api.body(self.remote(spec), from)? {
            FileBody::From { start, bytes } => (start, bytes),
            // The hash decides whether the file is the right one.
            FileBody::Complete => return Ok(Received::Complete),
            FileBody::Restart => return Ok(Received::Restart),
        };
        partial.truncate(start)?;
        let mut done = start;
        let mut chunk = vec![0; CHUNK];
        loop {
            let read = match bytes.read(&mut chunk) {
                Ok(0) if metadata.size.is_none_or(|size| size == done) => return Ok(Received::Complete),
                Ok(0) => return Ok(Received::Cut),
                Ok(read) => read,
                Err(error) => {
                    tracing::debug!("{}: {error}", spec.name);
                    return Ok(Received::Cut);
                }
            };
            partial.write(&chunk[..read])?;
            done += read as u64;
            self.progress.advance(done);
            if metadata.size.is_some_and(|size| done > size) {
                return Ok(Received::Restart);
            }
        }
    }

    fn remote<'a>(&'a self, spec: &'a FileSpec) -> RemoteFile<'a> {
        RemoteFile { model: self.model, commit: self.commit, name: &spec.name }
    }

    fn wrong_hash(&self, spec: &FileSpec, expected: &Hash, found: &Hash, outcome: &'static str) -> HubError {
        HubError::WrongHash {
            file: spec.name.clone(),
            repository: self.model.repository.as_str().into(),
            kind: expected.kind(),
            expected: expected.digits().into(),
            found: found.digits().into(),
            outcome,
        }
    }
}

impl Partial {
    fn open(path: PathBuf) -> Result<Self, HubError> {
        create_parent(&path)?;
        let open = |_| File::options().create(true).truncate(false).read(true).write(true).open(&path);
        Ok(Self { file: is_regular(&path).and_then(open).map_err(HubError::cache(&path))?, path })
    }

    fn len(&self) -> Result<u64, HubError> {
        Ok(self.file.metadata().map_err(HubError::cache(&self.path))?.len())
    }

    fn clear(&mut self) -> Result<(), HubError> {
        self.file.set_len(0).map_err(HubError::cache(&self.path))
    }

    /// Keeps the first `len` bytes, and continues after them.
    fn truncate(&mut self, len: u64) -> Result<(), HubError> {
        self.file.set_len(len).map_err(HubError::cache(&self.path))?;
        self.file.seek(SeekFrom::Start(len)).map(drop).map_err(HubError::cache(&self.path))
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), HubError> {
        self.file.write_all(bytes).map_err(HubError::cache(&self.path))
    }

    fn sync(&self) -> Result<(), HubError> {
        self.file.sync_all().map_err(HubError::cache(&self.path))
    }

    /// The expected and the actual hash, if they differ.
    fn differs_from<'a>(&self, expected: Option<&'a Hash>) -> Result<Option<(&'a Hash, Hash)>, HubError> {
        let Some(expected) = expected else { return Ok(None) };
        let found = expected.of_same_kind(&self.path).map_err(HubError::cache(&self.path))?;
        Ok((found != *expected).then_some((expected, found)))
    }
}

/// Whether the blob exists and has the expected hash, or at least the expected size.
fn is_complete(blob: &Path, expected: Option<&Hash>, size: Option<u64>) -> Result<bool, HubError> {
    if !is_regular(blob).map_err(HubError::cache(blob))? {
        return Ok(false);
    }
    let metadata = blob.metadata().map_err(HubError::cache(blob))?;
    match expected {
        Some(expected) => expected.of_same_kind(blob).map(|found| found == *expected).map_err(HubError::cache(blob)),
        None => Ok(size.is_none_or(|size| size == metadata.len())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_blob_is_complete_if_its_hash_or_at_least_its_size_is_right() {
        let dir = tempfile::tempdir().unwrap();
        let blob = dir.path().join("b");
        assert!(!is_complete(&blob, None, None).unwrap());
        fs::write(&blob, "abc").unwrap();
        let of_abc = Hash::of_etag("f2ba8f84ab5c1bce84a7b441cb1959cfc7093b7f");
        assert!(is_complete(&blob, of_abc.as_ref(), None).unwrap());
        assert!(is_complete(&blob, None, Some(3)).unwrap() && !is_complete(&blob, None, Some(4)).unwrap());
        fs::write(&blob, "abd").unwrap();
        assert!(!is_complete(&blob, of_abc.as_ref(), Some(3)).unwrap());
    }
}
