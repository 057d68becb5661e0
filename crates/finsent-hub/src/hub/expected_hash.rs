//! The expected hash of a file: a SHA-256 from the catalog, or from the hub for a large file; or the SHA-1 that git
//! gives a small file.

use std::path::Path;
use std::{fs, io};

use crate::catalog::FileSpec;
use crate::hash;

/// A hash in hexadecimal digits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Hash {
    /// The SHA-256 of the bytes.
    Sha256(String),
    /// The SHA-1 of `blob`, a space, the length in digits, a zero byte, and the bytes.
    GitBlob(String),
}

impl Hash {
    /// The hash in an ETag of the hub, which is also the name of the blob in the cache.
    pub(super) fn of_etag(etag: &str) -> Option<Self> {
        let is_hexadecimal = etag.bytes().all(|byte| byte.is_ascii_hexdigit());
        match etag.len() {
            64 if is_hexadecimal => Some(Self::Sha256(etag.to_ascii_lowercase())),
            40 if is_hexadecimal => Some(Self::GitBlob(etag.to_ascii_lowercase())),
            _ => None,
        }
    }

    /// The expected hash of a file in a snapshot: the catalog's, or else the name of the blob that it links to.
    pub(super) fn of_file(spec: &FileSpec, path: &Path) -> Option<Self> {
        let pinned = spec.sha256.as_ref().map(|sha256| Self::Sha256(sha256.to_ascii_lowercase()));
        pinned.or_else(|| Self::of_etag(fs::read_link(path).ok()?.file_name()?.to_str()?))
    }

    /// Computes the hash of a file, of the same kind as this one.
    ///
    /// # Errors
    /// If the file cannot be read.
    pub(super) fn of_same_kind(&self, path: &Path) -> io::Result<Self> {
        match self {
            Self::Sha256(_) => hash::sha256(path).map(Self::Sha256),
            Self::GitBlob(_) => hash::git_blob(path).map(Self::GitBlob),
        }
    }

    /// For messages.
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Self::Sha256(_) => "SHA-256",
            Self::GitBlob(_) => "git SHA-1",
        }
    }

    pub(super) fn digits(&self) -> &str {
        match self {
            Self::Sha256(digits) | Self::GitBlob(digits) => digits,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_etag_may_be_one_of_two_hashes() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("f");
        fs::write(&path, "abc").unwrap();
        // printf abc | git hash-object --stdin; printf abc | sha256sum
        for etag in [
            "f2ba8f84ab5c1bce84a7b441cb1959cfc7093b7f",
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
        ] {
            let hash = Hash::of_etag(&etag.to_uppercase()).unwrap();
            assert_eq!(hash.of_same_kind(&path).unwrap(), hash);
            assert!(hash.digits() == etag);
            fs::write(dir.path().join("empty"), "").unwrap();
            assert_ne!(hash.of_same_kind(&dir.path().join("empty")).unwrap(), hash);
        }
        for etag in ["", "abc", &"g".repeat(64), "5f-61a8"] {
            assert_eq!(Hash::of_etag(etag), None);
        }
    }
}
