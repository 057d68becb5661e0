//! The file that `predict()` of finBERT (github.com/ProsusAI/finBERT) writes: a line a sentence.

use std::io::Write;

use anyhow::Result;

use super::destination::Destination;
use super::{Finding, Outcome, RowWriter, Shape, numpy};
use crate::cli::rows::Row;

const HEADER: [&str; 4] = ["sentence", "logit", "prediction", "sentiment_score"];

/// Writes each sentence as a record. A text that fails is one with nothing but the text.
pub(super) struct FinbertCsv {
    out: Destination,
    header_is_due: bool,
}

impl FinbertCsv {
    pub(super) fn new(shape: &Shape<'_>, out: Destination) -> Self {
        Self { out, header_is_due: shape.is_beginning }
    }

    fn write_header(&mut self) -> Result<()> {
        if std::mem::take(&mut self.header_is_due) {
            self.write_record(HEADER)?;
        }
        Ok(())
    }

    fn write_record(&mut self, record: [impl AsRef<[u8]>; 4]) -> Result<()> {
        let mut writer = csv::Writer::from_writer(&mut self.out);
        writer.write_record(record)?;
        Ok(writer.flush()?)
    }
}

impl RowWriter for FinbertCsv {
    fn write(&mut self, row: &Row, outcome: Outcome<'_>) -> Result<()> {
        self.write_header()?;
        let text = row.text.as_ref().map(|text| text.as_str()).unwrap_or_default();
        match outcome {
            Ok(finding) => self.write_record(record(text, finding)),
            Err(_) => self.write_record([text, "", "", ""]),
        }
    }

    fn flush(&mut self) -> Result<()> {
        Ok(self.out.flush()?)
    }

    fn finish(mut self: Box<Self>) -> Result<Destination> {
        self.write_header()?;
        Ok(self.out)
    }
}

fn record(text: &str, finding: Finding<'_>) -> [String; 4] {
    let verdict = finding.verdict();
    let probabilities: Vec<f32> = verdict.scores().map(|(_, probability)| probability).collect();
    [
        finding.text().unwrap_or(text).to_owned(),
        numpy::array(&probabilities),
        verdict.label().to_owned(),
        verdict.sentiment_score().map(numpy::number).unwrap_or_default(),
    ]
}
