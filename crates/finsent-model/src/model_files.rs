//! The files of a model: which ones there are, and where.

use std::borrow::Cow;
use std::ffi::OsStr;
use std::fmt;
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

use thiserror::Error;

use crate::io_error::IoError;
use crate::regular_file::{is_regular, open_regular};

/// A file of a model.
#[derive(Debug, Clone)]
pub enum ModelFile {
    /// A file on disk.
    Disk(PathBuf),
    /// A file compiled into the program.
    Embedded {
        /// The file name.
        name: &'static str,
        /// The contents.
        bytes: &'static [u8],
    },
}

/// The weights.
#[derive(Debug, Clone)]
pub enum WeightFiles {
    /// One file of safetensors or torch.save. Its first bytes decide which.
    Single(ModelFile),
    /// `model.safetensors.index.json` or `pytorch_model.bin.index.json`, with the shards in the same folder.
    Sharded(PathBuf),
}

/// The files of the tokenizer: `tokenizer.json`, or else a vocabulary and its settings.
#[derive(Debug, Clone)]
pub enum TokenizerFiles {
    /// `tokenizer.json`, complete in itself.
    Json {
        /// The file.
        tokenizer: ModelFile,
        /// `tokenizer_config.json`; only `model_max_length` and `add_prefix_space` are used.
        config: Option<ModelFile>,
    },
    /// A WordPiece vocabulary.
    WordPiece {
        /// `vocab.txt`.
        vocab: ModelFile,
        /// `tokenizer_config.json`.
        config: Option<ModelFile>,
        /// `special_tokens_map.json`.
        special_tokens: Option<ModelFile>,
    },
    /// A byte-level BPE vocabulary.
    ByteLevel {
        /// `vocab.json`.
        vocab: ModelFile,
        /// `merges.txt`.
        merges: ModelFile,
        /// `tokenizer_config.json`.
        config: Option<ModelFile>,
        /// `special_tokens_map.json`.
        special_tokens: Option<ModelFile>,
    },
}

/// All files of a model.
#[derive(Debug, Clone)]
pub struct ModelFiles {
    /// `config.json`.
    pub config: ModelFile,
    /// The files of the tokenizer.
    pub tokenizer: TokenizerFiles,
    /// The weights.
    pub weights: WeightFiles,
}

/// Why a directory is not a model, or one of its files cannot be read.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum FilesError {
    /// The path is not a directory.
    #[error("`{0}` is not a directory")]
    NotADirectory(PathBuf),
    /// A file that every model needs is missing.
    #[error("`{dir}` has no {file}")]
    Missing {
        /// The model's directory.
        dir: PathBuf,
        /// The missing file.
        file: &'static str,
    },
    /// Several files could be the weights.
    #[error("`{dir}` has more than one file of weights: {}. Remove all but one", found.join(", "))]
    Ambiguous {
        /// The model's directory.
        dir: PathBuf,
        /// The names of the files.
        found: Vec<String>,
    },
    /// A file or directory could not be read.
    #[error("cannot read `{path}`")]
    Io {
        /// The file or directory.
        path: PathBuf,
        /// The system's error.
        source: IoError,
    },
    /// A configuration or vocabulary is too large.
    #[error("`{path}` is larger than {limit} bytes, which is too large for what it should hold")]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// The limit.
        limit: u64,
    },
}

impl ModelFile {
    /// The name of the file, without its directory.
    pub fn name(&self) -> &OsStr {
        match self {
            Self::Disk(path) => path.file_name().expect("the path of a file ends in its name"),
            Self::Embedded { name, .. } => name.as_ref(),
        }
    }

    /// The path of a file on disk.
    pub fn path(&self) -> Option<&Path> {
        match self {
            Self::Disk(path) => Some(path),
            Self::Embedded { .. } => None,
        }
    }

    /// The largest accepted configuration in bytes. Parsed, it takes some twenty times as much memory. A table of 65,536
    /// labels, the most that are read, has about 3 MB.
    const MAX_SETTINGS_BYTES: u64 = 4 << 20;
    /// The largest accepted vocabulary in bytes. Parsed, it takes some twenty times as much memory. RoBERTa's
    /// `tokenizer.json` has 3.5 MB.
    const MAX_VOCABULARY_BYTES: u64 = 16 << 20;

