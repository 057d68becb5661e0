//! Rows on which models differ: the first few, for the report.

use finsent_model::Prediction;
use finsent_table::Row;
use serde::Serialize;

/// Rows that the report has.
const MAX_ROWS: usize = 5;
/// Characters of a text in the report.
const MAX_CHARACTERS: usize = 200;

/// The first rows on which models differ.
#[derive(Debug, Default)]
pub(super) struct Differences {
    pub(super) first: Vec<Difference>,
}

/// A row on which models differ.
#[derive(Debug, Serialize)]
pub(super) struct Difference {
    /// Where it is.
    pub(super) row: String,
    pub(super) text: String,
    /// Its true label, if it has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) label: Option<String>,
    /// The label that each model predicts.
    pub(super) predicted: Vec<String>,
}

impl Differences {
    /// Keeps a row if its predictions differ and there are not enough rows yet.
    pub(super) fn add(&mut self, row: &Row, truth: Option<&String>, predictions: &[Prediction]) {
        if self.first.len() < MAX_ROWS && differ(predictions) {
            let text = row.text.as_ref().map(|text| text.as_str()).unwrap_or_default();
            self.first.push(Difference {
                row: row.place.clone(),
                text: text.chars().take(MAX_CHARACTERS).collect(),
                label: truth.cloned(),
                predicted: predictions.iter().map(|prediction| prediction.label().to_owned()).collect(),
            });
        }
    }
}

/// Whether not all predictions have the same label.
pub(super) fn differ(predictions: &[Prediction]) -> bool {
    predictions.iter().any(|prediction| prediction.label_id() != predictions[0].label_id())
}
