//! What a file's bytes must hash to: a SHA-256 that was pinned or that the hub gives for large files, or the SHA-1 that
//! git gives a small one.

use std::path::Path;
use std::{fs, io};

use crate::catalog::FileSpec;
use crate::hash;

/// A hash that is known before the bytes are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Hash {
    /// Of the bytes.
    Sha256(String),
    /// Of `blob`, a space, the length in digits, a zero byte, and the bytes.
    GitBlob(String),
}

impl Hash {
    /// The hash that an ETag of the hub, and so the name of a blob in the cache, is.
    pub(crate) fn of_etag(etag: &str) -> Option<Self> {
        let is_hexadecimal = etag.bytes().all(|byte| byte.is_ascii_hexdigit());
        match etag.len() {
            64 if is_hexadecimal => Some(Self::Sha256(etag.to_ascii_lowercase())),
            40 if is_hexadecimal => Some(Self::GitBlob(etag.to_ascii_lowercase())),
            _ => None,
        }
    }

    /// The hash that a file of a snapshot must have: the catalogue's, else the name of the blob that it is a link to.
    pub(crate) fn of_file(spec: &FileSpec, path: &Path) -> Option<Self> {
        let pinned = spec.sha256.as_ref().map(|sha256| Self::Sha256(sha256.to_ascii_lowercase()));
        pinned.or_else(|| Self::of_etag(fs::read_link(path).ok()?.file_name()?.to_str()?))
    }

    /// The hash of the same kind that the file has.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub(crate) fn found(&self, path: &Path) -> io::Result<Self> {
        match self {
            Self::Sha256(_) => hash::sha256(path).map(Self::Sha256),
            Self::GitBlob(_) => hash::git_blob(path).map(Self::GitBlob),
        }
    }
}

impl std::fmt::Display for Hash {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Sha256(digits) => write!(f, "sha256 {digits}"),
            Self::GitBlob(digits) => write!(f, "git blob sha1 {digits}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_etag_is_one_of_two_hashes_or_none() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("f");
        fs::write(&path, "abc").unwrap();
        // printf abc | git hash-object --stdin; printf abc | sha256sum
        for etag in [
            "f2ba8f84ab5c1bce84a7b441cb1959cfc7093b7f",
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
        ] {
            let hash = Hash::of_etag(&etag.to_uppercase()).unwrap();
            assert_eq!(hash.found(&path).unwrap(), hash);
            assert!(hash.to_string().ends_with(etag));
            fs::write(dir.path().join("empty"), "").unwrap();
            assert_ne!(hash.found(&dir.path().join("empty")).unwrap(), hash);
        }
        for etag in ["", "abc", &"g".repeat(64), "5f-61a8"] {
            assert_eq!(Hash::of_etag(etag), None);
        }
    }
}
