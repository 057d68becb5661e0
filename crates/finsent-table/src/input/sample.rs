//! The beginning of an input, from which its format and dialect are settled.

use std::io::{self, BufRead, BufReader, Cursor, Read};

use super::encoding_errors::EncodingErrors;
use super::source::{BUFFER_BYTES, Source};
use crate::error::TableError;
use crate::item_error::utf8;

/// Bytes of a file that settle how it is read.
const SAMPLE_BYTES: usize = 64 << 10;
/// A file is refused if more than one line in so many of its first ones is not UTF-8: it has another encoding.
const LINES_PER_WRONG_ONE: usize = 20;

/// Shortest beginning of a file that shows UTF-16 in its zeros.
const UTF16_BYTES: usize = 8;

/// The first bytes of an input.
#[derive(Debug, Clone)]
pub(super) struct Sample {
    pub(super) bytes: Vec<u8>,
    /// Whether the input has no others.
    pub(super) is_whole: bool,
    /// Whether lines end in a carriage return alone; the bytes have line feeds in their place.
    pub(super) has_carriage_returns: bool,
}

impl Sample {
    /// The complete lines, without their ends; all of them if the sample is the whole input.
    pub(super) fn lines(&self) -> impl Iterator<Item = &[u8]> {
        let end = match self.bytes.iter().rposition(|&byte| byte == b'\n') {
            Some(end) if !self.is_whole || end + 1 == self.bytes.len() => end,
            _ => self.bytes.len(),
        };
        let lines = self.bytes[..end].split(|&byte| byte == b'\n');
        lines.map(|line| line.strip_suffix(b"\r").unwrap_or(line))
    }

    /// The first byte that is not white space, and those after it.
    pub(super) fn trimmed(&self) -> &[u8] {
        self.bytes.trim_ascii_start()
    }
}

impl Source {
    /// The beginning of a file. Nothing is taken from what is read afterwards.
    pub(super) fn sample(&mut self) -> Result<Sample, TableError> {
        self.sample_until(|bytes| bytes.len() >= SAMPLE_BYTES)
    }

    /// What has arrived of a stream once it has so many complete lines: waiting for more would hold up those.
    pub(super) fn sample_lines(&mut self, lines: usize) -> Result<Sample, TableError> {
        let count = |bytes: &[u8]| bytes.iter().filter(|&&byte| byte == b'\n').count();
        self.sample_until(|bytes| bytes.len() >= SAMPLE_BYTES || count(bytes) >= lines)
    }

    fn sample_until(&mut self, is_enough: impl Fn(&[u8]) -> bool) -> Result<Sample, TableError> {
        let (mut bytes, mut is_whole) = (Vec::new(), false);
        while !is_whole && !is_enough(&bytes) {
            let chunk = self.reader.fill_buf();
            let chunk = match chunk {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                chunk => chunk.map_err(|error| TableError::read(&self.name, error))?,
            };
            is_whole = chunk.is_empty();
            bytes.extend_from_slice(chunk);
            let read = chunk.len();
            self.reader.consume(read);
        }
        let has_carriage_returns = has_only_carriage_returns(&bytes, is_whole);
        if has_carriage_returns {
            replace_carriage_returns(&mut bytes);
        }
        self.put_back(bytes.clone(), has_carriage_returns);
        Ok(Sample { bytes, is_whole, has_carriage_returns })
    }

    /// Lets `bytes` be read again, before the rest.
    fn put_back(&mut self, bytes: Vec<u8>, has_carriage_returns: bool) {
        let nothing: Box<dyn Read + Send> = Box::new(io::empty());
        // Its buffer is empty: all of it went into the sample.
        let rest = std::mem::replace(&mut self.reader, BufReader::new(nothing)).into_inner();
        let rest: Box<dyn Read + Send> = if has_carriage_returns { Box::new(CarriageReturns(rest)) } else { rest };
        self.reader = BufReader::with_capacity(BUFFER_BYTES, Box::new(Cursor::new(bytes).chain(rest)));
    }

    /// Refuses an input whose first lines are not in the encoding that is read.
    pub(super) fn check_encoding(&self, sample: &Sample, errors: EncodingErrors) -> Result<(), TableError> {
        let zeros = sample.bytes.iter().filter(|&&byte| byte == 0).count();
        if zeros * 4 > sample.bytes.len() && sample.bytes.len() >= UTF16_BYTES {
            let name = if sample.bytes[0] == 0 { "utf-16be" } else { "utf-16le" };
            return Err(TableError::Utf16 { file: self.name.clone(), encoding: name });
        }
        // A line that is cut may end within a letter.
        let is_cut = !sample.is_whole && !sample.bytes.contains(&b'\n');
        if errors != EncodingErrors::ByEvidence || is_cut {
            return Ok(());
        }
        let (mut lines, mut wrong, mut first) = (0, 0, None);
        for line in sample.lines() {
            lines += 1;
            if let Err(error) = utf8(line) {
                wrong += 1;
                first.get_or_insert((lines, error));
            }
        }
        match first {
            Some((line, error)) if wrong * LINES_PER_WRONG_ONE > lines => {
                Err(TableError::WrongEncoding { file: self.name.clone(), place: format!("line {line}"), error })
            }
            _ => Ok(()),
        }
    }
}

fn has_only_carriage_returns(bytes: &[u8], is_whole: bool) -> bool {
    // The last byte may be the first half of a line end.
    let complete = if is_whole { bytes } else { bytes.split_last().map_or(bytes, |(_, others)| others) };
    complete.contains(&b'\r') && !bytes.contains(&b'\n')
}

fn replace_carriage_returns(bytes: &mut [u8]) {
    bytes.iter_mut().filter(|byte| **byte == b'\r').for_each(|byte| *byte = b'\n');
}

/// A reader of lines that end in a carriage return, which it replaces by a line feed.
struct CarriageReturns<R>(R);

impl<R: Read> Read for CarriageReturns<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.0.read(buffer)?;
        replace_carriage_returns(&mut buffer[..read]);
        Ok(read)
    }
}
