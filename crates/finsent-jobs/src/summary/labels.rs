//! The labels of files that are already scored, in the order in which they are found.

use std::collections::{BTreeMap, HashMap};

use finsent_model::LabelMap;

use super::SummaryError;

/// Most labels; models have up to a few dozen.
const MAX_LABELS: usize = 1000;

/// Labels and their ids. Labels that differ in case only are one: checkpoints of the same task write them in both ways.
#[derive(Debug, Clone, Default)]
pub struct SeenLabels {
    names: Vec<String>,
    ids: HashMap<String, usize>,
    /// Pairs of a label and another case of it.
    cases: Vec<(String, String)>,
}

impl SeenLabels {
    /// The id of a label, which is new if it was not seen before.
    ///
    /// # Errors
    /// [`SummaryError::TooManyLabels`].
    pub fn id(&mut self, label: &str) -> Result<usize, SummaryError> {
        if let Some(&id) = self.ids.get(label) {
            return Ok(id);
        }
        let known = self.names.iter().position(|known| known.to_lowercase() == label.to_lowercase());
        let id = known.unwrap_or(self.names.len());
        if self.ids.len() >= MAX_LABELS {
            return Err(SummaryError::TooManyLabels { limit: MAX_LABELS, label: label.chars().take(40).collect() });
        }
        match known {
            Some(known) => self.cases.push((self.names[known].clone(), label.to_owned())),
            None => self.names.push(label.to_owned()),
        }
        self.ids.insert(label.to_owned(), id);
        Ok(id)
    }

    /// The labels in the order of their ids.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// Labels that are counted together although their case differs.
    pub fn cases(&self) -> &[(String, String)] {
        &self.cases
    }

    /// The labels as those of a model.
    ///
    /// # Errors
    /// [`SummaryError::NoPredictions`] if there are none.
    pub fn map(&self) -> Result<LabelMap, SummaryError> {
        let named = self.names.iter().enumerate().map(|(id, name)| (id.to_string(), name.clone())).collect();
        LabelMap::new(Some(&named), self.names.len(), &BTreeMap::new()).map_err(|_| SummaryError::NoPredictions)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_that_differ_in_case_are_one_and_there_is_a_bound() {
        let mut labels = SeenLabels::default();
        assert!(labels.map().is_err());
        let ids = ["positive", "Negative", "Positive", "negative", "positive"].map(|label| labels.id(label).unwrap());
        assert_eq!(ids, [0, 1, 0, 1, 0]);
        assert_eq!(labels.names(), ["positive", "Negative"]);
        assert_eq!(labels.cases().len(), 2);
        assert!(labels.map().unwrap().has_sentiment_score());
        let many: Result<Vec<_>, _> = (0..=MAX_LABELS).map(|id| labels.id(&format!("label {id}"))).collect();
        assert!(matches!(many, Err(SummaryError::TooManyLabels { .. })));
    }
}
