//! The labels of a file as those of a model.

use std::collections::BTreeMap;
use std::{fmt, mem};

use super::{EvaluationError, LabelMatcher, LabelledFile, MatchError, MatchedBy};

/// Most unknown labels that are listed.
const MAX_LISTED: usize = 10;
/// Most characters of an unknown label that are kept.
const MAX_CHARS: usize = 40;

/// The labels of a file that were read so far.
pub struct FileLabels {
    matcher: LabelMatcher,
    /// The labels of the model.
    names: Vec<String>,
    /// For each label of the file, in lower case and trimmed, the model's label. There are few: names, aliases, ids, and what
    /// is in the user's table.
    label_map: BTreeMap<String, String>,
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

    /// The labels that the model does not have.
    pub fn unknown(&self) -> &UnknownLabels {
        &self.unknown
    }

    /// Checks that the model has all labels of the file.
    ///
    /// # Errors
    /// [`EvaluationError::UnknownLabels`].
    pub fn check(&self, file: &LabelledFile) -> Result<(), EvaluationError> {
        if self.unknown.rows == 0 {
            return Ok(());
        }
        let (unknown, labels) = (self.unknown.clone(), self.names.clone());
        Err(EvaluationError::UnknownLabels { file: file.name(), unknown, labels })
    }
}

/// Labels of a file that the model does not have. Displayed as a list.
#[derive(Debug, Clone, Default)]
pub struct UnknownLabels {
    rows: u64,
    /// The first few: a wrong column may have very many.
    first: Vec<UnknownLabel>,
    /// Rows with other ones.
    others: u64,
}

#[derive(Debug, Clone)]
struct UnknownLabel {
    label: String,
    place: String,
    rows: u64,
}

impl UnknownLabels {
    /// Rows with unknown labels.
    pub fn rows(&self) -> u64 {
        self.rows
    }

    fn count(&mut self, label: &str, place: &str) {
        self.rows += 1;
        let label = shortened(label);
        if let Some(unknown) = self.first.iter_mut().find(|unknown| unknown.label == label) {
            unknown.rows += 1;
        } else if self.first.len() < MAX_LISTED {
            self.first.push(UnknownLabel { label, place: place.into(), rows: 1 });
        } else {
            self.others += 1;
        }
    }
}

impl fmt::Display for UnknownLabels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, UnknownLabel { label, place, rows }) in self.first.iter().enumerate() {
            f.write_str(if index == 0 { "" } else { ", " })?;
            match rows {
                1 => write!(f, "`{label}` ({place})")?,
                _ => write!(f, "`{label}` ({rows} rows, first {place})")?,
            }
        }
        match self.others {
            0 => Ok(()),
            1 => f.write_str(", and 1 row with another"),
            others => write!(f, ", and {others} rows with others"),
        }
    }
}

/// A label that may be of any length, for people.
fn shortened(label: &str) -> String {
    let mut letters =
        label.chars().map(|letter| if letter.is_control() { char::REPLACEMENT_CHARACTER } else { letter });
    let short: String = letters.by_ref().take(MAX_CHARS).collect();
    if letters.next().is_some() { short + "…" } else { short }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ten_unknown_labels_are_listed_and_the_others_counted() {
        let mut unknown = UnknownLabels::default();
        for line in 0..30 {
            unknown.count(&format!("u{}", line % 12), &format!("line {line}"));
        }
        let list = unknown.to_string();
        assert!(list.starts_with("`u0` (3 rows, first line 0), `u1` (3 rows, first line 1)"), "{list}");
        assert!(list.ends_with("`u9` (2 rows, first line 9), and 4 rows with others"), "{list}");
        assert_eq!(unknown.rows, 30);
    }

    #[test]
    fn an_unknown_label_cannot_control_the_terminal_or_fill_it() {
        let mut unknown = UnknownLabels::default();
        unknown.count(&"\x1b[2J".repeat(1000), "line 2");
        let list = unknown.to_string();
        assert!(list.len() < 200 && !list.contains('\x1b'), "{list}");
    }
}
