//! Finds the model that the user names on this machine.

use std::path::Path;

use thiserror::Error;

use crate::catalog::{Catalog, FileSpec, ModelSpec, Origin};
use crate::embedded;
use crate::files::{FilesError, ModelFile, ModelFiles, ModelOptions};
use crate::nearest::nearest;

/// Why a model that was asked for is not to be had.
#[derive(Debug, Error)]
pub(crate) enum FindError {
    /// No such name in the catalogue, and no such directory.
    #[error("`{name}` is neither a model of the catalogue ({}) nor a directory{}", known.join(", "), hint(nearest.as_deref()))]
    Unknown {
        /// What was asked for.
        name: String,
        /// Names in the catalogue.
        known: Vec<String>,
        /// The name that is most like it.
        nearest: Option<String>,
    },
    /// What follows `hf:` is no repository.
    #[error("`{name}` is no model: after `hf:` comes OWNER/NAME, and perhaps @REVISION")]
    NoRepository {
        /// What was asked for.
        name: String,
    },
    /// This binary has no model inside.
    #[error(
        "the model `{name}` is not inside this binary (built without the feature `embedded-model`); name another with --model"
    )]
    NotEmbedded {
        /// The model.
        name: String,
    },
    /// The model is on the hub only.
    #[error(transparent)]
    NotHere(Box<Absent>),
    /// The directory is there but holds no model.
    #[error(transparent)]
    Files(#[from] FilesError),
}

/// A model of the hub that is not on this machine, and how to bring it there.
#[derive(Debug, Error)]
#[error(
    "the model `{name}` ({repository} at {revision}) is not on this machine, and this version does not fetch; \
     put its files ({}) into a directory and give it with --model DIRECTORY{}", files.join(", "), in_volume(volume)
)]
pub(crate) struct Absent {
    name: String,
    repository: String,
    revision: String,
    files: Vec<String>,
    /// The volume and the directory in it where a catalogue model is looked for.
    volume: Option<(String, String)>,
}

fn in_volume(volume: &Option<(String, String)>) -> String {
    let Some((volume, directory)) = volume else { return String::new() };
    format!(", or name it {directory} and set FINSENT_MODEL_DIR={volume}")
}

fn hint(nearest: Option<&str>) -> String {
    nearest.map(|nearest| format!("; did you mean `{nearest}`?")).unwrap_or_default()
}

/// A model that was found on this machine.
#[derive(Debug, Clone)]
pub(crate) struct FoundModel {
    /// Name in the catalogue, or the directory as given.
    pub(crate) name: String,
    /// Where it was found, for people.
    pub(crate) place: String,
    /// Its files.
    pub(crate) files: ModelFiles,
    /// What the catalogue adds.
    pub(crate) options: ModelOptions,
    /// What of the hub it should be, by the catalogue.
    pub(crate) pin: Option<Pin>,
}

/// A revision of a repository of the hub, and the files in it.
#[derive(Debug, Clone)]
pub(crate) struct Pin {
    /// OWNER/NAME.
    pub(crate) repository: String,
    /// Commit or branch.
    pub(crate) revision: String,
    /// What the model needs of it.
    pub(crate) files: Vec<FileSpec>,
}

impl FoundModel {
    /// What requests call it: its name in the catalogue, or the last part of its directory's.
    pub(crate) fn served_name(&self) -> String {
        let path = Path::new(&self.name);
        let canonical = path.canonicalize().ok().filter(|_| path.is_dir());
        let last = canonical.as_deref().and_then(Path::file_name).map(|last| last.to_string_lossy().into_owned());
        last.filter(|_| self.pin.is_none()).unwrap_or_else(|| self.name.clone())
    }

    /// Whether it is the one inside the binary.
    pub(crate) fn is_embedded(&self) -> bool {
        matches!(self.files.config, ModelFile::Embedded { .. })
    }
}