    /// Reads a configuration: `config.json`, the settings of a tokenizer, an index of shards.
    ///
    /// # Errors
    /// [`FilesError`] if it is not a file, cannot be read, or is too large.
    pub fn read_settings(&self) -> Result<Cow<'static, [u8]>, FilesError> {
        self.read(Self::MAX_SETTINGS_BYTES)
    }

    /// Reads a vocabulary, or any other file of a tokenizer.
    ///
    /// # Errors
    /// As [`ModelFile::read_settings`].
    pub fn read_vocabulary(&self) -> Result<Cow<'static, [u8]>, FilesError> {
        self.read(Self::MAX_VOCABULARY_BYTES)
    }

    fn read(&self, limit: u64) -> Result<Cow<'static, [u8]>, FilesError> {
        let path = match self {
            Self::Embedded { bytes, .. } => return Ok(Cow::Borrowed(bytes)),
            Self::Disk(path) => path,
        };
        let mut bytes = Vec::new();
        open_regular(path)
            .and_then(|file| file.take(limit + 1).read_to_end(&mut bytes))
            .map_err(|error| FilesError::Io { path: path.clone(), source: error.into() })?;
        if bytes.len() as u64 > limit {
            return Err(FilesError::TooLarge { path: path.clone(), limit });
        }
        Ok(Cow::Owned(bytes))
    }
}

impl fmt::Display for ModelFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Disk(path) => path.display().fmt(f),
            Self::Embedded { name, .. } => write!(f, "embedded {name}"),
        }
    }
}

impl TokenizerFiles {
    /// The file with the vocabulary.
    pub fn vocabulary(&self) -> &ModelFile {
        match self {
            Self::Json { tokenizer, .. } => tokenizer,
            Self::WordPiece { vocab, .. } | Self::ByteLevel { vocab, .. } => vocab,
        }
    }

    /// All files of the tokenizer.
    pub fn iter(&self) -> impl Iterator<Item = &ModelFile> {
        let files = match self {
            Self::Json { tokenizer, config } => [Some(tokenizer), None, config.as_ref(), None],
            Self::WordPiece { vocab, config, special_tokens } => {
                [Some(vocab), None, config.as_ref(), special_tokens.as_ref()]
            }
            Self::ByteLevel { vocab, merges, config, special_tokens } => {
                [Some(vocab), Some(merges), config.as_ref(), special_tokens.as_ref()]
            }
        };
        files.into_iter().flatten()
    }
}

impl ModelFiles {
    /// Finds the files of the model in `dir`.
    ///
    /// If there are several files of weights, the one in `named` counts: the files that the catalog lists. Otherwise
    /// several files are an error, so that a file added next to the weights can never replace them.
    ///
    /// # Errors
    /// [`FilesError`] if a file is missing, or there are several files of weights.
    pub fn in_dir(dir: &Path, named: &[&str]) -> Result<Self, FilesError> {
        if !dir.is_dir() {
            return Err(FilesError::NotADirectory(dir.into()));
        }
        let optional = |name: &str| file_at(dir.join(name)).map(|file| file.map(ModelFile::Disk));
        let missing = || FilesError::Missing { dir: dir.into(), file: CONFIG_FILE };
        let config = optional(CONFIG_FILE)?.ok_or_else(missing)?;
        let tokenizer = tokenizer_in(dir, optional)?;
        Ok(Self { config, tokenizer, weights: weights_in(dir, named)? })
    }
}

/// `path`, if there is a file.
///
/// # Errors
/// If there is something else, such as a pipe.
fn file_at(path: PathBuf) -> Result<Option<PathBuf>, FilesError> {
    match is_regular(&path) {
        Ok(is_there) => Ok(is_there.then_some(path)),
        Err(error) => Err(FilesError::Io { path, source: error.into() }),
    }
}

