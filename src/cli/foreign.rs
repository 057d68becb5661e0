//! Texts in languages that the model does not read.

use finsent_hub::{Catalog, ModelSpec, ResolvedModel};
use finsent_jobs::{LanguageCheck, reads_only_english};
use finsent_model::{Language, Languages, Pipeline};
use finsent_table::Row;

use super::quantity::quantity;
use super::row_places::RowPlaces;

/// The texts of a run that are in languages that the model does not read.
pub(in crate::cli) struct ForeignTexts {
    check: LanguageCheck,
    rows: RowPlaces,
    /// Their languages, each once.
    languages: Vec<Language>,
    /// What the models of the catalog read.
    catalog: Vec<Languages>,
}

impl ForeignTexts {
    /// `None` if the model may read all languages.
    pub(in crate::cli) fn of(model: &ResolvedModel, pipeline: &Pipeline, catalog: &Catalog) -> Option<Self> {
        let languages_of = |spec: &ModelSpec| spec.languages.clone();
        Some(Self {
            check: LanguageCheck::new(read_by(model, pipeline)?),
            rows: RowPlaces::default(),
            languages: Vec::new(),
            catalog: catalog.models().iter().filter_map(languages_of).collect(),
        })
    }

    /// Counts the text of a row if it is one.
    pub(in crate::cli) fn look_at(&mut self, row: &Row, text: &str) {
        let Some(language) = self.check.foreign(text) else { return };
        self.rows.add(row);
        if !self.languages.contains(&language) {
            self.languages.push(language);
        }
    }

    /// What to say about them.
    pub(in crate::cli) fn note(&self) -> Option<String> {
        let (look, their) = match self.rows.count() {
            0 => return None,
            1 => ("looks", "its prediction means"),
            _ => ("look", "their predictions mean"),
        };
        let (texts, places) = (quantity(self.rows.count(), "text"), self.rows.places());
        let (read, remedy) = (Languages::Only(self.check.read().to_vec()), self.remedy().unwrap_or_default());
        Some(format!(
            "{texts} {look} like another language than {read}: {places}. The model reads only {read}, so {their} \
             little{remedy}"
        ))
    }

    /// A command that lists models for them, if they are all in one language that a model of the catalog reads.
    fn remedy(&self) -> Option<String> {
        let [language] = self.languages[..] else { return None };
        let (code, name) = (language.code(), language.name());
        let has_one = self.catalog.iter().any(|languages| languages.include(language));
        has_one.then(|| format!("; `finsent models --language {code}` lists models that read {name}"))
    }
}

/// The languages that the model reads, as the catalog says, or else as its vocabulary shows; `None` if it may read all.
fn read_by(model: &ResolvedModel, pipeline: &Pipeline) -> Option<Vec<Language>> {
    match &model.languages {
        Some(Languages::Only(languages)) => Some(languages.clone()),
        Some(Languages::Multilingual) => None,
        None if reads_only_english(pipeline) => Language::parse("en").ok().map(|english| vec![english]),
        None => None,
    }
}
