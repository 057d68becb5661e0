//! The catalog, models.toml: the known models and where each of them comes from.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use finsent_kernels::Precision;
use finsent_model::{IoError, Languages, PublishedPrediction, suggest};
use serde::Deserialize;
use thiserror::Error;
use toml::{Table, Value};

use crate::revision::is_commit;

/// The default model.
pub const DEFAULT_MODEL: &str = "mini";

/// The known models, in the order of the file.
#[derive(Debug, Clone, Deserialize)]
pub struct Catalog {
    #[serde(rename = "model")]
    models: Vec<ModelSpec>,
}

/// A model of the catalog.
#[derive(Debug, Clone, Deserialize)]
pub struct ModelSpec {
    /// The name for `--model`.
    pub name: String,
    /// A description in one line.
    pub description: String,
    /// The license of the weights.
    pub license: String,
    #[serde(default)]
    embedded: bool,
    directory: Option<PathBuf>,
    hub: Option<String>,
    revision: Option<String>,
    /// The files of the model.
    pub files: Vec<FileSpec>,
    /// About how many bytes its files have.
    pub size: Option<u64>,
    /// The languages that it reads, if they are known.
    #[serde(rename = "language")]
    pub languages: Option<Languages>,
    /// Its published accuracy, in one line.
    pub accuracy: Option<String>,
    /// What it does not do well, in one line.
    pub limits: Option<String>,
    /// A window in tokens that is smaller than the model's own.
    pub max_length: Option<usize>,
    /// The default precision of the model.
    pub precision: Option<Precision>,
    /// New names for labels, keyed by the label in the checkpoint.
    #[serde(default)]
    pub label_aliases: BTreeMap<String, String>,
    /// Published predictions of the model.
    #[serde(default, rename = "golden")]
    published: Vec<PublishedPrediction>,
}

/// A file of a model.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct FileSpec {
    /// The path in the repository or directory.
    pub name: String,
    /// The SHA-256 of the published file, 64 hexadecimal digits, if it is known.
    pub sha256: Option<String>,
}

/// Where a model of the catalog comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// It is compiled into the program.
    Embedded,
    /// A directory on this machine.
    Directory(PathBuf),
    /// A repository on the hub, at a revision.
    Hub {
        /// OWNER/NAME.
        repository: String,
        /// A commit or branch.
        revision: String,
    },
}

/// Why a catalog cannot be used.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum CatalogError {
    /// The file could not be read.
    #[error("cannot read `{path}`")]
    Io {
        /// The file.
        path: PathBuf,
        /// The system's error.
        source: IoError,
    },
    /// The file is not TOML, or a value has the wrong type.
    #[error("`{file}` is not valid")]
    Toml {
        /// The file.
        file: String,
        /// Where and why.
        source: Box<toml::de::Error>,
    },
    /// A key is unknown.
    #[error("`{file}`: unknown key `{key}` in {table}; did you mean `{suggest}`?")]
    UnknownKey {
        /// The file.
        file: String,
        /// The table with the key.
        table: String,
        /// The key.
        key: String,
        /// The nearest known key.
        suggest: String,
    },
    /// The description of a model is not valid.
    #[error("`{file}`: model `{model}`: {reason}")]
    Model {
        /// The file.
        file: String,
        /// The name of the model.
        model: String,
        /// What is wrong.
        reason: String,
    },
}

impl Catalog {
    /// Reads a catalog.
    ///
    /// # Errors
    /// [`CatalogError`] if the file cannot be read or is not valid.
    pub fn read(path: &Path) -> Result<Self, CatalogError> {
        let toml =
            fs::read_to_string(path).map_err(|error| CatalogError::Io { path: path.into(), source: error.into() })?;
        Self::parse(&path.display().to_string(), &toml)
    }

    /// Parses a catalog. `file` is its name for errors.
    ///
    /// # Errors
    /// [`CatalogError`] if it is not valid.
    pub fn parse(file: &str, toml: &str) -> Result<Self, CatalogError> {
        let invalid = |source| CatalogError::Toml { file: file.into(), source: Box::new(source) };
        check_keys(file, &toml.parse().map_err(invalid)?)?;
        let catalog: Self = toml::from_str(toml).map_err(invalid)?;
        for (index, model) in catalog.models.iter().enumerate() {
            let wrong = |reason: String| CatalogError::Model { file: file.into(), model: model.name.clone(), reason };
            model.check().map_err(wrong)?;
            if catalog.models[..index].iter().any(|other| other.name == model.name) {
                return Err(wrong("two models have this name".into()));
            }
        }
        Ok(catalog)
    }

    /// The models, in the order of the file.
    pub fn models(&self) -> &[ModelSpec] {
        &self.models
    }

