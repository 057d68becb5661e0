//! Several files as one input.

use std::collections::VecDeque;
use std::path::Path;
use std::sync::Arc;

use super::input_file::InputFile;
use super::read_stats::ReadStats;
use super::reading::Reading;
use crate::error::TableError;
use crate::row::{Row, RowReader};

/// The rows of several files. A file is opened when those before it have been read.
pub(super) struct ConcatReader {
    name: String,
    rows: Box<dyn RowReader>,
    rest: VecDeque<InputFile>,
    reading: Reading,
    stats: Arc<ReadStats>,
}

impl ConcatReader {
    /// The rows of `first`, which is open, and of the rest.
    pub(super) fn new(
        first: &Path,
        rows: Box<dyn RowReader>,
        rest: VecDeque<InputFile>,
        reading: Reading,
        stats: Arc<ReadStats>,
    ) -> Self {
        Self { name: first.display().to_string(), rows, rest, reading, stats }
    }

    /// Opens the next file; false if there is none.
    fn open_next(&mut self) -> Result<bool, TableError> {
        let Some(file) = self.rest.pop_front() else { return Ok(false) };
        self.rows = file.open(&self.reading, &self.stats)?.rows;
        self.name = file.path.display().to_string();
        Ok(true)
    }
}

impl RowReader for ConcatReader {
    fn next_row(&mut self) -> Result<Option<Row>, TableError> {
        loop {
            if let Some(row) = self.rows.next_row()? {
                // The place of a file that is one text is its name.
                let is_placed = self.reading.whole_files;
                let place = if is_placed { row.place } else { format!("{} {}", self.name, row.place) };
                return Ok(Some(Row { place, ..row }));
            }
            if !self.open_next()? {
                return Ok(None);
            }
        }
    }

    fn skip_row(&mut self) -> Result<bool, TableError> {
        loop {
            if self.rows.skip_row()? {
                return Ok(true);
            }
            if !self.open_next()? {
                return Ok(false);
            }
        }
    }
}
