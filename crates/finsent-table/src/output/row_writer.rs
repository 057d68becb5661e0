//! What writers of all formats do, and what they know before the first row.

use std::sync::Arc;

use finsent_model::{Explanation, Granularity, LabelMap};

use super::destination::Destination;
use super::record::OutputRecord;
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

    /// Writes a record with its explanation, if the format has a place for it.
    ///
    /// # Errors
    /// If the destination cannot be written.
    fn write_explained(
        &mut self,
        row: &Row,
        record: OutputRecord<'_>,
        _explanation: &Explanation,
    ) -> Result<(), TableError> {
        self.write(row, Ok(record))
    }

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
    /// Whether records have explanations.
    pub is_explained: bool,
    /// Whether cells of CSV that a spreadsheet takes for formulas get an apostrophe.
    pub is_csv_safe: bool,
}
