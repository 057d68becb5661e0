//! Resolves the name of a model to its files: on this machine, or else from the hub.

use std::path::{Path, PathBuf};

use finsent_model::{FilesError, Languages, ModelFile, ModelFiles, ModelOptions, packed_precision, suggest};
use thiserror::Error;

use crate::catalog::{Catalog, FileSpec, ModelSpec, Origin};
use crate::hash;
use crate::hub::{DownloadProgress, Hub, HubError, HubModel, Lookup, Repository, Snapshot};
use crate::revision::is_commit;

/// The prefix of a repository on the hub in the name of a model.
const HUB: &str = "hf:";
/// Files that are the same in every conversion of a model.
const VOCABULARIES: [&str; 6] =
    ["vocab.txt", "vocab.json", "merges.txt", "sentencepiece.bpe.model", "spm.model", "spiece.model"];

/// Why a model cannot be found.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ResolveError {
    /// The name is neither in the catalog nor a directory.
    #[error(
        "no model called `{name}`{} (`finsent models` lists them; any Hugging Face model: OWNER/NAME)",
        did_you_mean(suggest.as_deref())
    )]
    Unknown {
        /// The name.
        name: String,
        /// The nearest name.
        suggest: Option<String>,
    },
    /// The name is a path, or may be one, and there is no such directory.
    #[error("there is no directory `{name}`{}", if_repository(name))]
    NoDirectory {
        /// The name.
        name: String,
    },
    /// After `hf:` there is no valid repository.
    #[error("`{name}` is not a model; after `hf:`, write OWNER/NAME or OWNER/NAME@REVISION")]
    Repository {
        /// The name.
        name: String,
    },
    /// The model is not compiled into this program.
    #[error("{name} is not built into this program (feature `embedded-model`). Choose another model with --model")]
    NotEmbedded {
        /// The name.
        name: String,
    },
    /// The model cannot be downloaded.
    #[error(transparent)]
    Hub(#[from] HubError),
    /// The vocabulary in a directory is not that of the model in the catalog.
    #[error(
        "`{path}` is not the file of {name}: its SHA-256 is {found} instead of {expected}. \
         Copy it again; if it is another model, pass its directory with --model"
    )]
    WrongFile {
        /// The file.
        path: PathBuf,
        /// The name of the model.
        name: String,
        /// The SHA-256 in the catalog.
        expected: String,
        /// The SHA-256 of the file.
        found: String,
    },
    /// The directory is not a model.
    #[error(transparent)]
    Files(#[from] FilesError),
}

fn if_repository(name: &str) -> String {
    let is_one = Repository::parse(name.split('@').next().unwrap_or(name)).is_ok();
    if is_one { format!("; if it is a repository of the hub, write {HUB}{name}") } else { String::new() }
}

fn did_you_mean(suggest: Option<&str>) -> String {
    suggest.map(|suggest| format!(". Did you mean `{suggest}`?")).unwrap_or_default()
}

/// A model on this machine.
#[derive(Debug, Clone)]
pub struct ResolvedModel {
    /// The name that was resolved: of the catalog, `hf:OWNER/NAME`, or a directory.
    pub name: String,
    /// Where it is, for people.
    pub place: String,
    /// Its files.
    pub files: ModelFiles,
    /// Its settings in the catalog. Packed weights decide the precision.
    pub options: ModelOptions,
    /// The languages that it reads, if the catalog says so.
    pub languages: Option<Languages>,
    /// The revision on the hub that it should be.
    pub pin: Option<Pin>,
}

/// A revision of a repository on the hub, and its files.
#[derive(Debug, Clone)]
pub struct Pin {
    /// OWNER/NAME.
    pub repository: String,
    /// A commit or branch.
    pub revision: String,
    /// The files of the model.
    pub files: Vec<FileSpec>,
}

