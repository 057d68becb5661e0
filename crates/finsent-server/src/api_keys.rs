//! API keys: a file with one key per line, compared in constant time.

use std::path::{Path, PathBuf};
use std::sync::{PoisonError, RwLock};
use std::{fs, io};

use finsent_model::plain_words;
use sha2::{Digest, Sha256};
use subtle::{Choice, ConstantTimeEq};
use thiserror::Error;

/// The keys that clients may use. By default there are none, and the service is open to everyone.
#[derive(Debug, Default)]
pub struct ApiKeys {
    file: Option<PathBuf>,
    hashes: RwLock<Vec<Hash>>,
}

/// Hashes have the same length for all keys, so the time of a comparison does not reveal that of a key.
type Hash = [u8; 32];

/// Why the keys cannot be used.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ApiKeysError {
    /// The file cannot be read.
    #[error("cannot read the API keys in `{}`: {}", file.display(), plain_words(error))]
    Io {
        /// The file.
        file: PathBuf,
        /// The system's error.
        error: io::Error,
    },
    /// The file is empty, so that no request would be accepted.
    #[error("no API key in `{}`; write one key per line", .0.display())]
    None(PathBuf),
}

impl ApiKeys {
    /// Reads the keys from a file.
    ///
    /// # Errors
    /// [`ApiKeysError`] if the file cannot be read or has no key.
    pub fn read(file: &Path) -> Result<Self, ApiKeysError> {
        Ok(Self { hashes: RwLock::new(read(file)?), file: Some(file.into()) })
    }

    /// Reads the file again.
    ///
    /// # Errors
    /// [`ApiKeysError`]; the old keys stay valid.
    pub(crate) fn reload(&self) -> Result<(), ApiKeysError> {
        let Some(file) = &self.file else { return Ok(()) };
        let hashes = read(file)?;
        *self.hashes.write().unwrap_or_else(PoisonError::into_inner) = hashes;
        Ok(())
    }

    /// Whether requests need a key.
    pub(crate) fn are_required(&self) -> bool {
        self.file.is_some()
    }

    /// Whether a request with this `Authorization` header is allowed.
    pub(crate) fn allow(&self, authorization: Option<&[u8]>) -> bool {
        if self.file.is_none() {
            return true;
        }
        let Some(key) = authorization.and_then(bearer) else { return false };
        let given = hash(key);
        let hashes = self.hashes.read().unwrap_or_else(PoisonError::into_inner);
        // Compare with every key, so that the time does not reveal which one matches.
        hashes.iter().fold(Choice::from(0), |found, known| found | known.ct_eq(&given)).into()
    }
}

/// The key of `Bearer KEY`. By RFC 9110, the name of the scheme is case-insensitive.
fn bearer(authorization: &[u8]) -> Option<&[u8]> {
    let (scheme, key) = authorization.split_at_checked("Bearer ".len())?;
    scheme.eq_ignore_ascii_case(b"Bearer ").then(|| key.trim_ascii())
}

fn read(file: &Path) -> Result<Vec<Hash>, ApiKeysError> {
    let text = fs::read(file).map_err(|error| ApiKeysError::Io { file: file.into(), error })?;
    let lines = text.split(|&byte| byte == b'\n').map(<[u8]>::trim_ascii);
    let hashes: Vec<Hash> = lines.filter(|key| !key.is_empty()).map(hash).collect();
    if hashes.is_empty() { Err(ApiKeysError::None(file.into())) } else { Ok(hashes) }
}

fn hash(key: &[u8]) -> Hash {
    Sha256::digest(key).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_of_the_file_is_allowed_and_nothing_else_is() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("keys");
        fs::write(&file, "old-key\r\n\nnew-key\n").unwrap();
        let keys = ApiKeys::read(&file).unwrap();
        for good in ["Bearer old-key", "bearer new-key"] {
            assert!(keys.allow(Some(good.as_bytes())), "{good}");
        }
        for bad in ["Bearer old", "Bearer old-key2", "Bearer ", "Bearer", "Basic old-key", "old-key", ""] {
            assert!(!keys.allow(Some(bad.as_bytes())), "{bad}");
        }
        assert!(!keys.allow(None));

        fs::write(&file, "third").unwrap();
        assert!(keys.reload().is_ok() && keys.allow(Some(b"Bearer third")) && !keys.allow(Some(b"Bearer old-key")));
        fs::write(&file, " \n").unwrap();
        assert!(matches!(keys.reload(), Err(ApiKeysError::None(_))));
        assert!(keys.allow(Some(b"Bearer third")), "the old keys stay valid");
    }

    #[test]
    fn without_a_file_every_request_is_allowed() {
        assert!(ApiKeys::default().allow(None));
    }
}
