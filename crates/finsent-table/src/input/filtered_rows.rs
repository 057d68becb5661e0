//! The rows of an input that are wanted.

use crate::error::TableError;
use crate::row::{Row, RowReader};

/// A reader without the rows that are not wanted.
pub(super) struct FilteredRows {
    pub(super) rows: Box<dyn RowReader>,
    pub(super) is_wanted: Box<dyn Fn(&Row) -> bool + Send>,
}

impl RowReader for FilteredRows {
    fn next_row(&mut self) -> Result<Option<Row>, TableError> {
        loop {
            match self.rows.next_row()? {
                Some(row) if !(self.is_wanted)(&row) => (),
                row => return Ok(row),
            }
        }
    }

    fn would_wait(&self) -> bool {
        self.rows.would_wait()
    }
}
