//! Counts the rows of an input as they are read.

use std::sync::Arc;

use super::read_stats::ReadStats;
use crate::error::TableError;
use crate::row::{Row, RowReader};

/// A reader whose rows are counted.
pub(super) struct CountedRows {
    pub(super) rows: Box<dyn RowReader>,
    pub(super) stats: Arc<ReadStats>,
}

impl RowReader for CountedRows {
    fn next_row(&mut self) -> Result<Option<Row>, TableError> {
        let row = self.rows.next_row()?;
        if row.is_some() {
            self.stats.add_row();
        }
        Ok(row)
    }

    fn skip_row(&mut self) -> Result<bool, TableError> {
        let is_row = self.rows.skip_row()?;
        if is_row {
            self.stats.add_row();
        }
        Ok(is_row)
    }

    fn would_wait(&self) -> bool {
        self.rows.would_wait()
    }
}
