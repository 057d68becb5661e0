//! Rows that an earlier run has scored.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use finsent_table::{Input, Row};

use crate::hash::hash;
use crate::summary::{ScoredFiles, ScoredRow, SummaryError};

/// Most rows that are told apart; each takes up to 36 bytes.
const MAX_ROWS: usize = 20_000_000;

/// The values of a column in the rows of an earlier output that have a prediction, by 128 bits of a hash.
#[derive(Debug, Clone)]
pub struct KnownRows {
    column: String,
    values: Arc<HashSet<u128>>,
    found: Arc<AtomicU64>,
}

impl KnownRows {
    /// Reads an earlier output to its end. Rows are known by `column`, which both the output and the input have.
    ///
    /// # Errors
    /// If the files are not scored, do not have the column, or cannot be read.
    pub fn read(mut input: Input, column: &str) -> Result<Self, SummaryError> {
        let mut scored = ScoredFiles::default();
        scored.check(&input)?;
        input.check_column(column)?;
        let mut values = HashSet::new();
        while let Some(row) = input.rows.next_row()? {
            if !matches!(scored.read(&row)?, ScoredRow::Scored { .. }) {
                continue;
            }
            values.extend(key(&row, column));
            if values.len() > MAX_ROWS {
                return Err(SummaryError::TooManyRows { limit: MAX_ROWS });
            }
        }
        Ok(Self { column: column.to_owned(), values: Arc::new(values), found: Arc::default() })
    }

    /// Whether the earlier output has a row, which is counted then. A row without a value is new.
    pub fn has(&self, row: &Row) -> bool {
        let is_known = key(row, &self.column).is_some_and(|key| self.values.contains(&key));
        self.found.fetch_add(u64::from(is_known), Relaxed);
        is_known
    }

    /// The rows so far that the earlier output has.
    pub fn found(&self) -> u64 {
        self.found.load(Relaxed)
    }
}

fn key(row: &Row, column: &str) -> Option<u128> {
    row.value(column).filter(|value| !value.trim().is_empty()).map(|value| hash(&value))
}
