//! The first rows of an input.

use crate::error::TableError;
use crate::row::{Row, RowReader};

/// So many rows of a reader, or all if it has fewer.
pub(super) struct FirstRows {
    pub(super) rows: Box<dyn RowReader>,
    pub(super) left: u64,
}

impl FirstRows {
    /// Whether there may be one more, which is counted.
    fn take_one(&mut self) -> bool {
        let may = self.left > 0;
        self.left = self.left.saturating_sub(1);
        may
    }
}

impl RowReader for FirstRows {
    fn next_row(&mut self) -> Result<Option<Row>, TableError> {
        if self.take_one() { self.rows.next_row() } else { Ok(None) }
    }

    fn skip_row(&mut self) -> Result<bool, TableError> {
        if self.take_one() { self.rows.skip_row() } else { Ok(false) }
    }

    fn would_wait(&self) -> bool {
        self.left > 0 && self.rows.would_wait()
    }
}
