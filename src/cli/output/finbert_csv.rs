//! The file that `predict()` of finBERT (github.com/ProsusAI/finBERT) writes: a line a sentence.

use anyhow::Result;

use super::destination::Destination;
use super::{Finding, Outcome, RowWriter, numpy};
use crate::cli::rows::Row;

const HEADER: [&str; 4] = ["sentence", "logit", "prediction", "sentiment_score"];

/// Writes each sentence as a record. A text that fails is one with nothing but the text.
pub(super) struct FinbertCsv {
    header_is_due: bool,
}

impl FinbertCsv {
    pub(super) fn new(is_beginning: bool) -> Self {
        Self { header_is_due: is_beginning }
    }
}

impl RowWriter for FinbertCsv {
    fn write(&mut self, out: &mut Destination, row: &Row, outcome: Outcome<'_>) -> Result<()> {
        let mut writer = csv::Writer::from_writer(out);
        if self.header_is_due {
            writer.write_record(HEADER)?;
            self.header_is_due = false;
        }
        let text = row.text.as_ref().map(|text| text.as_str()).unwrap_or_default();
        match outcome {
            Ok(finding) => writer.write_record(record(text, finding))?,
            Err(_) => writer.write_record([text, "", "", ""])?,
        }
        Ok(writer.flush()?)
    }

    fn finish(&mut self, out: &mut Destination) -> Result<()> {
        if self.header_is_due {
            csv::Writer::from_writer(out).write_record(HEADER)?;
        }
        Ok(())
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
