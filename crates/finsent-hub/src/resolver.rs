//! Finds the model that the user names: on this machine, else on the hub.

use std::path::{Path, PathBuf};

use finsent_model::{FilesError, ModelFile, ModelFiles, ModelOptions, suggest};
use thiserror::Error;

use crate::catalog::{Catalog, FileSpec, ModelSpec, Origin};
use crate::hash;
use crate::hub::{DownloadProgress, Hub, HubError, HubModel, Repository, Snapshot, in_cache};

/// What a repository of the hub begins with, as a model's name.
const HUB: &str = "hf:";
/// Files that no conversion of a model changes.
const VOCABULARIES: [&str; 3] = ["vocab.txt", "vocab.json", "merges.txt"];

/// Why a model that was asked for is not to be had.
#[derive(Debug, Error)]
pub enum ResolveError {
    /// No such name in the catalogue, and no such directory.
    #[error("`{name}` is neither a model of the catalogue ({}) nor a directory{}", known.join(", "), hint(suggest.as_deref()))]
    Unknown {
        /// What was asked for.
        name: String,
        /// Names in the catalogue.
        known: Vec<String>,
        /// The name that is most like it.
        suggest: Option<String>,
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
    /// The model is to come from the hub, and does not.
    #[error(transparent)]
    Hub(#[from] HubError),
    /// A file on the volume is not the one that the catalogue lists.
    #[error(
        "`{path}` is not the file of the model `{name}`: the catalogue has sha256 {expected}, this is {found}; \
         copy it again, or give the directory itself with --model if it is another model"
    )]
    WrongFile {
        /// The file.
        path: PathBuf,
        /// The model.
        name: String,
        /// Hash in the catalogue.
        expected: String,
        /// Hash of the file.
        found: String,
    },
    /// The directory is there but holds no model.
    #[error(transparent)]
    Files(#[from] FilesError),
}

fn hint(suggest: Option<&str>) -> String {
    suggest.map(|suggest| format!("; did you mean `{suggest}`?")).unwrap_or_default()
}

/// A model that was found on this machine.
#[derive(Debug, Clone)]
pub struct ResolvedModel {
    /// Name in the catalogue, or the directory as given.
    pub name: String,
    /// Where it was found, for people.
    pub place: String,
    /// Its files.
    pub files: ModelFiles,
    /// What the catalogue adds.
    pub options: ModelOptions,
    /// What of the hub it should be, by the catalogue.
    pub pin: Option<Pin>,
}

/// A revision of a repository of the hub, and the files in it.
#[derive(Debug, Clone)]
pub struct Pin {
    /// OWNER/NAME.
    pub repository: String,
    /// Commit or branch.
    pub revision: String,
    /// What the model needs of it.
    pub files: Vec<FileSpec>,
}

impl ResolvedModel {
    fn new(name: &str, dir: &Path, files: ModelFiles, spec: Option<&ModelSpec>) -> Self {
        let options = spec.map_or_else(ModelOptions::default, |spec| ModelOptions {
            max_length: spec.max_length,
            label_aliases: spec.label_aliases.clone(),
            precision: spec.precision.unwrap_or_default(),
            ..ModelOptions::default()
        });
        Self { name: name.into(), place: dir.display().to_string(), files, options, pin: None }
    }

    /// What requests call it: its name in the catalogue, or the last part of its directory's or repository's.
    pub fn served_name(&self) -> String {
        if let Some(repository) = self.name.strip_prefix(HUB) {
            let repository = repository.split('@').next().unwrap_or(repository);
            return repository.rsplit('/').next().unwrap_or(repository).into();
        }
        let path = Path::new(&self.name);
        let canonical = path.canonicalize().ok().filter(|_| path.is_dir());
        let last = canonical.as_deref().and_then(Path::file_name).map(|last| last.to_string_lossy().into_owned());
        last.filter(|_| self.pin.is_none()).unwrap_or_else(|| self.name.clone())
    }

    /// The directory of its files, unless it is inside the binary.
    pub fn directory(&self) -> Option<&Path> {
        self.files.config.path()?.parent()
    }

    /// Whether it is the one inside the binary.
    pub fn is_embedded(&self) -> bool {
        matches!(self.files.config, ModelFile::Embedded { .. })
    }
}

/// The places where models are.
pub struct ModelResolver<'a> {
    pub catalog: &'a Catalog,
    /// The mounted volume.
    pub model_dir: Option<&'a Path>,
    pub hub: &'a Hub,
    /// The model inside the binary, if there is one.
    pub embedded: Option<&'a ModelFiles>,
}

