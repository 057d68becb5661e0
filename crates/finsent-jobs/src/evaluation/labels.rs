//! The labels of a file as those of a model.

use std::collections::BTreeMap;
use std::mem;

use super::confusion::ConfusionMatrix;
use super::error::EvaluationError;
use super::label_matcher::{LabelMatcher, MatchError, MatchedBy};
use super::labelled_file::LabelledFile;
use super::permutation::better_order;
use super::unknown_labels::UnknownLabels;

/// The labels of a file that were read so far.
pub struct FileLabels {
    matcher: LabelMatcher,
    /// The labels of the model.
    names: Vec<String>,
    /// For each label of the file, in lower case and trimmed, the model's label. There are few: names, aliases, ids, and what
    /// is in the user's table.
    label_map: BTreeMap<String, String>,
    /// Those of them that are read as ids.
    numbers: BTreeMap<String, usize>,
    /// The labels under other names than the model's, since they were last taken.
    renamed: Vec<RenamedLabel>,
    unknown: UnknownLabels,
}

/// A label of the file that has another name than the model's.
#[derive(Debug)]
pub struct RenamedLabel {
    /// Where it first occurs.
    pub place: String,
    /// The label in the file.
    pub label: String,
    /// The label of the model.
    pub name: String,
    /// Why they match.
    pub by: MatchedBy,
}

impl FileLabels {
    /// No labels yet, of a file for a model with the labels `names`.
    pub fn new(matcher: LabelMatcher, names: &[String]) -> Self {
        Self {
            matcher,
            names: names.to_vec(),
            label_map: BTreeMap::new(),
            numbers: BTreeMap::new(),
            renamed: Vec::new(),
            unknown: UnknownLabels::default(),
        }
    }

    /// The id of a row's label; `None` if the model does not have it, which is counted.
    ///
    /// # Errors
    /// [`EvaluationError::Ambiguous`] if it matches two labels of the model.
    pub fn id(&mut self, label: &str, place: &str) -> Result<Option<usize>, EvaluationError> {
        match self.matcher.find(label) {
            Ok(found) => {
                let (label, name) = (label.trim(), &self.names[found.id]);
                if found.by == MatchedBy::Id {
                    self.numbers.insert(label.to_lowercase(), found.id);
                }
                let is_new = self.label_map.insert(label.to_lowercase(), name.clone()).is_none();
                if is_new && matches!(found.by, MatchedBy::Alias | MatchedBy::Id) {
                    let (place, label, name) = (place.to_owned(), label.to_owned(), name.clone());
                    self.renamed.push(RenamedLabel { place, label, name, by: found.by });
                }
                Ok(Some(found.id))
            }
            Err(MatchError::Unknown(label)) => {
                self.unknown.count(&label, place);
                Ok(None)
            }
            Err(error) => Err(EvaluationError::Ambiguous { place: place.to_owned(), error }),
        }
    }

    /// The labels with other names than the model's that were first read since the last call.
    pub fn take_renamed(&mut self) -> Vec<RenamedLabel> {
        mem::take(&mut self.renamed)
    }

    /// The model's label for each label of the file.
    pub fn label_map(&self) -> &BTreeMap<String, String> {
        &self.label_map
    }

    /// What the numbers of the file seem to be, if all of its labels are numbers, and the predictions are right far more often
    /// in another order than that of the model's ids; with whether that is sure.
    pub fn other_order(&self, file: String, confusion: &ConfusionMatrix) -> Option<(EvaluationError, bool)> {
        if self.numbers.is_empty() || self.numbers.len() < self.label_map.len() {
            return None;
        }
        let order = better_order(confusion)?;
        let named = |name: &dyn Fn(usize) -> usize| -> Vec<(String, String)> {
            self.numbers.iter().map(|(label, &id)| (label.clone(), self.names[name(id)].clone())).collect()
        };
        let (now, better) = (named(&|id| id), named(&|id| order.ids[id]));
        let accuracies = [confusion.accuracy(), order.accuracy];
        Some((EvaluationError::OtherOrder { file, now, better, accuracies }, order.is_sure))
    }

    /// The labels that the model does not have.
    pub fn unknown(&self) -> &UnknownLabels {
        &self.unknown
    }

    /// Checks that the model has all labels of the file.
    ///
    /// # Errors
    /// [`EvaluationError::UnknownLabels`].
    pub fn check(&self, file: &LabelledFile) -> Result<(), EvaluationError> {
        if self.unknown.rows() == 0 {
            return Ok(());
        }
        let (unknown, labels) = (self.unknown.clone(), self.names.clone());
        Err(EvaluationError::UnknownLabels { file: file.name(), unknown, labels })
    }
}
