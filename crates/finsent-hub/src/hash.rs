//! Hashes of files in hexadecimal digits.

use std::fmt::Write as _;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use finsent_model::open_regular;
use sha1::Sha1;
use sha2::digest::Output;
use sha2::{Digest, Sha256};

/// The SHA-256 of a file, as `sha256sum` prints it.
///
/// # Errors
/// If the file cannot be read.
pub(crate) fn sha256(path: &Path) -> io::Result<String> {
    of_reader(Sha256::new(), open_regular(path)?)
}

/// The SHA-256 of bytes.
pub(crate) fn sha256_of(bytes: impl AsRef<[u8]>) -> String {
    hexadecimal(&Sha256::digest(bytes))
}

/// The hash that `git hash-object` prints for a file: the SHA-1 of `blob`, a space, the length, a zero byte, and the
/// bytes.
///
/// # Errors
/// If the file cannot be read.
pub(crate) fn git_blob(path: &Path) -> io::Result<String> {
    let file = open_regular(path)?;
    let header = format!("blob {}\0", file.metadata()?.len());
    of_reader(Sha1::new_with_prefix(header), file)
}

fn of_reader<D: Digest>(mut hasher: D, mut file: File) -> io::Result<String> {
    let mut chunk = vec![0; 1 << 20];
    loop {
        match file.read(&mut chunk)? {
            0 => return Ok(hexadecimal(&Output::<D>::from(hasher.finalize()))),
            read => hasher.update(&chunk[..read]),
        }
    }
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").expect("writing to a String does not fail");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_are_those_of_sha256sum_and_git() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("f");
        std::fs::write(&path, "abc").unwrap();
        let of_abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!((sha256(&path).unwrap().as_str(), sha256_of("abc").as_str()), (of_abc, of_abc));
        assert_eq!(git_blob(&path).unwrap(), "f2ba8f84ab5c1bce84a7b441cb1959cfc7093b7f");
        assert!(sha256(dir.path()).is_err() && git_blob(&dir.path().join("x")).is_err());
    }
}
