//! Rows out: JSON, JSON Lines, CSV, TSV, finBERT's own CSV, Parquet.

mod columns;
mod csv_file;
mod delimiter;
mod destination;
mod finbert_csv;
mod json;
mod numpy;
mod parquet;
mod record;
mod row_writer;
mod same_path;
mod spreadsheet;

use finsent_model::Granularity;

pub use self::parquet::{Cell, ParquetColumn, write_columns};
pub use columns::{PREFIX as PREDICTION_PREFIX, PredictionColumns};
pub use delimiter::Delimiter;
pub use destination::Destination;
pub use record::{OutputRecord, RecordValue};
pub use row_writer::{Outcome, RowWriter, Shape};
pub use same_path::{check_once, check_outputs};
pub use spreadsheet::no_formula;

use crate::error::TableError;

/// The format of an output file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OutputFormat {
    /// One array.
    Json,
    /// One object per line.
    Jsonl,
    /// Comma-separated values with a header.
    Csv,
    /// Tab-separated values with a header.
    Tsv,
    /// The CSV that finBERT's own script writes.
    FinbertCsv,
    /// Typed columns.
    Parquet,
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
        OutputFormat::Csv => Box::new(csv_file::CsvWriter::new(shape, out, Delimiter::Comma)),
        OutputFormat::Tsv => Box::new(csv_file::CsvWriter::new(shape, out, Delimiter::Tab)),
        OutputFormat::FinbertCsv => Box::new(finbert_csv::FinbertCsvWriter::new(shape, out)),
        OutputFormat::Parquet => parquet::writer(shape, out),
    }
}
