//! The lines of an input.

use std::io::{BufRead, Read};

use super::read_stats::{MAX_RECORD_BYTES, ReadStats};
use super::source::Source;
use crate::error::TableError;
use crate::item_error::{ItemError, NotUtf8};

/// The lines of a [`Source`], without their `\n` or `\r\n`.
pub(super) struct LineReader {
    source: Source,
    line: Vec<u8>,
    /// Number of the current line, from 1.
    number: u64,
}

impl LineReader {
    pub(super) fn new(source: Source) -> Self {
        Self { source, line: Vec::new(), number: 0 }
    }

    pub(super) fn name(&self) -> &str {
        &self.source.name
    }

    pub(super) fn stats(&self) -> &ReadStats {
        &self.source.stats
    }

    /// Number of the current line, from 1.
    pub(super) fn number(&self) -> u64 {
        self.number
    }

    /// The current line, for people.
    pub(super) fn place(&self) -> String {
        format!("line {}", self.number)
    }

    /// The error of a file whose current line is not UTF-8.
    pub(super) fn wrong_encoding(&self, error: NotUtf8) -> TableError {
        TableError::WrongEncoding { file: self.name().to_owned(), place: self.place(), error }
    }

    /// The next line, or why it cannot be read as one; `None` at the end.
    pub(super) fn next_line(&mut self) -> Result<Option<Result<&[u8], ItemError>>, TableError> {
        self.line.clear();
        let mut bounded = (&mut self.source.reader).take(MAX_RECORD_BYTES);
        let read = bounded.read_until(b'\n', &mut self.line);
        read.map_err(|error| TableError::read(&self.source.name, error))?;
        if self.line.is_empty() {
            return Ok(None);
        }
        self.number += 1;
        self.source.stats.end_record();
        self.source.stats.consume(self.line.len() as u64);
        if self.line.len() as u64 == MAX_RECORD_BYTES && !self.line.ends_with(b"\n") {
            self.skip_line()?;
            return Ok(Some(Err(ItemError::LineTooLong { limit: MAX_RECORD_BYTES })));
        }
        let line = self.line.strip_suffix(b"\n").unwrap_or(&self.line);
        Ok(Some(Ok(line.strip_suffix(b"\r").unwrap_or(line))))
    }

    /// Whether no complete line has arrived.
    pub(super) fn would_wait(&self) -> bool {
        !self.source.reader.buffer().contains(&b'\n')
    }

    /// Skips the rest of the current line.
    fn skip_line(&mut self) -> Result<(), TableError> {
        loop {
            let buffer = self.source.reader.fill_buf().map_err(|error| TableError::read(&self.source.name, error))?;
            let (length, ended) = match buffer.iter().position(|&byte| byte == b'\n') {
                Some(end) => (end + 1, true),
                None => (buffer.len(), buffer.is_empty()),
            };
            self.source.reader.consume(length);
            self.source.stats.end_record();
            self.source.stats.consume(length as u64);
            if ended {
                return Ok(());
            }
        }
    }
}