    /// The model with this name.
    pub fn get(&self, name: &str) -> Option<&ModelSpec> {
        self.models.iter().find(|model| model.name == name)
    }

    /// The only model with this name, whatever its case.
    pub(crate) fn get_in_any_case(&self, name: &str) -> Option<&ModelSpec> {
        self.only(|model| model.name.eq_ignore_ascii_case(name))
    }

    /// The only model of this repository, OWNER/NAME, whose case does not matter on the hub.
    pub(crate) fn of_repository(&self, repository: &str) -> Option<&ModelSpec> {
        self.only(|model| model.hub.as_ref().is_some_and(|hub| hub.eq_ignore_ascii_case(repository)))
    }

    fn only(&self, is_it: impl Fn(&ModelSpec) -> bool) -> Option<&ModelSpec> {
        let mut found = self.models.iter().filter(|model| is_it(model));
        found.next().filter(|_| found.next().is_none())
    }

    /// The published predictions of the model with this name; none if it is not in the catalog.
    pub fn published_predictions(&self, name: &str) -> &[PublishedPrediction] {
        self.get(name).map_or(&[], |model| &model.published)
    }
}

impl ModelSpec {
    /// Where the model comes from.
    pub fn origin(&self) -> Origin {
        match (&self.directory, &self.hub) {
            (Some(directory), _) => Origin::Directory(directory.clone()),
            (None, Some(hub)) => {
                let revision = self.revision.clone().unwrap_or_else(|| "main".into());
                Origin::Hub { repository: hub.clone(), revision }
            }
            (None, None) => Origin::Embedded,
        }
    }

    /// Whether its files never change: it is on the hub at a commit, or not from the hub at all.
    pub fn is_pinned(&self) -> bool {
        match self.origin() {
            Origin::Hub { revision, .. } => is_commit(&revision),
            Origin::Embedded | Origin::Directory(_) => true,
        }
    }

    fn check(&self) -> Result<(), String> {
        let origins = [self.embedded, self.directory.is_some(), self.hub.is_some()];
        if origins.iter().filter(|&&given| given).count() != 1 {
            return Err("give exactly one of `embedded = true`, `directory` and `hub`".into());
        }
        if self.revision.is_some() && self.hub.is_none() {
            return Err("`revision` needs `hub`".into());
        }
        if self.name.is_empty() || self.name.contains(['/', '\\', ':']) || self.name.starts_with('.') {
            return Err("a name must not be empty, contain `/`, `\\` or `:`, or begin with `.`".into());
        }
        if let Some(length) = self.max_length.filter(|&length| length <= SPECIAL_TOKENS) {
            return Err(format!(
                "`max_length` is {length}, which leaves no room beside the {SPECIAL_TOKENS} special tokens of a text"
            ));
        }
        if let Some((label, _)) = self.label_aliases.iter().find(|(_, name)| name.trim().is_empty()) {
            return Err(format!("`label_aliases` gives `{label}` an empty name"));
        }
        let hexadecimal = |hash: &String| hash.len() == 64 && hash.bytes().all(|digit| digit.is_ascii_hexdigit());
        match self.files.iter().find(|file| !file.sha256.as_ref().is_none_or(hexadecimal)) {
            Some(file) => Err(format!("the sha256 of `{}` is not 64 hexadecimal digits", file.name)),
            None => Ok(()),
        }
    }
}

/// The tokens that begin and end every text.
const SPECIAL_TOKENS: usize = 2;

const MODEL_KEYS: [&str; 16] = [
    "name",
    "description",
    "license",
    "language",
    "embedded",
    "directory",
    "hub",
    "revision",
    "files",
    "size",
    "accuracy",
    "limits",
    "max_length",
    "precision",
    "label_aliases",
    "golden",
];