/// `tokenizer.json`, or else the vocabulary. `optional` returns a file of `dir` if it exists.
fn tokenizer_in(
    dir: &Path,
    optional: impl Fn(&str) -> Result<Option<ModelFile>, FilesError>,
) -> Result<TokenizerFiles, FilesError> {
    let missing = |file| FilesError::Missing { dir: dir.into(), file };
    let (config, special_tokens) = (optional("tokenizer_config.json")?, optional("special_tokens_map.json")?);
    if let Some(tokenizer) = optional("tokenizer.json")? {
        return Ok(TokenizerFiles::Json { tokenizer, config });
    }
    if let Some(vocab) = optional("vocab.txt")? {
        return Ok(TokenizerFiles::WordPiece { vocab, config, special_tokens });
    }
    match (optional("vocab.json")?, optional("merges.txt")?) {
        (Some(vocab), Some(merges)) => Ok(TokenizerFiles::ByteLevel { vocab, merges, config, special_tokens }),
        (Some(_), None) => Err(missing("merges.txt, which vocab.json needs")),
        (None, Some(_)) => Err(missing("vocab.json, which merges.txt needs")),
        (None, None) => Err(missing("tokenizer: add tokenizer.json, or vocab.txt, or vocab.json and merges.txt")),
    }
}

/// The name of the configuration file.
pub const CONFIG_FILE: &str = "config.json";
/// The name of the weights in a single safetensors file.
pub const SAFETENSORS_FILE: &str = "model.safetensors";
const INDEX: &str = "model.safetensors.index.json";
const TORCH_SINGLE: &str = "pytorch_model.bin";
const TORCH_INDEX: &str = "pytorch_model.bin.index.json";

fn weights_in(dir: &Path, named: &[&str]) -> Result<WeightFiles, FilesError> {
    let mut candidates = weight_candidates(dir)?;
    if candidates.len() > 1
        && let Some(chosen) = candidates.iter().find(|name| named.contains(&name.as_str()))
    {
        candidates = vec![chosen.clone()];
    }
    let missing = || FilesError::Missing { dir: dir.into(), file: "model.safetensors or pytorch_model.bin" };
    let [file] = candidates.as_slice() else {
        return Err(match candidates.is_empty() {
            true => missing(),
            false => FilesError::Ambiguous { dir: dir.into(), found: candidates },
        });
    };
    let path = dir.join(file);
    match file.as_str() {
        INDEX | TORCH_INDEX => Ok(WeightFiles::Sharded(path)),
        SAFETENSORS_FILE | TORCH_SINGLE => Ok(WeightFiles::Single(ModelFile::Disk(path))),
        other if named.contains(&other) => Ok(WeightFiles::Single(ModelFile::Disk(path))),
        _ => Err(missing()),
    }
}

