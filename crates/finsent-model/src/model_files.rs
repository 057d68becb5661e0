//! The files of a model: which ones there are, and where.

use std::borrow::Cow;
use std::ffi::OsStr;
use std::fmt;
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

/// The files of the tokenizer: a vocabulary, and the settings that belong to it.
#[derive(Debug, Clone)]
pub struct TokenizerFiles {
    /// The vocabulary.
    pub vocabulary: VocabularyFiles,
    /// `tokenizer_config.json`.
    pub config: Option<ModelFile>,
    /// `special_tokens_map.json`.
    pub special_tokens: Option<ModelFile>,
    /// `added_tokens.json`.
    pub added_tokens: Option<ModelFile>,
}

/// The vocabulary of a tokenizer, in one of four forms.
#[derive(Debug, Clone)]
pub enum VocabularyFiles {
    /// `tokenizer.json`.
    Json(ModelFile),
    /// `vocab.txt`, one token per line.
    WordPiece(ModelFile),
    /// A byte-level BPE vocabulary.
    ByteLevel {
        /// `vocab.json`.
        vocab: ModelFile,
        /// `merges.txt`.
        merges: ModelFile,
    },
    /// The file of a sentencepiece model: `sentencepiece.bpe.model`, `spm.model` or `spiece.model`.
    SentencePiece(ModelFile),
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
    /// The directory has an adapter, which is not applied.
    #[error(
        "`{dir}` has an adapter, `{file}`, which finsent cannot apply; merge it into the weights \
         (`merge_and_unload` of PEFT), or remove it to use the model without it"
    )]
    Adapter {
        /// The model's directory.
        dir: PathBuf,
        /// The file of the adapter.
        file: &'static str,
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
    /// `tokenizer.json` has 3.5 MB, and XLM-RoBERTa's up to 17 MB.
    const MAX_VOCABULARY_BYTES: u64 = 24 << 20;

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
    /// A vocabulary without settings.
    pub fn bare(vocabulary: VocabularyFiles) -> Self {
        Self { vocabulary, config: None, special_tokens: None, added_tokens: None }
    }

    /// The file with the vocabulary.
    pub fn vocabulary_file(&self) -> &ModelFile {
        match &self.vocabulary {
            VocabularyFiles::Json(file) | VocabularyFiles::WordPiece(file) | VocabularyFiles::SentencePiece(file) => {
                file
            }
            VocabularyFiles::ByteLevel { vocab, .. } => vocab,
        }
    }

    /// All files of the tokenizer.
    pub fn iter(&self) -> impl Iterator<Item = &ModelFile> {
        let merges = match &self.vocabulary {
            VocabularyFiles::ByteLevel { merges, .. } => Some(merges),
            VocabularyFiles::Json(_) | VocabularyFiles::WordPiece(_) | VocabularyFiles::SentencePiece(_) => None,
        };
        let settings = [&self.config, &self.special_tokens, &self.added_tokens].map(Option::as_ref);
        [Some(self.vocabulary_file()), merges].into_iter().chain(settings).flatten()
    }
}

impl ModelFiles {
    /// Finds the files of the model in `dir`.
    ///
    /// If there are several files of weights, the one in `named` counts: the files that the catalog lists. Otherwise the
    /// first of `model.safetensors`, its shards, `pytorch_model.bin` and its shards is used, as in transformers.
    ///
    /// # Errors
    /// [`FilesError`] if a file is missing, or there is an adapter.
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

/// `tokenizer.json`, or else the vocabulary, with the settings. `optional` returns a file of `dir` if it exists.
fn tokenizer_in(
    dir: &Path,
    optional: impl Fn(&str) -> Result<Option<ModelFile>, FilesError>,
) -> Result<TokenizerFiles, FilesError> {
    Ok(TokenizerFiles {
        config: optional("tokenizer_config.json")?,
        special_tokens: optional("special_tokens_map.json")?,
        added_tokens: optional("added_tokens.json")?,
        vocabulary: vocabulary_in(dir, optional)?,
    })
}

fn vocabulary_in(
    dir: &Path,
    optional: impl Fn(&str) -> Result<Option<ModelFile>, FilesError>,
) -> Result<VocabularyFiles, FilesError> {
    let missing = |file| FilesError::Missing { dir: dir.into(), file };
    if let Some(tokenizer) = optional("tokenizer.json")? {
        return Ok(VocabularyFiles::Json(tokenizer));
    }
    if let Some(vocab) = optional("vocab.txt")? {
        return Ok(VocabularyFiles::WordPiece(vocab));
    }
    let (vocab, merges) = (optional("vocab.json")?, optional("merges.txt")?);
    if vocab.is_none() || merges.is_none() {
        for name in SENTENCE_PIECE_FILES {
            if let Some(model) = optional(name)? {
                return Ok(VocabularyFiles::SentencePiece(model));
            }
        }
    }
    match (vocab, merges) {
        (Some(vocab), Some(merges)) => Ok(VocabularyFiles::ByteLevel { vocab, merges }),
        (Some(_), None) => Err(missing("merges.txt, which vocab.json needs")),
        (None, Some(_)) => Err(missing("vocab.json, which merges.txt needs")),
        (None, None) => Err(missing(
            "tokenizer: add tokenizer.json, or vocab.txt, or vocab.json and merges.txt, or sentencepiece.bpe.model, or \
             spm.model, or spiece.model",
        )),
    }
}

/// The names of a sentencepiece model: that of XLM-RoBERTa and CamemBERT, of DeBERTa-v2, and of ALBERT.
pub const SENTENCE_PIECE_FILES: [&str; 3] = ["sentencepiece.bpe.model", "spm.model", "spiece.model"];
/// The name of the configuration file.
pub const CONFIG_FILE: &str = "config.json";
/// The name of the weights in a single safetensors file.
pub const SAFETENSORS_FILE: &str = "model.safetensors";
/// The name of packed weights. Other programs do not look for it, so that none takes them for weights that it knows.
pub const PACKED_FILE: &str = "model.packed.safetensors";
const INDEX: &str = "model.safetensors.index.json";
const TORCH_SINGLE: &str = "pytorch_model.bin";
const TORCH_INDEX: &str = "pytorch_model.bin.index.json";

/// The files of weights, in the order in which transformers looks for them, and packed ones. It ignores all others: variants such as
/// `model.fp16.safetensors`, and the weights of other libraries.
const WEIGHTS: [&str; 5] = [SAFETENSORS_FILE, INDEX, TORCH_SINGLE, TORCH_INDEX, PACKED_FILE];
/// Files of an adapter, which changes the weights of another model. Without it, the predictions would be those of the
/// model before its training.
const ADAPTERS: [&str; 3] = ["adapter_config.json", "adapter_model.safetensors", "adapter_model.bin"];

fn weights_in(dir: &Path, named: &[&str]) -> Result<WeightFiles, FilesError> {
    for name in ADAPTERS {
        if file_at(dir.join(name))?.is_some() {
            return Err(FilesError::Adapter { dir: dir.into(), file: name });
        }
    }
    let (listed, others): (Vec<&str>, Vec<&str>) = WEIGHTS.iter().partition(|name| named.contains(name));
    // The catalog may give the weights another name, if it does not list an index with its shards.
    let renamed = named.iter().copied().filter(|name| !WEIGHTS.contains(name) && name.ends_with(".safetensors"));
    for name in listed.into_iter().chain(renamed).chain(others) {
        let Some(path) = file_at(dir.join(name))? else { continue };
        return Ok(match name {
            INDEX | TORCH_INDEX => WeightFiles::Sharded(path),
            _ => WeightFiles::Single(ModelFile::Disk(path)),
        });
    }
    Err(FilesError::Missing { dir: dir.into(), file: "model.safetensors or pytorch_model.bin" })
}

#[cfg(test)]
mod tests {
    use std::fs;

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

