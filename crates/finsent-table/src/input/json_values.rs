//! The values of a JSON document: those of its array, or those that follow each other.

use std::io::BufRead;

use super::read_stats::{MAX_RECORD_BYTES, ReadStats};
use super::source::Source;
use crate::error::TableError;

/// The values of a document, found by their brackets and quotes, one at a time.
pub(super) struct JsonValues {
    source: Source,
    is_array: bool,
    state: State,
    value: Vec<u8>,
    /// The line that is read, from 1.
    line: u64,
    /// The line in which the current value starts.
    number: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Start,
    /// After `[` or a comma, and whether the array may end here.
    BeforeValue {
        may_end: bool,
    },
    AfterValue,
    End,
}

impl JsonValues {
    pub(super) fn new(source: Source, is_array: bool) -> Self {
        Self { source, is_array, state: State::Start, value: Vec::new(), line: 1, number: 0 }
    }

    pub(super) fn name(&self) -> &str {
        &self.source.name
    }

    pub(super) fn stats(&self) -> &ReadStats {
        &self.source.stats
    }

    /// The line in which the current value starts, from 1.
    pub(super) fn number(&self) -> u64 {
        self.number
    }

    /// The value that was read last.
    pub(super) fn value(&self) -> &[u8] {
        &self.value
    }

    /// Reads the next value; false at the end.
    pub(super) fn advance(&mut self) -> Result<bool, TableError> {
        self.value.clear();
        loop {
            let Some(byte) = self.next_filled()? else { return self.end() };
            let is_value = match (self.is_array, self.state, byte) {
                (false, State::Start | State::AfterValue, _)
                | (true, State::BeforeValue { .. }, b'{' | b'[' | b'"') => true,
                (true, State::Start, b'[') => self.step(State::BeforeValue { may_end: true }),
                (true, State::AfterValue, b',') => self.step(State::BeforeValue { may_end: false }),
                (true, State::AfterValue | State::BeforeValue { may_end: true }, b']') => self.step(State::End),
                (true, State::AfterValue, _) => return Err(self.error("expected `,` or `]`")),
                (true, State::BeforeValue { .. }, b',' | b']') => return Err(self.error("expected a value")),
                (_, State::End, _) => return Err(self.error("nothing may follow the array")),
                (true, State::BeforeValue { .. }, _) => true,
                (_, _, _) => return Err(self.error("expected `[`")),
            };
            if is_value {
                self.number = self.line;
                self.read_value()?;
                self.state = State::AfterValue;
                self.source.stats.end_record();
                self.source.stats.consume(self.value.len() as u64);
                return Ok(true);
            }
        }
    }

    /// Skips a byte that is no part of a value.
    fn step(&mut self, state: State) -> bool {
        self.source.reader.consume(1);
        self.source.stats.consume(1);
        self.state = state;
        false
    }

    fn end(&self) -> Result<bool, TableError> {
        match self.is_array && self.state != State::End {
            true => Err(self.error("the array has no end; the file is incomplete")),
            false => Ok(false),
        }
    }

    fn error(&self, reason: &'static str) -> TableError {
        TableError::Json { file: self.source.name.clone(), line: self.line, reason }
    }

    /// The next byte, which is left there.
    fn peek(&mut self) -> Result<Option<u8>, TableError> {
        let buffer = self.source.reader.fill_buf().map_err(|error| TableError::read(&self.source.name, error))?;
        Ok(buffer.first().copied())
    }

    /// The next byte that is not white space, which is left there.
    fn next_filled(&mut self) -> Result<Option<u8>, TableError> {
        while let Some(byte) = self.peek()? {
            if !byte.is_ascii_whitespace() {
                return Ok(Some(byte));
            }
            self.line += u64::from(byte == b'\n');
            self.source.reader.consume(1);
            self.source.stats.end_record();
            self.source.stats.consume(1);
        }
        Ok(None)
    }

    /// Reads a value: to its last bracket or quote, or to what ends a number or a word.
    fn read_value(&mut self) -> Result<(), TableError> {
        let (mut depth, mut is_in_string, mut is_escaped) = (0_usize, false, false);
        while let Some(byte) = self.peek()? {
            let is_outside = depth == 0 && !is_in_string && !self.value.is_empty();
            if is_outside && (matches!(byte, b',' | b']' | b'}') || byte.is_ascii_whitespace()) {
                return Ok(());
            }
            if self.value.len() as u64 == MAX_RECORD_BYTES {
                return Err(self.error("a value is longer than 67108864 bytes"));
            }
            self.value.push(byte);
            self.line += u64::from(byte == b'\n');
            self.source.reader.consume(1);
            match byte {
                _ if is_escaped => is_escaped = false,
                b'\\' if is_in_string => is_escaped = true,
                b'"' => is_in_string = !is_in_string,
                b'{' | b'[' if !is_in_string => depth += 1,
                b'}' | b']' if !is_in_string => depth = depth.saturating_sub(1),
                _ => continue,
            }
            if depth == 0 && !is_in_string && matches!(byte, b'}' | b']' | b'"') {
                return Ok(());
            }
        }
        Ok(())
    }
}