/// Finds what `--model` names: a catalogue model (under `model_dir` first), or a directory.
///
/// # Errors
/// [`FindError`] saying what to do about it.
pub(crate) fn find(catalog: &Catalog, name: &str, model_dir: Option<&Path>) -> Result<FoundModel, FindError> {
    if let Some(spec) = catalog.models().iter().find(|spec| spec.name == name) {
        return find_spec(spec, model_dir);
    }
    let dir = Path::new(name);
    if dir.is_dir() {
        return Ok(FoundModel {
            name: name.into(),
            place: name.into(),
            files: ModelFiles::in_dir(dir, &[])?,
            options: ModelOptions::default(),
            pin: None,
        });
    }
    if let Some(repository) = name.strip_prefix("hf:") {
        return Err(absent_repository(name, repository));
    }
    let known: Vec<String> = catalog.models().iter().map(|spec| spec.name.clone()).collect();
    let nearest = nearest(name, known.iter().map(String::as_str)).map(String::from);
    Err(FindError::Unknown { name: name.into(), known, nearest })
}

/// Finds a catalogue model: `model_dir`/name, then where the catalogue says.
///
/// # Errors
/// [`FindError`] saying what to do about it.
pub(crate) fn find_spec(spec: &ModelSpec, model_dir: Option<&Path>) -> Result<FoundModel, FindError> {
    let mounted = model_dir.map(|dir| dir.join(&spec.name)).filter(|dir| dir.is_dir());
    let (place, files) = match (mounted, spec.origin()) {
        (Some(dir), _) | (None, Origin::Directory(dir)) => {
            let names: Vec<&str> = spec.files.iter().map(|file| file.name.as_str()).collect();
            (dir.display().to_string(), ModelFiles::in_dir(&dir, &names)?)
        }
        (None, Origin::Embedded) => {
            let absent = || FindError::NotEmbedded { name: spec.name.clone() };
            ("inside this binary".into(), embedded::model_files().ok_or_else(absent)?)
        }
        (None, Origin::Hub { repository, revision }) => {
            return Err(FindError::NotHere(Box::new(absent(spec, repository, revision, model_dir))));
        }
    };
    let options = ModelOptions {
        max_length: spec.max_length,
        label_aliases: spec.label_aliases.clone(),
        precision: spec.precision.unwrap_or_default(),
        ..ModelOptions::default()
    };
    let pin = match spec.origin() {
        Origin::Hub { repository, revision } => Some(Pin { repository, revision, files: spec.files.clone() }),
        Origin::Embedded | Origin::Directory(_) => None,
    };
    Ok(FoundModel { name: spec.name.clone(), place, files, options, pin })
}

fn absent(spec: &ModelSpec, repository: String, revision: String, model_dir: Option<&Path>) -> Absent {
    let volume = model_dir.unwrap_or(Path::new("/models")).display().to_string();
    let directory = format!("{volume}/{}", spec.name);
    let files = spec.files.iter().map(|file| file.name.clone()).collect();
    Absent { name: spec.name.clone(), repository, revision, files, volume: Some((volume, directory)) }
}

fn absent_repository(name: &str, repository: &str) -> FindError {
    let (repository, revision) = repository.split_once('@').unwrap_or((repository, "main"));
    let parts: Vec<&str> = repository.split('/').collect();
    if parts.len() != 2 || parts.iter().any(|part| part.is_empty()) || revision.is_empty() {
        return FindError::NoRepository { name: name.into() };
    }
    let files = ["config.json", "vocab.txt or tokenizer.json", "model.safetensors or pytorch_model.bin"]
        .map(String::from)
        .into();
    let (repository, revision) = (repository.into(), revision.into());
    FindError::NotHere(Box::new(Absent { name: name.into(), repository, revision, files, volume: None }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_model_that_is_not_here_says_what_to_mount() {
        let catalog = Catalog::built_in().unwrap();
        let refusal = |name, model_dir| find(&catalog, name, model_dir).unwrap_err().to_string();
        let message = refusal("finbert", Some(Path::new("/nowhere")));
        for part in ["ProsusAI/finbert", "model.safetensors", "/nowhere/finbert", "FINSENT_MODEL_DIR=/nowhere"] {
            assert!(message.contains(part), "{message}");
        }
        let message = refusal("finbrt", None);
        assert!(message.contains("did you mean `finbert`?"), "{message}");
        let message = refusal("hf:acme/model@v1", None);
        assert!(message.contains("acme/model at v1") && !message.contains("FINSENT_MODEL_DIR"), "{message}");
        assert!(refusal("hf:acme", None).contains("OWNER/NAME"));
    }
}