fn check_keys(file: &str, table: &Table) -> Result<(), CatalogError> {
    let check = |keys: &Table, known: &[&'static str], table: String| match keys
        .keys()
        .find(|key| !known.contains(&key.as_str()))
    {
        None => Ok(()),
        Some(key) => Err(CatalogError::UnknownKey {
            file: file.into(),
            table,
            key: key.clone(),
            suggest: suggest(key, known.iter().copied()).unwrap_or(known[0]).into(),
        }),
    };
    let tables = |value: Option<&Value>| value.and_then(Value::as_array).cloned().unwrap_or_default();
    check(table, &["model"], "the file".into())?;
    for model in tables(table.get("model")).iter().filter_map(Value::as_table) {
        let name = model.get("name").and_then(Value::as_str).unwrap_or("without a name");
        check(model, &MODEL_KEYS, format!("model `{name}`"))?;
        for file in tables(model.get("files")).iter().filter_map(Value::as_table) {
            check(file, &["name", "sha256"], format!("the files of model `{name}`"))?;
        }
        for published in tables(model.get("golden")).iter().filter_map(Value::as_table) {
            check(published, &["text", "label", "score"], format!("`golden` of model `{name}`"))?;
        }
    }
    Ok(())
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// The catalog of the project.
    pub(crate) fn project_catalog() -> Catalog {
        Catalog::parse("models.toml", include_str!("../../../models.toml")).unwrap()
    }

    const ONE: &str = r#"
        [[model]]
        name = "m"
        description = "d"
        license = "l"
        hub = "o/m"
        files = [{ name = "config.json" }]
    "#;

    fn refusal(toml: &str) -> String {
        Catalog::parse("models.toml", toml).unwrap_err().to_string()
    }

    #[test]
    fn the_built_in_catalog_is_valid_and_pins_hashes() {
        let catalog = project_catalog();
        let names: Vec<&str> = catalog.models().iter().map(|model| model.name.as_str()).collect();
        assert_eq!(names[..5], ["mini", "finbert", "finbert-tone", "finbert-esg", "finbert-fls"]);
        assert_eq!(names.len(), 17);
        assert_eq!(catalog.models()[0].origin(), Origin::Embedded);
        assert_eq!(
            catalog.models()[1].origin(),
            Origin::Hub {
                repository: "ProsusAI/finbert".into(),
                revision: "7db323f79b751944bcfa66298ec06977e4518306".into()
            }
        );
        assert!(catalog.models()[1].files.iter().all(|file| file.sha256.is_some()));
        let unpinned: Vec<&str> =
            catalog.models().iter().filter(|model| !model.is_pinned()).map(|model| model.name.as_str()).collect();
        assert_eq!(unpinned, ["finbert-fls", "modernfinbert"]);
        assert!(catalog.models().iter().all(|model| model.languages.is_some()));
    }

    #[test]
    fn languages_are_codes_or_many() {
        let languages = |toml: &str| {
            Catalog::parse("m", &format!("{ONE}\nlanguage = {toml}"))
                .map(|catalog| catalog.models()[0].languages.as_ref().map(Languages::codes))
        };
        assert_eq!(languages("\"fr\"").unwrap(), Some(vec!["fr"]));
        assert_eq!(languages("[\"en\", \"de\"]").unwrap(), Some(vec!["en", "de"]));
        assert_eq!(languages("\"multilingual\"").unwrap(), Some(vec!["multilingual"]));
        assert_eq!(Catalog::parse("m", ONE).unwrap().models()[0].languages, None);
        for (toml, reason) in [
            ("\"french\"", "`french` is not a language; did you mean `fr`?"),
            ("\"xx\"", "`xx` is not a language"),
            ("[]", "the list of languages is empty"),
            ("[\"en\", \"multilingual\"]", "stands for all languages"),
            ("7", "expected a code of ISO 639-1"),
        ] {
            let error = languages(toml).unwrap_err();
            let CatalogError::Toml { source, .. } = &error else { panic!("{toml}: {error}") };
            assert!(source.to_string().contains(reason), "{toml}: {source}");
        }
    }

    #[test]
    fn an_unknown_key_is_an_error_that_suggests_a_known_one() {
        let message = refusal(&ONE.replace("license", "licence"));
        assert!(message.contains("unknown key `licence` in model `m`; did you mean `license`?"), "{message}");
        let message = refusal(&ONE.replace("{ name = \"config.json\" }", "{ name = \"c\", sha265 = \"\" }"));
        assert!(message.contains("`sha265`") && message.contains("`sha256`"), "{message}");
        assert!(refusal("[[modell]]").contains("did you mean `model`?"));
    }

    #[test]
    fn an_invalid_description_is_an_error() {
        for (toml, complaint) in [
            (ONE.replace("hub =", "# hub ="), "exactly one of"),
            (format!("{ONE}\nembedded = true"), "exactly one of"),
            (ONE.replace("\"m\"", "\"a/b\""), "a name"),
            (ONE.replace("hub = \"o/m\"", "embedded = true\nrevision = \"x\""), "`revision` needs `hub`"),
            (ONE.replace("{ name = \"config.json\" }", "{ name = \"c\", sha256 = \"12\" }"), "64 hexadecimal"),
            (format!("{ONE}{ONE}"), "two models have this name"),
            (format!("{ONE}\nmax_length = 2"), "`max_length` is 2, which leaves no room"),
            (format!("{ONE}\nlabel_aliases = {{ LABEL_0 = \" \" }}"), "gives `LABEL_0` an empty name"),
            ("model = 3".into(), "not valid"),
            ("[[model]".into(), "not valid"),
        ] {
            let message = refusal(&toml);
            assert!(message.contains(complaint), "{toml}: {message}");
        }
    }
}
