//! Backslashes in quoted values that escape nothing.
//!
//! The reader of records drops an escape and takes what follows as it is. Programs that escape quotes with a backslash, such as
//! Spark, write other backslashes as they are, as in `C:\news`. So one that stands before anything but a quote or an escape is
//! doubled here.

use std::io::{self, BufRead, Read};

use super::dialect::Dialect;

/// A reader of separated values in which every escape escapes something.
pub(super) struct Escapes<R> {
    inner: R,
    dialect: Dialect,
    state: State,
    /// Bytes to be returned, from the place `at`.
    ready: Vec<u8>,
    at: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Before the first byte of a value.
    Start,
    /// In a value without quotes.
    Plain,
    Quoted,
    /// After an escape in a quoted value.
    Escaped,
    /// After a quote in a quoted value, which closes it unless another follows.
    AfterQuote,
}

impl<R: BufRead> Escapes<R> {
    pub(super) fn new(inner: R, dialect: Dialect) -> Self {
        Self { inner, dialect, state: State::Start, ready: Vec::new(), at: 0 }
    }

    fn take(&mut self, byte: u8) {
        let (is_quote, is_escape) = (Some(byte) == self.dialect.quote, Some(byte) == self.dialect.escape);
        let is_end = byte == self.dialect.delimiter || matches!(byte, b'\n' | b'\r');
        self.state = match self.state {
            State::Start if is_quote => State::Quoted,
            State::Start | State::Plain if is_end => State::Start,
            State::Start | State::Plain => State::Plain,
            State::Quoted if is_quote => State::AfterQuote,
            State::Quoted if is_escape => State::Escaped,
            State::Quoted => State::Quoted,
            State::Escaped => {
                if !is_quote && !is_escape {
                    self.ready.extend(self.dialect.escape);
                }
                State::Quoted
            }
            State::AfterQuote if is_quote => State::Quoted,
            State::AfterQuote if is_end => State::Start,
            State::AfterQuote => State::Plain,
        };
        self.ready.push(byte);
    }
}

impl<R: BufRead> Read for Escapes<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.at == self.ready.len() {
            self.ready.clear();
            self.at = 0;
            let chunk = self.inner.fill_buf()?.to_vec();
            self.inner.consume(chunk.len());
            chunk.into_iter().for_each(|byte| self.take(byte));
        }
        let read = (&self.ready[self.at..]).read(buffer)?;
        self.at += read;
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The values of a line, read in pieces of so many bytes.
    fn values(line: &str, piece: usize) -> Vec<String> {
        let dialect = Dialect { delimiter: b',', quote: Some(b'"'), escape: Some(b'\\'), has_header: false };
        let pieces = io::BufReader::with_capacity(piece, line.as_bytes());
        let mut reader = dialect.reader().from_reader(Escapes::new(pieces, dialect));
        let record = reader.records().next().unwrap().unwrap();
        record.iter().map(String::from).collect()
    }

    #[test]
    fn a_backslash_escapes_quotes_and_itself_and_is_kept_elsewhere() {
        let line = r#"C:\a\,"C:\news","he said \"up\"","a\\","x""y\z",\"q\"#;
        let expected = [r"C:\a\", r"C:\news", r#"he said "up""#, r"a\", r#"x"y\z"#, r#"\"q\"#];
        for piece in [1, 2, 7, 100] {
            assert_eq!(values(line, piece), expected, "{piece}");
        }
    }
}
