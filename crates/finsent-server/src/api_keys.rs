//! API keys: a file with one key per line, compared in constant time.

use std::fs::{self, File, FileType};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::{PoisonError, RwLock};

use finsent_model::{plain_words, platform::special_file};
use sha2::{Digest, Sha256};
use subtle::{Choice, ConstantTimeEq};
use thiserror::Error;

/// The keys that clients may use. By default there are none, and the service is open to everyone.
#[derive(Debug, Default)]
pub struct ApiKeys {
    file: Option<PathBuf>,
    hashes: RwLock<Vec<Hash>>,
}

/// The largest file of keys: tens of thousands of them.
const MAX_FILE_BYTES: u64 = 1 << 20;

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
    #[error("no API key in `{}`; write one key per line (lines that begin with # are comments)", .0.display())]
    NoKeys(PathBuf),
    /// It is not a regular file. Reading anything else may never end.
    #[error("cannot read the API keys in `{}`: it is {kind}; use a regular file", file.display())]
    NotAFile {
        /// The file.
        file: PathBuf,
        /// What it is.
        kind: &'static str,
    },
    /// The file is too large to be one of keys.
    #[error("cannot read the API keys in `{}`: it is larger than 1 MB; write one key per line", .0.display())]
    TooLarge(PathBuf),
    /// The file is UTF-16, so that no key would match.
    #[error("cannot read the API keys in `{}`: it is UTF-16; save it as UTF-8", .0.display())]
    Utf16(PathBuf),
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
    let text = read_regular(file)?;
    if text.starts_with(b"\xff\xfe") || text.starts_with(b"\xfe\xff") {
        return Err(ApiKeysError::Utf16(file.into()));
    }
    // Editors on Windows write a byte order mark.
    let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&text);
    let lines = text.split(|&byte| byte == b'\n').map(<[u8]>::trim_ascii).filter(|line| !line.is_empty());
    let (comments, keys): (Vec<_>, Vec<_>) = lines.partition(|line| line.starts_with(b"#"));
    if keys.is_empty() {
        return Err(ApiKeysError::NoKeys(file.into()));
    }
    if !comments.is_empty() {
        // Someone may have meant a key.
        tracing::info!("{}: ignored {} that begin with #, as comments", file.display(), quantity(comments.len()));
    }
    Ok(keys.into_iter().map(hash).collect())
}

fn quantity(lines: usize) -> String {
    if lines == 1 { "1 line".into() } else { format!("{lines} lines") }
}

/// The content of a regular file. A pipe is not even opened: that would wait for its writer.
fn read_regular(file: &Path) -> Result<Vec<u8>, ApiKeysError> {
    let io = |error| ApiKeysError::Io { file: file.into(), error };
    let regular = |file_type: FileType| match kind(file_type) {
        Some(kind) => Err(ApiKeysError::NotAFile { file: file.into(), kind }),
        None => Ok(()),
    };
    regular(fs::metadata(file).map_err(io)?.file_type())?;
    let opened = File::open(file).map_err(io)?;
    regular(opened.metadata().map_err(io)?.file_type())?;
    let mut text = Vec::new();
    opened.take(MAX_FILE_BYTES + 1).read_to_end(&mut text).map_err(io)?;
    if text.len() as u64 > MAX_FILE_BYTES { Err(ApiKeysError::TooLarge(file.into())) } else { Ok(text) }
}

/// What it is if it is not a regular file.
fn kind(file_type: FileType) -> Option<&'static str> {
    if file_type.is_file() {
        None
    } else if file_type.is_dir() {
        Some("a folder")
    } else {
        Some(special_file(file_type))
    }
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
        assert!(matches!(keys.reload(), Err(ApiKeysError::NoKeys(_))));
        assert!(keys.allow(Some(b"Bearer third")), "the old keys stay valid");
    }

    #[test]
    fn a_byte_order_mark_and_comments_are_no_keys() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("keys");
        let allows = |content: &[u8], key: &str| {
            fs::write(&file, content).unwrap();
            ApiKeys::read(&file).unwrap().allow(Some(format!("Bearer {key}").as_bytes()))
        };
        assert!(allows(b"\xef\xbb\xbffirst\r\nsecond", "first"));
        let commented = b"# of the ingress\n  #old\nkey#1\n";
        assert!(allows(commented, "key#1") && !allows(commented, "#old") && !allows(commented, "# of the ingress"));
        let error = |content: &[u8]| {
            fs::write(&file, content).unwrap();
            ApiKeys::read(&file).unwrap_err()
        };
        assert!(matches!(error(b"\xef\xbb\xbf# only a comment\n"), ApiKeysError::NoKeys(_)));
        assert!(matches!(error(b"\xff\xfek\0e\0y\0"), ApiKeysError::Utf16(_)));
        assert!(matches!(error(&vec![b'k'; (1 << 20) + 1]), ApiKeysError::TooLarge(_)));
    }

    #[test]
    fn only_a_regular_file_is_read() {
        let dir = tempfile::tempdir().unwrap();
        let error = |path: &Path| ApiKeys::read(path).unwrap_err().to_string();
        assert!(error(dir.path()).contains("it is a folder; use a regular file"), "{}", error(dir.path()));
        assert!(error(Path::new("/dev/zero")).contains("it is a device"), "{}", error(Path::new("/dev/zero")));
        let socket = dir.path().join("s");
        let _listener = std::os::unix::net::UnixListener::bind(&socket).unwrap();
        assert!(error(&socket).contains("it is a socket"), "{}", error(&socket));
    }

    #[test]
    fn without_a_file_every_request_is_allowed() {
        assert!(ApiKeys::default().allow(None));
    }
}