/// Where the model of a name is, or is to come from; with what the catalogue says of it.
enum Named<'a> {
    Embedded(&'a ModelSpec),
    Directory(PathBuf, Option<&'a ModelSpec>),
    Hub(HubModel, Option<&'a ModelSpec>),
}

impl<'a> ModelResolver<'a> {
    /// Finds what `--model` names (a catalogue model, a directory, or `hf:OWNER/NAME[@REVISION]`), and fetches it where it
    /// is not on this machine.
    ///
    /// # Errors
    /// [`ResolveError`] saying what to do about it.
    pub fn find(&self, name: &str, progress: &dyn DownloadProgress) -> Result<ResolvedModel, ResolveError> {
        let named = self.named(name)?;
        match self.here(name, &named)? {
            Some(found) => Ok(found),
            None => self.brought(name, named, progress),
        }
    }

    /// The same, but what comes from the hub is checked where it is here already, and a branch is looked up anew.
    ///
    /// # Errors
    /// [`ResolveError`] saying what to do about it.
    pub fn fetch(&self, name: &str, progress: &dyn DownloadProgress) -> Result<ResolvedModel, ResolveError> {
        self.brought(name, self.named(name)?, progress)
    }

    /// The catalogue model, if it is on this machine.
    ///
    /// # Errors
    /// [`ResolveError`] when what is here cannot be used.
    pub fn spec_here(&self, spec: &ModelSpec) -> Result<Option<ResolvedModel>, ResolveError> {
        self.here(&spec.name, &self.named_by(spec)?)
    }

    fn named(&self, name: &str) -> Result<Named<'a>, ResolveError> {
        if let Some(spec) = self.catalog.models().iter().find(|spec| spec.name == name) {
            return self.named_by(spec);
        }
        if Path::new(name).is_dir() {
            return Ok(Named::Directory(name.into(), None));
        }
        if let Some(repository) = name.strip_prefix(HUB) {
            let (repository, revision) = repository.split_once('@').unwrap_or((repository, "main"));
            return match Repository::parse(repository) {
                Ok(repository) if !revision.is_empty() => {
                    Ok(Named::Hub(HubModel { repository, revision: revision.into(), files: Vec::new() }, None))
                }
                _ => Err(ResolveError::NoRepository { name: name.into() }),
            };
        }
        let known: Vec<String> = self.catalog.models().iter().map(|spec| spec.name.clone()).collect();
        let suggest = suggest(name, known.iter().map(String::as_str)).map(String::from);
        Err(ResolveError::Unknown { name: name.into(), known, suggest })
    }

    /// The volume goes before what the catalogue says.
    fn named_by(&self, spec: &'a ModelSpec) -> Result<Named<'a>, ResolveError> {
        let mounted = self.model_dir.map(|dir| dir.join(&spec.name)).filter(|dir| dir.is_dir());
        Ok(match (mounted, spec.origin()) {
            (Some(dir), _) | (None, Origin::Directory(dir)) => Named::Directory(dir, Some(spec)),
            (None, Origin::Embedded) => Named::Embedded(spec),
            (None, Origin::Hub { repository, revision }) => {
                let wanted =
                    HubModel { repository: Repository::parse(&repository)?, revision, files: spec.files.clone() };
                Named::Hub(wanted, Some(spec))
            }
        })
    }

    fn here(&self, name: &str, named: &Named<'_>) -> Result<Option<ResolvedModel>, ResolveError> {
        match named {
            Named::Embedded(spec) => Ok(self.embedded.cloned().map(|files| ResolvedModel {
                place: "inside this binary".into(),
                ..ResolvedModel::new(name, Path::new(""), files, Some(spec))
            })),
            Named::Directory(dir, spec) => in_directory(name, dir, *spec).map(Some),
            Named::Hub(wanted, spec) => {
                let mounted = self.model_dir.and_then(|dir| in_cache(dir, wanted));
                let snapshot = mounted.or_else(|| self.hub.cached(wanted));
                snapshot.map(|snapshot| in_snapshot(name, wanted, snapshot, *spec)).transpose()
            }
        }
    }

    fn brought(
        &self,
        name: &str,
        named: Named<'_>,
        progress: &dyn DownloadProgress,
    ) -> Result<ResolvedModel, ResolveError> {
        match named {
            Named::Hub(wanted, spec) => in_snapshot(name, &wanted, self.hub.fetch(&wanted, progress)?, spec),
            here => self.here(name, &here)?.ok_or_else(|| ResolveError::NotEmbedded { name: name.into() }),
        }
    }
}

fn in_directory(name: &str, dir: &Path, spec: Option<&ModelSpec>) -> Result<ResolvedModel, ResolveError> {
    let listed = spec.map_or(&[][..], |spec| &spec.files);
    let files = ModelFiles::in_dir(dir, &names(listed))?;
    if spec.is_some() {
        check_vocabulary(name, &files, listed)?;
    }
    let pin = spec.and_then(|spec| match spec.origin() {
        Origin::Hub { repository, revision } => Some(Pin { repository, revision, files: spec.files.clone() }),
        Origin::Embedded | Origin::Directory(_) => None,
    });
    Ok(ResolvedModel { pin, ..ResolvedModel::new(name, dir, files, spec) })
}

fn in_snapshot(
    name: &str,
    wanted: &HubModel,
    Snapshot { dir, commit, files: listed }: Snapshot,
    spec: Option<&ModelSpec>,
) -> Result<ResolvedModel, ResolveError> {
    let files = ModelFiles::in_dir(&dir, &names(&listed))?;
    check_vocabulary(name, &files, &listed)?;
    let pin = Pin { repository: wanted.repository.as_str().into(), revision: commit, files: listed };
    Ok(ResolvedModel { pin: Some(pin), ..ResolvedModel::new(name, &dir, files, spec) })
}

fn names(files: &[FileSpec]) -> Vec<&str> {
    files.iter().map(|file| file.name.as_str()).collect()
}

/// A conversion of the model has other weights and settings, but no other vocabulary; half of one would give wrong ids and
/// no error.
fn check_vocabulary(name: &str, files: &ModelFiles, listed: &[FileSpec]) -> Result<(), ResolveError> {
    for path in files.tokenizer.iter().filter_map(ModelFile::path) {
        let listed =
            listed.iter().find(|file| VOCABULARIES.contains(&file.name.as_str()) && path.ends_with(&file.name));
        let Some(expected) = listed.and_then(|file| file.sha256.as_ref()) else { continue };
        let found = hash::sha256(path).map_err(|source| FilesError::Io { path: path.into(), source })?;
        if !found.eq_ignore_ascii_case(expected) {
            return Err(ResolveError::WrongFile {
                path: path.into(),
                name: name.into(),
                expected: expected.clone(),
                found,
            });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hub::HubSettings;
    use finsent_model::WeightFiles;

    struct Silent;

    impl DownloadProgress for Silent {
        fn begin(&self, _: &str, _: u64, _: Option<u64>) {}
        fn advance(&self, _: u64) {}
        fn end(&self) {}
        fn note(&self, _: &str) {}
    }

    /// With a cache at `root`, and no network.
    fn find(root: &Path, name: &str) -> Result<ResolvedModel, ResolveError> {
        let hub = Hub::new(HubSettings::offline_at(root));
        let catalog = &crate::catalog::tests::project_catalog();
        ModelResolver { catalog, model_dir: None, hub: &hub, embedded: None }.find(name, &Silent)
    }

    #[test]
    fn what_is_not_here_is_told_with_what_is_like_it() {
        let nowhere = Path::new("/nowhere");
        let refusal = |name| find(nowhere, name).unwrap_err().to_string();
        assert!(refusal("finbrt").contains("did you mean `finbert`?"));
        let message = refusal("finbert");
        assert!(message.contains("`ProsusAI/finbert` at 7db3") && message.contains("/nowhere"), "{message}");
        let message = refusal("hf:acme/model@v1");
        assert!(message.contains("`acme/model` at v1"), "{message}");
        for name in ["hf:acme", "hf:acme/model@", "hf:../x", "hf:a/../x"] {
            assert!(refusal(name).contains("OWNER/NAME"), "{name}");
        }
        assert!(refusal("hf:acme/model@../../x").contains("no revision"));
    }

    #[test]
    fn a_model_in_the_cache_is_found_whole_and_served_by_its_name() {
        const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";
        let root = tempfile::tempdir().unwrap();
        let repository = root.path().join("models--acme--small");
        let snapshot = repository.join("snapshots").join(COMMIT);
        std::fs::create_dir_all(&snapshot).unwrap();
        std::fs::create_dir_all(repository.join("refs")).unwrap();
        std::fs::write(repository.join("refs/main"), COMMIT).unwrap();
        for name in ["config.json", "vocab.txt", "pytorch_model.bin"] {
            assert!(matches!(find(root.path(), "hf:acme/small"), Err(ResolveError::Hub(HubError::Offline { .. }))));
            std::fs::write(snapshot.join(name), "").unwrap();
        }
        std::fs::write(snapshot.join("model.safetensors"), "").unwrap();
        for name in ["hf:acme/small", "hf:acme/small@main", &format!("hf:acme/small@{COMMIT}")] {
            let found = find(root.path(), name).unwrap();
            assert_eq!((found.served_name().as_str(), found.directory()), ("small", Some(snapshot.as_path())));
            let weights = found.files.weights;
            assert!(matches!(weights, WeightFiles::Single(file) if file.name() == "model.safetensors"));
            assert_eq!(found.pin.unwrap().revision, COMMIT);
        }
    }
}
