//! The first rows of an input, which are looked at before they are read.

use std::collections::VecDeque;

use crate::error::TableError;
use crate::row::{Row, RowReader};

/// Bytes of rows that are looked at: the limit on their memory if texts are long.
const MAX_BYTES: usize = 1 << 20;

/// A reader of rows whose first ones are in memory.
pub(super) struct LookAhead {
    ahead: VecDeque<Row>,
    rows: Box<dyn RowReader>,
}

impl LookAhead {
    /// Reads up to `most` rows ahead, but after the first one only those that come without waiting.
    pub(super) fn new(mut rows: Box<dyn RowReader>, most: usize) -> Result<Self, TableError> {
        let (mut ahead, mut bytes) = (VecDeque::new(), 0);
        while ahead.len() < most && bytes < MAX_BYTES && (ahead.is_empty() || !rows.would_wait()) {
            let Some(row) = rows.next_row()? else { break };
            bytes += row.bytes();
            ahead.push_back(row);
        }
        Ok(Self { ahead, rows })
    }

    /// The rows that were read ahead.
    pub(super) fn ahead(&mut self) -> &[Row] {
        self.ahead.make_contiguous()
    }
}

impl RowReader for LookAhead {
    fn next_row(&mut self) -> Result<Option<Row>, TableError> {
        match self.ahead.pop_front() {
            Some(row) => Ok(Some(row)),
            None => self.rows.next_row(),
        }
    }

    fn skip_row(&mut self) -> Result<bool, TableError> {
        if self.ahead.pop_front().is_some() { Ok(true) } else { self.rows.skip_row() }
    }

    fn count_rows(&mut self) -> Result<u64, TableError> {
        let ahead = std::mem::take(&mut self.ahead).len() as u64;
        Ok(ahead + self.rows.count_rows()?)
    }

    fn would_wait(&self) -> bool {
        self.ahead.is_empty() && self.rows.would_wait()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::input::arguments::Arguments;

    #[test]
    fn rows_that_were_looked_at_are_read_again() {
        let texts = || Box::new(Arguments::new(["a", "b", "c"].map(String::from).to_vec()));
        let mut rows = LookAhead::new(texts(), 2).unwrap();
        let places: Vec<&str> = rows.ahead().iter().map(|row| row.place.as_str()).collect();
        assert_eq!(places, ["text 1", "text 2"]);
        assert!(rows.skip_row().unwrap());
        assert_eq!(rows.next_row().unwrap().unwrap().place, "text 2");
        assert_eq!(rows.count_rows().unwrap(), 1);
        assert_eq!(LookAhead::new(texts(), 9).unwrap().count_rows().unwrap(), 3);
    }
}
