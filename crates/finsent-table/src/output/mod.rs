//! Answers out: a table for people, JSON, JSON lines, CSV, finBERT's own CSV, Parquet.

mod columns;
mod csv_file;
mod destination;
mod finbert_csv;
mod json;
mod numpy;
mod parquet;
mod record;

use std::sync::Arc;

use anyhow::Result;

pub use self::parquet::{Column, write_columns};
use crate::UsageError;
use crate::input::{ItemError, Row};
use crate::parquet::Table;
pub use columns::PredictionColumns;
pub use destination::{Destination, TemporaryName, with_suffix};
use finsent_model::Granularity;
use finsent_model::LabelMap;
pub use record::OutputRecord;

/// What became of a row, or of a part of it.
pub type Outcome<'a> = Result<OutputRecord<'a>, &'a ItemError>;

/// Writes rows with what became of them, in order, to a destination.
pub trait RowWriter {
    /// Why the columns of a row cannot stand beside the prediction's, if they cannot: then the row has failed.
    fn check(&self, _row: &Row) -> Result<(), ItemError> {
        Ok(())
    }

    fn write(&mut self, row: &Row, outcome: Outcome<'_>) -> Result<()>;

    /// Lets the reader of the output have the rows so far, if the form is one that can be read so far.
    fn flush(&mut self) -> Result<()>;

    /// Writes what stands behind the last row; gives back where the rows went.
    fn finish(self: Box<Self>) -> Result<Destination>;
}

/// How rows are written to files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OutputFormat {
    /// One array.
    Json,
    /// An object a line.
    Jsonl,
    /// With a header.
    Csv,
    /// As finBERT's own script writes it.
    FinbertCsv,
    /// With types.
    Parquet,
}

/// Refuses a form that has no place for what is asked, or for what the model says.
pub fn check_shape(format: OutputFormat, shape: &Shape<'_>) -> Result<(), UsageError> {
    if format != OutputFormat::FinbertCsv {
        return Ok(());
    }
    if shape.granularity != Granularity::Sentence {
        return Err(UsageError(
            "--format finbert-csv has a line a sentence: leave out --granularity, or say sentence".into(),
        ));
    }
    if !shape.labels.has_sentiment_score() {
        let labels = shape.labels.labels().join(", ");
        return Err(UsageError(format!(
            "--format finbert-csv has a sentiment score, and the model's labels are {labels}"
        )));
    }
    Ok(())
}

/// What is known of the rows before the first one is written.
pub struct Shape<'a> {
    /// Columns of the input.
    pub columns: &'a [Arc<str>],
    /// Whether rows bring an id that is not their column `id` already.
    pub writes_id: bool,
    pub granularity: Granularity,
    pub labels: &'a LabelMap,
    /// The first of the files, if all of them are Parquet and have the same columns.
    pub table: Option<&'a Table>,
    /// Whether the output begins here, and is not a later shard's.
    pub is_beginning: bool,
}

/// The writer of a format to `out`.
pub fn writer(format: OutputFormat, shape: &Shape<'_>, out: Destination) -> Box<dyn RowWriter> {
    match format {
        OutputFormat::Json => Box::new(json::Json::new(shape, out, true)),
        OutputFormat::Jsonl => Box::new(json::Json::new(shape, out, false)),
        OutputFormat::Csv => Box::new(csv_file::Csv::new(shape, out)),
        OutputFormat::FinbertCsv => Box::new(finbert_csv::FinbertCsv::new(shape, out)),
        OutputFormat::Parquet => parquet::writer(shape, out),
    }
}
