//! The file that `predict()` of finBERT (github.com/ProsusAI/finBERT) writes: one line per sentence.

use super::csv_file::Records;
use super::delimiter::Delimiter;
use super::destination::Destination;
use super::numpy;
use super::record::OutputRecord;
use super::row_writer::{Outcome, RowWriter, Shape};
use crate::error::TableError;
use crate::row::Row;

const HEADER: [&str; 4] = ["sentence", "logit", "prediction", "sentiment_score"];

/// Writes each sentence as a record. The record of a text that failed has only the text.
pub(super) struct FinbertCsvWriter(Records);

impl FinbertCsvWriter {
    pub(super) fn new(shape: &Shape<'_>, out: Destination) -> Self {
        Self(Records::new(shape, out, Delimiter::Comma, HEADER.map(String::from).to_vec()))
    }
}

impl RowWriter for FinbertCsvWriter {
    fn write(&mut self, row: &Row, outcome: Outcome<'_>) -> Result<(), TableError> {
        let text = row.text.as_ref().map(|text| text.as_str()).unwrap_or_default();
        match outcome {
            Ok(record) => self.0.write(self.cells(text, record)),
            Err(_) => self.0.write([self.0.text(text.to_owned()), String::new(), String::new(), String::new()]),
        }
    }

    fn flush(&mut self) -> Result<(), TableError> {
        self.0.flush()
    }

    fn finish(self: Box<Self>) -> Result<Destination, TableError> {
        self.0.finish()
    }
}

impl FinbertCsvWriter {
    fn cells(&self, text: &str, record: OutputRecord<'_>) -> [String; 4] {
        let prediction = record.prediction();
        let probabilities: Vec<f32> = prediction.scores().map(|(_, probability)| probability).collect();
        [
            self.0.text(record.text().unwrap_or(text).to_owned()),
            numpy::array(&probabilities),
            self.0.text(prediction.label().to_owned()),
            prediction.sentiment_score().map(numpy::number).unwrap_or_default(),
        ]
    }
}