/// The names of the files in `dir` that could be the weights, sorted. Shards are represented by their index.
fn weight_candidates(dir: &Path) -> Result<Vec<String>, FilesError> {
    let io = |error: std::io::Error| FilesError::Io { path: dir.into(), source: error.into() };
    let mut names = Vec::new();
    for entry in fs::read_dir(dir).map_err(io)? {
        let name = entry.map_err(io)?.file_name().to_string_lossy().into_owned();
        let shard = name.starts_with("model-") && name.contains("-of-");
        let known = [INDEX, TORCH_SINGLE, TORCH_INDEX].contains(&name.as_str());
        let weights = known || (name.ends_with(".safetensors") && !shard);
        if weights && file_at(dir.join(&name))?.is_some() {
            names.push(name);
        }
    }
    names.sort();
    Ok(names)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dir_with(names: &[&str]) -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        for name in ["config.json", "vocab.txt"].iter().chain(names) {
            fs::write(dir.path().join(name), "").unwrap();
        }
        dir
    }

    fn weights(names: &[&str], named: &[&str]) -> Result<WeightFiles, FilesError> {
        ModelFiles::in_dir(dir_with(names).path(), named).map(|files| files.weights)
    }

    #[test]
    fn shards_are_found_by_their_index() {
        let found = weights(&["model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors", INDEX], &[]);
        assert!(matches!(found, Ok(WeightFiles::Sharded(_))), "{found:?}");
        let found = weights(&["pytorch_model-00001-of-00001.bin", TORCH_INDEX], &[]);
        assert!(matches!(found, Ok(WeightFiles::Sharded(_))), "{found:?}");
    }

    #[test]
    fn a_torch_file_is_used_if_it_is_the_only_one() {
        let found = weights(&[TORCH_SINGLE, "training_args.bin", "optimizer.pt"], &[]);
        assert!(matches!(found, Ok(WeightFiles::Single(_))), "{found:?}");
        for other in [SAFETENSORS_FILE, INDEX, TORCH_INDEX, "planted.safetensors"] {
            let message = weights(&[TORCH_SINGLE, other], &[]).unwrap_err().to_string();
            assert!(message.contains(TORCH_SINGLE) && message.contains(other), "{message}");
            let Ok(WeightFiles::Single(ModelFile::Disk(path))) = weights(&[TORCH_SINGLE, other], &[TORCH_SINGLE])
            else {
                panic!("the catalog names {TORCH_SINGLE}")
            };
            assert!(path.ends_with(TORCH_SINGLE));
        }
    }

    #[test]
    fn a_second_file_of_weights_is_an_error_unless_the_catalog_names_one() {
        let names = ["model.safetensors", "planted.safetensors"];
        let message = weights(&names, &[]).unwrap_err().to_string();
        assert!(message.contains("model.safetensors, planted.safetensors"), "{message}");
        let Ok(WeightFiles::Single(ModelFile::Disk(path))) = weights(&names, &["model.safetensors"]) else { panic!() };
        assert!(path.ends_with("model.safetensors"));
    }

    #[test]
    fn a_tokenizer_has_one_of_three_sets_of_files() {
        let found = |names: &[&str]| {
            let dir = dir_with(&[&["model.safetensors"], names].concat());
            fs::remove_file(dir.path().join("vocab.txt")).unwrap();
            ModelFiles::in_dir(dir.path(), &[]).map(|files| files.tokenizer)
        };
        assert!(matches!(found(&["tokenizer.json", "vocab.json", "merges.txt"]), Ok(TokenizerFiles::Json { .. })));
        let Ok(byte_level @ TokenizerFiles::ByteLevel { .. }) =
            found(&["vocab.json", "merges.txt", "tokenizer_config.json", "special_tokens_map.json"])
        else {
            panic!()
        };
        assert_eq!(byte_level.iter().count(), 4);
        for (names, complaint) in [
            (&[][..], "has no tokenizer: add tokenizer.json, or vocab.txt, or vocab.json and merges.txt"),
            (&["vocab.json"], "has no merges.txt, which vocab.json needs"),
            (&["merges.txt"], "has no vocab.json, which merges.txt needs"),
        ] {
            assert!(found(names).unwrap_err().to_string().ends_with(complaint));
        }
    }

    #[test]
    fn a_missing_file_is_named() {
        assert!(weights(&[], &[]).unwrap_err().to_string().ends_with("has no model.safetensors or pytorch_model.bin"));
        let empty = tempfile::tempdir().unwrap();
        let message = ModelFiles::in_dir(empty.path(), &[]).unwrap_err().to_string();
        assert!(message.ends_with("has no config.json"), "{message}");
        assert!(matches!(ModelFiles::in_dir(&empty.path().join("x"), &[]), Err(FilesError::NotADirectory(_))));
    }

    #[test]
    fn what_is_not_a_file_is_refused_by_its_name() {
        for name in ["config.json", "tokenizer.json", "tokenizer_config.json", "model.safetensors", INDEX] {
            let dir = dir_with(&[SAFETENSORS_FILE]);
            fs::remove_file(dir.path().join(name)).unwrap_or_default();
            std::os::unix::fs::symlink("/dev/zero", dir.path().join(name)).unwrap();
            let refused = ModelFiles::in_dir(dir.path(), &[]);
            let Err(FilesError::Io { path, source }) = refused else { panic!("{name}: {refused:?}") };
            assert!(path.ends_with(name));
            assert_eq!(source.to_string(), "it is a device, not a file");
        }
    }

    #[test]
    fn settings_and_vocabularies_are_bounded() {
        let dir = dir_with(&[]);
        let file = ModelFile::Disk(dir.path().join("config.json"));
        let write = |length: u64| fs::File::create(dir.path().join("config.json")).unwrap().set_len(length).unwrap();
        write(ModelFile::MAX_SETTINGS_BYTES);
        assert!(file.read_settings().is_ok());
        write(ModelFile::MAX_SETTINGS_BYTES + 1);
        assert!(matches!(file.read_settings(), Err(FilesError::TooLarge { .. })));
        assert!(file.read_vocabulary().is_ok());
        write(ModelFile::MAX_VOCABULARY_BYTES + 1);
        assert!(matches!(file.read_vocabulary(), Err(FilesError::TooLarge { .. })));
    }
}
