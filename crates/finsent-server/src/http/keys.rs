//! API keys: a file of them, one a line, compared in constant time.

use std::path::{Path, PathBuf};
use std::sync::{PoisonError, RwLock};
use std::{fs, io};

use sha2::{Digest, Sha256};
use subtle::{Choice, ConstantTimeEq};
use thiserror::Error;

/// The keys that open the service; without a file it is open.
#[derive(Debug, Default)]
pub struct Keys {
    file: Option<PathBuf>,
    hashes: RwLock<Vec<Hash>>,
}

/// Of equal length for all keys, so that a comparison does not tell a key's.
type Hash = [u8; 32];

/// The keys could not be read.
#[derive(Debug, Error)]
pub enum KeysError {
    /// The file cannot be read.
    #[error("cannot read `{file}`")]
    Io {
        /// The file.
        file: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Nobody could get in.
    #[error("`{0}` holds no key; expected one a line")]
    None(PathBuf),
}

impl Keys {
    /// Reads the keys of a file.
    ///
    /// # Errors
    /// [`KeysError`] when it cannot be read or has none.
    pub fn read(file: &Path) -> Result<Self, KeysError> {
        Ok(Self { hashes: RwLock::new(read(file)?), file: Some(file.into()) })
    }

    /// Reads the file again.
    ///
    /// # Errors
    /// [`KeysError`]; then the old keys stay.
    pub(super) fn reload(&self) -> Result<(), KeysError> {
        let Some(file) = &self.file else { return Ok(()) };
        let hashes = read(file)?;
        *self.hashes.write().unwrap_or_else(PoisonError::into_inner) = hashes;
        Ok(())
    }

    /// Whether there are any.
    pub(super) fn are_asked_for(&self) -> bool {
        self.file.is_some()
    }

    /// Whether the value of an `Authorization` header lets its bearer in.
    pub(super) fn admit(&self, authorization: Option<&[u8]>) -> bool {
        if self.file.is_none() {
            return true;
        }
        let Some(key) = authorization.and_then(bearer) else { return false };
        let given = hash(key);
        let hashes = self.hashes.read().unwrap_or_else(PoisonError::into_inner);
        // All of them are compared, whichever it is.
        hashes.iter().fold(Choice::from(0), |found, known| found | known.ct_eq(&given)).into()
    }
}

/// The key of `Bearer KEY`; the name of the scheme is in either case, by RFC 9110.
fn bearer(authorization: &[u8]) -> Option<&[u8]> {
    let (scheme, key) = authorization.split_at_checked("Bearer ".len())?;
    scheme.eq_ignore_ascii_case(b"Bearer ").then(|| key.trim_ascii())
}

fn read(file: &Path) -> Result<Vec<Hash>, KeysError> {
    let text = fs::read(file).map_err(|source| KeysError::Io { file: file.into(), source })?;
    let lines = text.split(|&byte| byte == b'\n').map(<[u8]>::trim_ascii);
    let hashes: Vec<Hash> = lines.filter(|key| !key.is_empty()).map(hash).collect();
    if hashes.is_empty() { Err(KeysError::None(file.into())) } else { Ok(hashes) }
}

fn hash(key: &[u8]) -> Hash {
    Sha256::digest(key).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_of_the_file_opens_and_nothing_else_does() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("keys");
        fs::write(&file, "old-key\r\n\nnew-key\n").unwrap();
        let keys = Keys::read(&file).unwrap();
        for good in ["Bearer old-key", "bearer new-key"] {
            assert!(keys.admit(Some(good.as_bytes())), "{good}");
        }
        for bad in ["Bearer old", "Bearer old-key2", "Bearer ", "Bearer", "Basic old-key", "old-key", ""] {
            assert!(!keys.admit(Some(bad.as_bytes())), "{bad}");
        }
        assert!(!keys.admit(None));

        fs::write(&file, "third").unwrap();
        assert!(keys.reload().is_ok() && keys.admit(Some(b"Bearer third")) && !keys.admit(Some(b"Bearer old-key")));
        fs::write(&file, " \n").unwrap();
        assert!(matches!(keys.reload(), Err(KeysError::None(_))));
        assert!(keys.admit(Some(b"Bearer third")), "the old keys stay");
    }

    #[test]
    fn without_a_file_the_service_is_open() {
        assert!(Keys::default().admit(None));
    }
}
