//! The columns of Parquet files, which are copied when a row group is complete.

use std::io::{self, Write};

use parquet::file::metadata::KeyValue;
use parquet::file::reader::RowGroupReader;
use parquet::file::writer::SerializedRowGroupWriter;
use parquet::schema::types::TypePtr;

use crate::error::{ParquetFailure, TableError};
use crate::parquet::{ParquetFile, RepeatedRows, RowGroup, copy_column, key_values_with};
use crate::row::Origin;

/// The columns, and the rows of the current row group that are to be copied.
pub(super) struct FileColumns {
    root: String,
    columns: Vec<TypePtr>,
    key_values: Vec<KeyValue>,
    group: Option<RowGroup>,
    /// Rows of the group that were copied.
    before: usize,
    /// For each row after them, its records.
    records: Vec<usize>,
}

impl FileColumns {
    pub(super) fn of(file: &ParquetFile) -> Self {
        Self {
            root: file.row_type().name().to_owned(),
            columns: file.columns().to_vec(),
            key_values: file.key_values().to_vec(),
            group: None,
            before: 0,
            records: Vec::new(),
        }
    }

    /// The columns, the key-value metadata of a file with `added` columns, and the name of the schema.
    pub(super) fn schema_with(&self, added: &[TypePtr]) -> (Vec<TypePtr>, Vec<KeyValue>, String) {
        (self.columns.clone(), key_values_with(&self.key_values, added), self.root.clone())
    }

    pub(super) fn is_of_another_group(&self, origin: &Origin) -> bool {
        self.group.as_ref().is_some_and(|group| !group.is(&origin.group))
    }

    /// Whether the row is not the one that was counted last.
    pub(super) fn is_another_row(&self, origin: &Origin) -> bool {
        self.before + self.records.len() != origin.row + 1
    }

    /// Counts a record of a row.
    pub(super) fn count(&mut self, origin: &Origin) {
        if self.group.as_ref().is_none_or(|group| !group.is(&origin.group)) {
            self.group = Some(origin.group.clone());
            self.before = 0;
        }
        self.records.resize(origin.row + 1 - self.before, 0);
        *self.records.last_mut().expect("the row was just added") += 1;
    }

    /// Copies the rows that were counted.
    pub(super) fn write<W: Write + Send>(
        &mut self,
        to: &mut SerializedRowGroupWriter<'_, W>,
    ) -> Result<(), TableError> {
        let Some(group) = &self.group else { return Ok(()) };
        let rows = RepeatedRows { before: self.before, times: &self.records };
        for column in 0..group.num_columns() {
            copy_column(group, column, &rows, to).map_err(|failure| copy_error(group.file().name(), failure))?;
        }
        self.before += self.records.len();
        self.records.clear();
        Ok(())
    }
}

/// The error of a copy: of the output if that could not be written, else of the input.
fn copy_error(file: &str, failure: ParquetFailure) -> TableError {
    let source = match failure {
        ParquetFailure::System(error) => match TableError::from(io::Error::from(error)) {
            write @ TableError::Write { .. } => return write,
            TableError::System(error) => ParquetFailure::System(error),
            other => return other,
        },
        failure @ ParquetFailure::Library(_) => failure,
    };
    TableError::CopyColumn { file: file.to_owned(), source }
}
