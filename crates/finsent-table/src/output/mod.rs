//! Rows out: JSON, JSON Lines, CSV, finBERT's own CSV, Parquet.

mod columns;
mod csv_file;
mod destination;
mod finbert_csv;
mod json;
mod numpy;
mod parquet;
mod record;

use std::sync::Arc;

use finsent_model::{Granularity, LabelMap};

pub use self::parquet::{Cell, ParquetColumn, write_columns};
pub use columns::PredictionColumns;
pub use destination::{Destination, TemporaryName, with_suffix};
pub use record::{OutputRecord, RecordValue};

use crate::error::TableError;
use crate::item_error::ItemError;
use crate::parquet::ParquetFile;
use crate::row::Row;

/// What came of a row, or of a sentence of it.
pub type Outcome<'a> = Result<OutputRecord<'a>, &'a ItemError>;

/// Writes rows and what came of them, in order, to a destination.
pub trait RowWriter {
    /// Checks that the columns of a row fit beside the prediction's; a row that fails here is written with this error.
    ///
    /// # Errors
    /// If a column has no place in the output, or the name of one that the output adds.
    fn check(&self, _row: &Row) -> Result<(), ItemError> {
        Ok(())
    }

    /// Writes a record of a row, or the row's error.
    ///
    /// # Errors
    /// If the destination cannot be written.
    fn write(&mut self, row: &Row, outcome: Outcome<'_>) -> Result<(), TableError>;

    /// Makes the rows so far visible to a reader of the output, if the format can be read before its end.
    ///
    /// # Errors
    /// If the destination cannot be written.
    fn flush(&mut self) -> Result<(), TableError>;

    /// Writes what comes after the last row, and returns the destination, which is to be finished.
    ///
    /// # Errors
    /// If the destination cannot be written.
    fn finish(self: Box<Self>) -> Result<Destination, TableError>;
}

/// The format of an output file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OutputFormat {
    /// One array.
    Json,
    /// One object per line.
    Jsonl,
    /// Comma-separated values with a header.
    Csv,
    /// The CSV that finBERT's own script writes.
    FinbertCsv,
    /// Typed columns.
    Parquet,
}

/// What is known about the rows before the first one is written.
pub struct Shape<'a> {
    /// Columns of the input.
    pub columns: &'a [Arc<str>],
    /// Whether rows have an id that is not already their column `id`.
    pub writes_id: bool,
    /// What a prediction is about.
    pub granularity: Granularity,
    /// The labels of the model.
    pub labels: &'a LabelMap,
    /// The file with the types of the columns, if all inputs are Parquet and have the same ones.
    pub parquet: Option<&'a ParquetFile>,
    /// Whether the output starts here: it does not in a later shard.
    pub is_beginning: bool,
}

/// Checks that a format can hold what is asked, and what the model predicts.
///
/// # Errors
/// [`TableError::FinbertGranularity`] or [`TableError::FinbertLabels`].
pub fn check_shape(format: OutputFormat, shape: &Shape<'_>) -> Result<(), TableError> {
    if format != OutputFormat::FinbertCsv {
        return Ok(());
    }
    if shape.granularity != Granularity::Sentence {
        return Err(TableError::FinbertGranularity);
    }
    if !shape.labels.has_sentiment_score() {
        return Err(TableError::FinbertLabels { labels: shape.labels.labels().to_vec() });
    }
    Ok(())
}

/// The writer of a format.
pub fn writer(format: OutputFormat, shape: &Shape<'_>, out: Destination) -> Box<dyn RowWriter> {
    match format {
        OutputFormat::Json => Box::new(json::JsonWriter::new(shape, out, true)),
        OutputFormat::Jsonl => Box::new(json::JsonWriter::new(shape, out, false)),
        OutputFormat::Csv => Box::new(csv_file::CsvWriter::new(shape, out)),
        OutputFormat::FinbertCsv => Box::new(finbert_csv::FinbertCsvWriter::new(shape, out)),
        OutputFormat::Parquet => parquet::writer(shape, out),
    }
}