impl ResolvedModel {
    fn new(name: &str, dir: &Path, files: ModelFiles, spec: Option<&ModelSpec>) -> Self {
        let mut options = spec.map_or_else(ModelOptions::default, |spec| ModelOptions {
            max_length: spec.max_length,
            label_aliases: spec.label_aliases.clone(),
            precision: spec.precision.unwrap_or_default(),
            ..ModelOptions::default()
        });
        options.precision = packed_precision(&files.weights).unwrap_or(options.precision);
        let languages = spec.and_then(|spec| spec.languages.clone());
        Self { name: name.into(), place: dir.display().to_string(), files, options, languages, pin: None }
    }

    /// The name of the model in requests: that in the catalog, or the last part of its directory or repository.
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

    /// The directory of its files; `None` if it is built into the program.
    pub fn directory(&self) -> Option<&Path> {
        self.files.config.path()?.parent()
    }

    /// Whether it is built into the program.
    pub fn is_embedded(&self) -> bool {
        matches!(self.files.config, ModelFile::Embedded { .. })
    }
}

/// Finds models by name.
///
/// A model of the catalog is looked for in `model_dir` first, then in the cache of the hub, then on the hub.
#[derive(Debug)]
pub struct ModelResolver<'a> {
    /// The models with a name.
    pub catalog: &'a Catalog,
    /// A directory of models, DIR/NAME; it may also be a cache of the hub.
    pub model_dir: Option<&'a Path>,
    /// The hub and its cache.
    pub hub: &'a Hub,
    /// The model that is built into the program.
    pub embedded: Option<&'a ModelFiles>,
}

