//! A file that is read, and what its folders say of it.

use std::path::PathBuf;
use std::sync::Arc;

use super::open_file::OpenFile;
use super::read_stats::ReadStats;
use super::reading::Reading;
use crate::error::TableError;
use crate::item_error::ItemError;
use crate::row::{Field, Row, RowReader};

/// A file that is read.
#[derive(Debug, Clone)]
pub(super) struct InputFile {
    pub(super) path: PathBuf,
    /// Whether it was found in a folder.
    pub(super) is_part: bool,
    /// The columns that the names of its folders stand for, with their values.
    pub(super) partitions: Vec<(Arc<str>, Field)>,
}

impl InputFile {
    /// A file that was named.
    pub(super) fn alone(path: PathBuf) -> Self {
        Self { path, is_part: false, partitions: Vec::new() }
    }

    /// The names of the columns that its folders stand for.
    pub(super) fn names(&self) -> impl Iterator<Item = &Arc<str>> {
        self.partitions.iter().map(|(name, _)| name)
    }

    /// Opens it. The columns of its folders come after its own.
    pub(super) fn open(&self, reading: &Reading, stats: &Arc<ReadStats>) -> Result<OpenFile, TableError> {
        let mut opened = OpenFile::open(&self.path, reading, stats)?;
        for name in self.names() {
            if opened.columns.contains(name) {
                return Err(TableError::PartitionTwice { path: self.path.clone(), column: name.to_string() });
            }
            opened.columns.push(name.clone());
        }
        if !self.partitions.is_empty() {
            opened.rows = Box::new(PartRows { rows: opened.rows, partitions: self.partitions.clone() });
        }
        Ok(opened)
    }
}

/// The rows of a part, with the columns of its folders.
struct PartRows {
    rows: Box<dyn RowReader>,
    partitions: Vec<(Arc<str>, Field)>,
}

impl RowReader for PartRows {
    fn next_row(&mut self) -> Result<Option<Row>, TableError> {
        let Some(mut row) = self.rows.next_row()? else { return Ok(None) };
        for (name, value) in &self.partitions {
            // Only an object of JSON can have a field that is not among the columns.
            match row.fields.iter().any(|(field, _)| field == name) {
                true => row.text = row.text.and(Err(ItemError::FieldTwice(name.clone()))),
                false => row.fields.push((name.clone(), value.clone())),
            }
        }
        Ok(Some(row))
    }

    fn skip_row(&mut self) -> Result<bool, TableError> {
        self.rows.skip_row()
    }

    fn count_rows(&mut self) -> Result<u64, TableError> {
        self.rows.count_rows()
    }

    fn would_wait(&self) -> bool {
        self.rows.would_wait()
    }
}