    fn chosen(names: &[&str], named: &[&str]) -> String {
        match weights(names, named).unwrap() {
            WeightFiles::Single(file) => file.name().to_str().unwrap().into(),
            WeightFiles::Sharded(path) => path.file_name().unwrap().to_str().unwrap().into(),
        }
    }

    #[test]
    fn of_several_files_of_weights_the_first_is_used_as_in_transformers() {
        let all = [PACKED_FILE, TORCH_INDEX, TORCH_SINGLE, INDEX, SAFETENSORS_FILE];
        for count in 1..=all.len() {
            assert_eq!(chosen(&all[..count], &[]), all[count - 1]);
        }
        let others = ["model.fp16.safetensors", "planted.safetensors", "tf_model.h5", "training_args.bin"];
        assert_eq!(chosen(&[&others[..], &[SAFETENSORS_FILE]].concat(), &[]), SAFETENSORS_FILE);
        assert_eq!(chosen(&[&others[..], &[TORCH_SINGLE]].concat(), &[]), TORCH_SINGLE);
        assert!(matches!(weights(&others, &[]), Err(FilesError::Missing { .. })));
    }

    #[test]
    fn the_catalog_may_name_other_weights() {
        assert_eq!(chosen(&[TORCH_SINGLE, SAFETENSORS_FILE], &["config.json", TORCH_SINGLE]), TORCH_SINGLE);
        assert_eq!(chosen(&[SAFETENSORS_FILE, "v2.safetensors"], &["v2.safetensors"]), "v2.safetensors");
        assert_eq!(chosen(&[SAFETENSORS_FILE], &[TORCH_SINGLE]), SAFETENSORS_FILE);
    }

    #[test]
    fn an_adapter_is_refused_by_name() {
        for name in ADAPTERS {
            let message = weights(&[SAFETENSORS_FILE, name], &[]).unwrap_err().to_string();
            assert!(message.contains(&format!("`{name}`")) && message.contains("merge"), "{message}");
        }
    }

    #[test]
    fn a_tokenizer_has_one_of_three_sets_of_files() {
        let found = |names: &[&str]| {
            let dir = dir_with(&[&["model.safetensors"], names].concat());
            fs::remove_file(dir.path().join("vocab.txt")).unwrap();
            ModelFiles::in_dir(dir.path(), &[]).map(|files| files.tokenizer)
        };
        let json = found(&["tokenizer.json", "vocab.json", "merges.txt"]).unwrap();
        assert!(matches!(json.vocabulary, VocabularyFiles::Json(_)));
        let settings = ["tokenizer_config.json", "special_tokens_map.json", "added_tokens.json"];
        let byte_level = found(&[&["vocab.json", "merges.txt"], &settings[..]].concat()).unwrap();
        assert!(matches!(byte_level.vocabulary, VocabularyFiles::ByteLevel { .. }));
        assert_eq!(byte_level.iter().count(), 5);
        for (names, complaint) in [
            (
                &[][..],
                "has no tokenizer: add tokenizer.json, or vocab.txt, or vocab.json and merges.txt, or sentencepiece.bpe.model, or spm.model, or spiece.model",
            ),
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
            // The index is looked at only if there is no single file.
            let dir = dir_with(if name == INDEX { &[] } else { &[SAFETENSORS_FILE] });
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