/// Where to look for a model, with its description in the catalog.
enum Source<'a> {
    Embedded(&'a ModelSpec),
    Directory(PathBuf, Option<&'a ModelSpec>),
    Hub(HubModel, Option<&'a ModelSpec>),
}

impl<'a> ModelResolver<'a> {
    /// Finds a model by its name in the catalog in any case, its directory, or `OWNER/NAME[@REVISION]` with or without
    /// `hf:` before it. Downloads it if it is not on this machine.
    ///
    /// A directory comes before a repository. Without `hf:` and a revision, a repository that the catalog has is that model
    /// of the catalog.
    ///
    /// # Errors
    /// [`ResolveError`] with what to do about it.
    pub fn resolve(&self, name: &str, progress: &dyn DownloadProgress) -> Result<ResolvedModel, ResolveError> {
        let (name, source) = self.source(name)?;
        match self.find_local(&name, &source)? {
            Some(found) => {
                self.keep_commit(&source);
                Ok(found)
            }
            None => self.download_from(&name, source, Lookup::Kept, progress),
        }
    }

    /// Like [`resolve`](Self::resolve), but checks the hashes of a model of the hub that is on this machine, looks up
    /// its branch again, also if it is not pinned and its commit was kept, and downloads what is damaged or new.
    ///
    /// # Errors
    /// [`ResolveError`] with what to do about it.
    pub fn download(&self, name: &str, progress: &dyn DownloadProgress) -> Result<ResolvedModel, ResolveError> {
        let (name, source) = self.source(name)?;
        self.download_from(&name, source, Lookup::Current, progress)
    }

    /// Finds a model of the catalog on this machine, without a download.
    ///
    /// # Errors
    /// [`ResolveError`] if the model is on this machine but cannot be used.
    pub fn resolve_local(&self, spec: &ModelSpec) -> Result<Option<ResolvedModel>, ResolveError> {
        self.find_local(&spec.name, &self.source_of(spec)?)
    }

    /// Where to look for what the user calls `name`, and the name that the model has.
    fn source(&self, name: &str) -> Result<(String, Source<'a>), ResolveError> {
        let of_catalog = |spec: &'a ModelSpec| Ok((spec.name.clone(), self.source_of(spec)?));
        if let Some(spec) = self.catalog.get(name) {
            return of_catalog(spec);
        }
        if Path::new(name).is_dir() {
            return Ok((name.into(), Source::Directory(name.into(), None)));
        }
        if Path::new(name).is_file() {
            return Err(FilesError::NotADirectory(name.into()).into());
        }
        if let Some(repository) = name.strip_prefix(HUB) {
            return Ok((name.into(), hub_source(name, repository)?));
        }
        if let Some(spec) = self.catalog.get_in_any_case(name).or_else(|| self.catalog.of_repository(name)) {
            return of_catalog(spec);
        }
        let repository = name.split('@').next().unwrap_or(name);
        if Repository::parse(repository).is_err() {
            let is_path = ["/", "./", "../", "~/"].iter().any(|start| name.starts_with(start));
            return Err(if is_path { ResolveError::NoDirectory { name: name.into() } } else { self.unknown(name) });
        }
        // The path of a model is mistyped more often than a folder has the name of an owner.
        if Path::new(name).parent().is_some_and(Path::is_dir) {
            return Err(ResolveError::NoDirectory { name: name.into() });
        }
        let name = format!("{HUB}{name}");
        let source = hub_source(&name, &name[HUB.len()..])?;
        Ok((name, source))
    }

    fn unknown(&self, name: &str) -> ResolveError {
        let catalog = self.catalog.models().iter().map(|spec| spec.name.as_str());
        let nearest = || suggest(&name.to_lowercase(), catalog).map(String::from);
        ResolveError::Unknown { name: name.into(), suggest: repository_of_url(name).or_else(nearest) }
    }

    /// `model_dir` takes precedence over the source in the catalog.
    fn source_of<'s>(&self, spec: &'s ModelSpec) -> Result<Source<'s>, ResolveError> {
        let mounted = self.model_dir.map(|dir| dir.join(&spec.name)).filter(|dir| dir.is_dir());
        Ok(match (mounted, spec.origin()) {
            (Some(dir), _) | (None, Origin::Directory(dir)) => Source::Directory(dir, Some(spec)),
            (None, Origin::Embedded) => Source::Embedded(spec),
            (None, Origin::Hub { repository, revision }) => {
                let (name, files) = (spec.name.clone(), spec.files.clone());
                let (repository, keeps_commit) = (Repository::parse(&repository)?, !is_commit(&revision));
                Source::Hub(HubModel { name, repository, revision, keeps_commit, files }, Some(spec))
            }
        })
    }

    fn find_local(&self, name: &str, source: &Source<'_>) -> Result<Option<ResolvedModel>, ResolveError> {
        match source {
            Source::Embedded(spec) => Ok(self.embedded.cloned().map(|files| ResolvedModel {
                place: "inside this binary".into(),
                ..ResolvedModel::new(name, Path::new(""), files, Some(spec))
            })),
            Source::Directory(dir, spec) => in_directory(name, dir, *spec).map(Some),
            Source::Hub(model, spec) => {
                let mounted = self.model_dir.map_or(Ok(None), |dir| Snapshot::find(dir, model))?;
                let snapshot = match mounted {
                    Some(snapshot) => Some(snapshot),
                    None => self.hub.find_cached(model)?,
                };
                snapshot.map(|snapshot| in_snapshot(model, snapshot, *spec)).transpose()
            }
        }
    }

    /// Another program may have downloaded the model, and may move its branch.
    fn keep_commit(&self, source: &Source<'_>) {
        let Source::Hub(model, _) = source else { return };
        if let (true, Ok(Some(snapshot))) = (model.keeps_commit, self.hub.find_cached(model)) {
            self.hub.keep(model, &snapshot);
        }
    }

    fn download_from(
        &self,
        name: &str,
        source: Source<'_>,
        lookup: Lookup,
        progress: &dyn DownloadProgress,
    ) -> Result<ResolvedModel, ResolveError> {
        match source {
            Source::Hub(model, spec) => {
                let snapshot = self.hub.download(&model, lookup, progress);
                in_snapshot(&model, snapshot.map_err(|error| self.offer_built_in(error))?, spec)
            }
            local => self.find_local(name, &local)?.ok_or_else(|| ResolveError::NotEmbedded { name: name.into() }),
        }
    }

    /// Adds the built-in model to the remedies, if there is one.
    fn offer_built_in(&self, error: HubError) -> HubError {
        let built_in = self.catalog.models().iter().find(|spec| spec.origin() == Origin::Embedded);
        match built_in.filter(|_| self.embedded.is_some()) {
            Some(spec) => error.offer_built_in(&spec.name),
            None => error,
        }
    }
}

