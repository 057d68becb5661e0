//! A file of texts, with or without labels.

use std::fs;
use std::path::{Path, PathBuf};

use finsent_table::{ColumnChoice, ColumnSelection, Input, ItemError, Reading, Row, TableError};
use thiserror::Error;

use super::error::EvaluationError;

/// A file of texts with labels, or without, and how it is read.
pub struct LabelledFile {
    path: PathBuf,
    reading: Reading,
    label_column: Option<String>,
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
        Self { path, reading: Reading { columns, selection, ..reading }, label_column: Some(label_column), limit }
    }

    /// The same file, of which no column is read as labels.
    pub fn without_labels(self) -> Self {
        let columns = ColumnChoice { label: None, ..self.reading.columns };
        Self { reading: Reading { columns, ..self.reading }, label_column: None, ..self }
    }

    /// The same file, with the values of all columns. Those of all rows are settled first if `all_columns` is set.
    pub fn with_all_columns(self, all_columns: bool) -> Self {
        Self { reading: Reading { selection: ColumnSelection::All, all_columns, ..self.reading }, ..self }
    }

    /// Whether it has a column of labels.
    pub fn has_labels(&self) -> bool {
        self.label_column.is_some()
    }

    /// The path of the file.
    pub fn path(&self) -> &Path {
        &self.path
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
        let input =
            Input::files(std::slice::from_ref(&self.path), &self.reading).map_err(|error| self.wrong_column(error))?;
        if let Some(column) = &self.label_column {
            input.check_column(column).map_err(EvaluationError::LabelColumn)?;
        }
        Ok(match self.limit {
            Some(rows) => input.limit(rows),
            None => input,
        })
    }

    /// The error about the column of the labels, if it is missing: what the texts are cannot be told without it.
    fn wrong_column(&self, error: TableError) -> EvaluationError {
        match (&error, &self.label_column) {
            (TableError::WhichColumn { file, columns }, Some(label))
                if !columns.iter().any(|column| **column == **label) =>
            {
                EvaluationError::LabelColumn(TableError::no_column(file, label, columns))
            }
            _ => error.into(),
        }
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

    /// The label of a row; `None` if the file has no labels.
    ///
    /// # Errors
    /// [`RowError`] if the row lacks a text, or a label.
    pub fn label(&self, row: &Row) -> Result<Option<String>, RowError> {
        row.text.as_ref().map_err(ItemError::clone)?;
        let Some(column) = &self.label_column else { return Ok(None) };
        let label = row.cell(column).filter(|label| !label.trim().is_empty());
        label.map(Some).ok_or_else(|| RowError::NoLabel { column: column.clone() })
    }
}
