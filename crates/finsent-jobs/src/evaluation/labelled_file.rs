//! A file of labelled texts.

use std::fs;
use std::path::PathBuf;

use finsent_table::{ColumnChoice, ColumnSelection, Input, ItemError, Reading, Row, TableError};
use thiserror::Error;

use super::error::EvaluationError;

/// A file of labelled texts, and how it is read.
pub struct LabelledFile {
    path: PathBuf,
    reading: Reading,
    label_column: String,
    limit: Option<u64>,
}

/// Why a row is left out.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum RowError {
    /// Its text cannot be classified.
    #[error(transparent)]
    Item(#[from] ItemError),
    /// It has no label.
    #[error("no label in `{column}`")]
    NoLabel {
        /// The column of the labels.
        column: String,
    },
}

impl LabelledFile {
    /// A file that is read in this way, with this column of labels, of which only the first `limit` rows are read, if that is
    /// set.
    pub fn new(path: PathBuf, reading: Reading, label_column: String, limit: Option<u64>) -> Self {
        let columns = ColumnChoice { label: Some(label_column.clone()), ..reading.columns };
        let selection = ColumnSelection::Columns(vec![label_column.clone()]);
        Self { path, reading: Reading { columns, selection, ..reading }, label_column, limit }
    }

    /// The path of the file, for people.
    pub fn name(&self) -> String {
        self.path.display().to_string()
    }

    /// Opens it from the start.
    ///
    /// # Errors
    /// [`EvaluationError::Table`] if it cannot be read or lacks the column of the texts, [`EvaluationError::LabelColumn`] if
    /// it lacks that of the labels.
    pub fn open(&self) -> Result<Input, EvaluationError> {
        let input = Input::files(std::slice::from_ref(&self.path), &self.reading)?;
        input.check_column(&self.label_column).map_err(EvaluationError::LabelColumn)?;
        Ok(match self.limit {
            Some(rows) => input.limit(rows),
            None => input,
        })
    }

    /// Checks that it can be read twice. A missing file is an error when it is opened.
    ///
    /// # Errors
    /// [`TableError::NotRegularFile`].
    pub fn check_rereadable(&self) -> Result<(), TableError> {
        match fs::metadata(&self.path) {
            Ok(metadata) if !metadata.is_file() && !metadata.is_dir() => {
                Err(TableError::NotRegularFile { path: self.path.clone() })
            }
            _ => Ok(()),
        }
    }

    /// The label of a row with a text and a label.
    ///
    /// # Errors
    /// [`RowError`] if it lacks one of them.
    pub fn label(&self, row: &Row) -> Result<String, RowError> {
        row.text.as_ref().map_err(ItemError::clone)?;
        let label = row.cell(&self.label_column).filter(|label| !label.trim().is_empty());
        label.ok_or_else(|| RowError::NoLabel { column: self.label_column.clone() })
    }
}