/// The repository of a page of the hub.
fn repository_of_url(name: &str) -> Option<String> {
    let path = name.strip_prefix("https://").or_else(|| name.strip_prefix("http://"))?;
    let mut parts = path.split('/').skip(1);
    let repository = format!("{}/{}", parts.next()?, parts.next()?);
    Repository::parse(&repository).ok()?;
    match (parts.next(), parts.next()) {
        (Some("tree" | "blob"), Some(revision)) => Some(format!("{repository}@{revision}")),
        _ => Some(repository),
    }
}

/// The repository after `hf:` in `name`.
fn hub_source<'a>(name: &str, repository: &str) -> Result<Source<'a>, ResolveError> {
    let (repository, revision) = repository.split_once('@').unwrap_or((repository, "main"));
    match Repository::parse(repository) {
        Ok(repository) if !revision.is_empty() => {
            let (name, revision) = (name.into(), revision.into());
            Ok(Source::Hub(HubModel { name, repository, revision, keeps_commit: false, files: Vec::new() }, None))
        }
        _ => Err(ResolveError::Repository { name: name.into() }),
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
    model: &HubModel,
    Snapshot { dir, commit, files: listed }: Snapshot,
    spec: Option<&ModelSpec>,
) -> Result<ResolvedModel, ResolveError> {
    let files = ModelFiles::in_dir(&dir, &names(&listed))?;
    check_vocabulary(&model.name, &files, &listed)?;
    let pin = Pin { repository: model.repository.as_str().into(), revision: commit, files: listed };
    Ok(ResolvedModel { pin: Some(pin), ..ResolvedModel::new(&model.name, &dir, files, spec) })
}

fn names(files: &[FileSpec]) -> Vec<&str> {
    files.iter().map(|file| file.name.as_str()).collect()
}

/// A conversion of a model has other weights and settings, but the same vocabulary. A truncated vocabulary would give
/// wrong ids without an error.
fn check_vocabulary(name: &str, files: &ModelFiles, listed: &[FileSpec]) -> Result<(), ResolveError> {
    for path in files.tokenizer.iter().filter_map(ModelFile::path) {
        let listed =
            listed.iter().find(|file| VOCABULARIES.contains(&file.name.as_str()) && path.ends_with(&file.name));
        let Some(expected) = listed.and_then(|file| file.sha256.as_ref()) else { continue };
        let found = hash::sha256(path).map_err(|error| FilesError::Io { path: path.into(), source: error.into() })?;
        if !found.eq_ignore_ascii_case(expected) {
            let (path, name, expected) = (path.into(), name.into(), expected.clone());
            return Err(ResolveError::WrongFile { path, name, expected, found });
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

    /// Resolves a name with a cache at `root`, and no network.
    fn resolve(root: &Path, name: &str) -> Result<ResolvedModel, ResolveError> {
        let hub = Hub::new(HubSettings::offline_at(root));
        let catalog = &crate::catalog::tests::project_catalog();
        ModelResolver { catalog, model_dir: None, hub: &hub, embedded: None }.resolve(name, &Silent)
    }

    #[test]
    fn a_model_that_is_not_found_is_an_error_with_a_remedy() {
        let nowhere = Path::new("/nowhere");
        let error = |name| resolve(nowhere, name).unwrap_err().to_string();
        const LISTS: &str = "(`finsent models` lists them; any Hugging Face model: OWNER/NAME)";
        let unknown = format!("no model called `finbrt`. Did you mean `finbert`? {LISTS}");
        assert_eq!(error("finbrt"), unknown);
        assert_eq!(error("xyzzy"), format!("no model called `xyzzy` {LISTS}"));
        assert!(error("https://hub.example/ProsusAI/finbert").contains("Did you mean `ProsusAI/finbert`?"));
        assert!(error("https://hub.example/a/b/tree/v1").contains("Did you mean `a/b@v1`?"));
        for (typed, name) in [
            ("finbert", "finbert"),
            ("FinBERT", "finbert"),
            ("ProsusAI/finbert", "finbert"),
            ("prosusai/FinBERT", "finbert"),
            ("ProsusAI/finbert@main", "hf:ProsusAI/finbert@main"),
            ("hf:ProsusAI/finbert", "hf:ProsusAI/finbert"),
            ("hf:acme/model@v1", "hf:acme/model@v1"),
            ("acme/model", "hf:acme/model"),
            ("acme/model@refs/pr/3", "hf:acme/model@refs/pr/3"),
        ] {
            let remedy = format!("Run `finsent pull {name}` while online, or pass --model DIRECTORY");
            assert_eq!(error(typed), format!("{name} is not downloaded, and --offline is set. {remedy}"));
        }
        for name in ["hf:acme", "hf:acme/model@", "hf:../x", "hf:a/../x"] {
            assert!(error(name).contains("OWNER/NAME"), "{name}");
        }
        assert!(error("hf:acme/model@../../x").contains("is not a revision"));
    }

    #[test]
    fn a_directory_comes_before_a_repository_and_a_missing_one_is_told() {
        let root = tempfile::tempdir().unwrap();
        let model = root.path().join("model");
        std::fs::create_dir_all(&model).unwrap();
        for name in ["config.json", "vocab.txt", "model.safetensors"] {
            std::fs::write(model.join(name), "").unwrap();
        }
        let found = resolve(root.path(), model.to_str().unwrap()).unwrap();
        assert_eq!(found.directory(), Some(model.as_path()));
        // Tests run in the folder of the crate, which has `src`.
        let message = resolve(root.path(), "src/finbert").unwrap_err().to_string();
        let expected = "there is no directory `src/finbert`; if it is a repository of the hub, write hf:src/finbert";
        assert_eq!(message, expected);
        let message = resolve(root.path(), "./finbert").unwrap_err().to_string();
        assert_eq!(message, "there is no directory `./finbert`");
    }

    #[test]
    fn a_complete_model_in_the_cache_is_found() {
        const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";
        let root = tempfile::tempdir().unwrap();
        let repository = root.path().join("models--acme--small");
        let snapshot = repository.join("snapshots").join(COMMIT);
        std::fs::create_dir_all(&snapshot).unwrap();
        std::fs::create_dir_all(repository.join("refs")).unwrap();
        std::fs::write(repository.join("refs/main"), COMMIT).unwrap();
        for name in ["config.json", "vocab.txt", "pytorch_model.bin"] {
            assert!(matches!(resolve(root.path(), "hf:acme/small"), Err(ResolveError::Hub(HubError::Offline { .. }))));
            std::fs::write(snapshot.join(name), "").unwrap();
        }
        std::fs::write(snapshot.join("model.safetensors"), "").unwrap();
        for name in ["hf:acme/small", "hf:acme/small@main", &format!("hf:acme/small@{COMMIT}")] {
            let found = resolve(root.path(), name).unwrap();
            assert_eq!((found.served_name().as_str(), found.directory()), ("small", Some(snapshot.as_path())));
            let weights = found.files.weights;
            assert!(matches!(weights, WeightFiles::Single(file) if file.name() == "model.safetensors"));
            assert_eq!(found.pin.unwrap().revision, COMMIT);
        }
    }
}
