//! The digest of a model: the SHA-256 of its files.

use std::io;

use finsent_model::{CheckpointError, IoError, ModelFile, ModelFiles, weight_files};
use thiserror::Error;

use crate::catalog::FileSpec;
use crate::hash;

/// Why the files of a model cannot be hashed.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum DigestError {
    /// A file could not be read.
    #[error("cannot read `{file}`")]
    Io {
        /// The file.
        file: String,
        /// The system's error.
        source: IoError,
    },
    /// The index of the shards is not valid.
    #[error(transparent)]
    Weights(#[from] CheckpointError),
}

/// The SHA-256 of each file of a model, sorted by name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileDigests(Vec<(String, String)>);

impl FileDigests {
    /// Hashes all files of a model.
    ///
    /// # Errors
    /// [`DigestError`] with the file that cannot be read.
    pub fn compute(files: &ModelFiles) -> Result<Self, DigestError> {
        let weights = weight_files(&files.weights)?;
        let all = [&files.config].into_iter().chain(files.tokenizer.iter()).chain(&weights);
        let mut digests = all.map(of_file).collect::<Result<Vec<_>, _>>()?;
        digests.sort();
        Ok(Self(digests))
    }

    /// The digest of the model: `sha256:` and the SHA-256 of what `sha256sum` prints for its files, sorted by name.
    pub fn model_digest(&self) -> String {
        let lines: String = self.0.iter().map(|(name, digest)| format!("{digest}  {name}\n")).collect();
        format!("sha256:{}", hash::sha256_of(lines))
    }

    /// Whether the files have all the hashes in `listed`. False if no hash is listed.
    pub fn match_listed(&self, listed: &[FileSpec]) -> bool {
        let mut known = listed.iter().filter_map(|file| Some((&file.name, file.sha256.as_ref()?))).peekable();
        known.peek().is_some()
            && known.all(|(name, sha256)| {
                self.0.iter().any(|(file, digest)| file == name && digest.eq_ignore_ascii_case(sha256))
            })
    }
}

fn of_file(file: &ModelFile) -> Result<(String, String), DigestError> {
    let digest = match file {
        ModelFile::Embedded { bytes, .. } => Ok(hash::sha256_of(bytes)),
        ModelFile::Disk(path) => hash::sha256(path),
    };
    let digest = digest.map_err(|error: io::Error| DigestError::Io { file: file.to_string(), source: error.into() })?;
    Ok((file.name().to_string_lossy().into_owned(), digest))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use finsent_model::{VocabularyFiles, WeightFiles};

    #[test]
    fn the_digest_is_the_sha256_of_the_output_of_sha256sum() {
        let dir = tempfile::tempdir().unwrap();
        for (name, content) in [("config.json", "{}"), ("model.safetensors", "abc"), ("vocab.txt", "")] {
            fs::write(dir.path().join(name), content).unwrap();
        }
        let files = ModelFiles::in_dir(dir.path(), &[]).unwrap();
        assert!(matches!(files.tokenizer.vocabulary, VocabularyFiles::WordPiece(_)));
        assert!(matches!(files.weights, WeightFiles::Single(_)));
        let digests = FileDigests::compute(&files).unwrap();
        // sha256sum config.json model.safetensors vocab.txt | sha256sum
        let expected = "sha256:e8a073d50f60f3fc86d0a12f5c44493eef260150b00e177e1572ff25d9e11c0d";
        assert_eq!(digests.model_digest(), expected);

        let listed = |name: &str, sha256: Option<&str>| FileSpec { name: name.into(), sha256: sha256.map(Into::into) };
        let of_abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert!(digests.match_listed(&[listed("model.safetensors", Some(of_abc)), listed("config.json", None)]));
        assert!(!digests.match_listed(&[listed("vocab.txt", Some(of_abc))]));
        assert!(!digests.match_listed(&[listed("pytorch_model.bin", Some(of_abc))]));
        assert!(!digests.match_listed(&[listed("model.safetensors", None)]), "no hash is listed");
    }
}
