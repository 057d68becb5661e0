//! A shard: one of N contiguous parts of the rows of the input, whose sizes differ by at most one.

use std::fmt;
use std::ops::Range;
use std::str::FromStr;

use thiserror::Error;

use crate::error::TableError;
use crate::row::{Row, RowReader};

/// The part `index`, from 0, of `count`; written `index/count`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shard {
    index: u64,
    count: u64,
}

/// Why a string is not a [`Shard`].
#[derive(Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum ShardError {
    /// It does not consist of two numbers.
    #[error("expected I/N, for example 0/8 for the first of 8 shards")]
    NotTwoNumbers,
    /// It is a part of no parts.
    #[error("N must be at least 1: 0/1 is the whole input")]
    OfNone,
    /// There are fewer parts.
    #[error("shards are numbered from 0: the last of {count} is {}/{count}", count - 1)]
    BeyondLast {
        /// The number of parts.
        count: u64,
    },
}

impl FromStr for Shard {
    type Err = ShardError;

    fn from_str(text: &str) -> Result<Self, ShardError> {
        let (index, count) = text.split_once('/').ok_or(ShardError::NotTwoNumbers)?;
        let number = |digits: &str| digits.parse().map_err(|_| ShardError::NotTwoNumbers);
        match (number(index)?, number(count)?) {
            (_, 0) => Err(ShardError::OfNone),
            (index, count) if index >= count => Err(ShardError::BeyondLast { count }),
            (index, count) => Ok(Self { index, count }),
        }
    }
}

impl fmt::Display for Shard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.index, self.count)
    }
}

impl Shard {
    /// Whether the shard starts with the first row.
    pub fn is_first(self) -> bool {
        self.index == 0
    }

    fn is_last(self) -> bool {
        self.index + 1 == self.count
    }

    /// The shard's rows, from 0, if the input has `all` rows: from index * all / count, rounded down, to the start of the
    /// next shard.
    pub fn of(self, all: u64) -> Range<u64> {
        let start = |index: u64| {
            let start = u128::from(index) * u128::from(all) / u128::from(self.count);
            u64::try_from(start).expect("index <= count, so that no shard starts after the last row")
        };
        start(self.index)..start(self.index + 1)
    }
}

/// The rows of one shard.
pub(super) struct ShardRows {
    rows: Box<dyn RowReader>,
    /// Rows of the input when they were counted.
    all: u64,
    /// Rows still to be skipped.
    before: u64,
    /// Rows still to be returned.
    left: u64,
    is_last: bool,
}

impl ShardRows {
    /// The shard's rows of `rows`, of which there are `all` and none has been read.
    pub(super) fn new(rows: Box<dyn RowReader>, shard: Shard, all: u64) -> Self {
        let Range { start, end } = shard.of(all);
        Self { rows, all, before: start, left: end - start, is_last: shard.is_last() }
    }

    /// The error of an input that is not the one whose rows were counted.
    fn changed(&self, has_more: bool) -> TableError {
        TableError::InputChanged { counted: self.all, has_more }
    }
}

impl RowReader for ShardRows {
    fn next_row(&mut self) -> Result<Option<Row>, TableError> {
        if self.left == 0 {
            return if self.is_last && self.rows.skip_row()? { Err(self.changed(true)) } else { Ok(None) };
        }
        while self.before > 0 {
            if !self.rows.skip_row()? {
                return Err(self.changed(false));
            }
            self.before -= 1;
        }
        let row = self.rows.next_row()?.ok_or_else(|| self.changed(false))?;
        self.left -= 1;
        Ok(Some(row))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::input::arguments::Arguments;

    fn shard(text: &str) -> Result<Shard, String> {
        text.parse().map_err(|error: ShardError| error.to_string())
    }

    fn rows(count: u64) -> Box<dyn RowReader> {
        let texts: Vec<String> = (0..count).map(|row| row.to_string()).collect();
        Box::new(Arguments::new(texts))
    }

    /// The places of the shard's rows in a file of `now` rows, of which `counted` were counted before.
    fn read(text: &str, counted: u64, now: u64) -> Result<Vec<String>, String> {
        let mut rows = ShardRows::new(rows(now), shard(text).unwrap(), counted);
        let mut places = Vec::new();
        while let Some(row) = rows.next_row().map_err(|error| error.to_string())? {
            places.push(row.place);
        }
        Ok(places)
    }

    #[test]
    fn a_shard_is_written_as_its_number_from_0_and_the_count() {
        assert_eq!(shard("7/8").unwrap().to_string(), "7/8");
        assert_eq!(shard("8/8").unwrap_err(), "shards are numbered from 0: the last of 8 is 7/8");
        assert!(shard("1/0").unwrap_err().contains("at least 1"));
        for text in ["a/b", "3", "", "/", "1/", "/2", "-1/2", "1/2/3", "0.5/2", "0/99999999999999999999"] {
            assert!(shard(text).unwrap_err().contains("expected I/N"), "{text}");
        }
    }

    #[test]
    fn shards_are_adjacent_and_their_sizes_differ_by_at_most_one_row() {
        for (all, count) in [(0, 3), (1, 1), (2, 7), (1000, 7), (u64::MAX, 1000)] {
            let mut end = 0;
            for index in 0..count {
                let range = Shard { index, count }.of(all);
                assert_eq!(range.start, end);
                assert!([all / count, all.div_ceil(count)].contains(&(range.end - range.start)));
                end = range.end;
            }
            assert_eq!(end, all);
        }
        let last = Shard { index: u64::MAX - 1, count: u64::MAX };
        assert_eq!(last.of(u64::MAX), u64::MAX - 1..u64::MAX);
    }

    #[test]
    fn a_shard_returns_its_rows_with_their_places_in_the_file() {
        assert_eq!(read("0/2", 5, 5).unwrap(), ["text 1", "text 2"]);
        assert_eq!(read("1/2", 5, 5).unwrap(), ["text 3", "text 4", "text 5"]);
        assert!(read("0/2", 1, 1).unwrap().is_empty());
    }

    #[test]
    fn a_file_that_has_changed_since_its_rows_were_counted_is_an_error() {
        let fewer = "fewer rows than the 5 that were counted";
        assert!(read("0/2", 5, 1).unwrap_err().contains(fewer));
        assert!(read("1/2", 5, 1).unwrap_err().contains(fewer));
        assert!(read("1/2", 5, 4).unwrap_err().contains(fewer));
        assert!(read("1/2", 5, 6).unwrap_err().contains("more rows than the 5"));
        assert!(read("0/1", 0, 1).unwrap_err().contains("more rows than the 0"));
    }

    #[test]
    fn an_empty_shard_reads_no_rows() {
        assert!(read("1/3", 1, 0).unwrap().is_empty());
    }
}
