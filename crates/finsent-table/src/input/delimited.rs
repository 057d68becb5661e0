//! Rows of .csv and .tsv files with a header.

use std::io::{self, BufReader, Read};
use std::sync::Arc;

use csv::{ByteRecord, ReaderBuilder};
use finsent_model::Text;

use super::columns::{ColumnChoice, ItemColumns};
use super::read_stats::ReadStats;
use super::source::Source;
use crate::column_names::{check_count, check_names};
use crate::error::{TableError, csv_cause};
use crate::item_error::{ItemError, utf8};
use crate::row::{Field, Row, RowReader};

/// Separators that a file may have in place of its format's.
const OTHER_SEPARATORS: [char; 3] = [';', '\t', '|'];

/// A file of separated values.
pub(super) struct Delimited {
    name: String,
    stats: Arc<ReadStats>,
    reader: csv::Reader<TailReader>,
    header: Vec<Arc<str>>,
    /// Where the text and the id are in the header.
    text: usize,
    id: Option<usize>,
    /// The next record, if it had to be read ahead.
    ahead: Option<ByteRecord>,
    /// The current record; its memory is used again.
    record: ByteRecord,
}

impl Delimited {
    /// The reader and its columns.
    pub(super) fn open(
        source: Source,
        separator: u8,
        choice: &ColumnChoice,
    ) -> Result<(Self, Vec<Arc<str>>), TableError> {
        let Source { name, stats, reader, .. } = source;
        let reader = TailReader { inner: reader, start: 0, chunk: Vec::new(), separator, separators: 0 };
        let mut reader = ReaderBuilder::new().delimiter(separator).flexible(true).from_reader(reader);
        let header = read_header(&mut reader, &name)?;
        let mut first = ByteRecord::new();
        let first = read_record(&mut reader, &mut first, &name, &stats)?.then_some(first);
        if choice.text.is_none() {
            check_separator(&name, &header)?;
        }
        let ItemColumns { text, id } = choice.settle(&name, &header, &strings(&header, first.as_ref()))?;
        let place = |name: &Arc<str>| header.iter().position(|column| column == name);
        let (text, id) = (place(&text).unwrap_or(0), id.as_ref().and_then(place));
        let record = ByteRecord::new();
        Ok((Self { name, stats, reader, header: header.clone(), text, id, ahead: first, record }, header))
    }

    /// Reads the next record into `self.record`; false at the end.
    fn advance(&mut self) -> Result<bool, TableError> {
        if let Some(record) = self.ahead.take() {
            self.record = record;
        } else if !read_record(&mut self.reader, &mut self.record, &self.name, &self.stats)? {
            return Ok(false);
        }
        if self.record.iter().next_back().is_some_and(|cell| cell.contains(&b'\n')) {
            self.check_quote()?;
        }
        Ok(true)
    }

    /// Refuses a last record whose last field starts with a quote that nothing closes: it has swallowed the rows after it.
    fn check_quote(&mut self) -> Result<(), TableError> {
        let mut ahead = ByteRecord::new();
        self.ahead = read_record(&mut self.reader, &mut ahead, &self.name, &self.stats)?.then_some(ahead);
        if self.ahead.is_some() || self.stats.last() == b'"' {
            return Ok(());
        }
        // Its last line end was counted as the one after the record.
        let line = line(&self.record) + u64::from(self.record.as_slice().ends_with(b"\n"));
        Err(TableError::OpenQuote { file: self.name.clone(), line })
    }

    /// The current record as a row.
    fn row(&self) -> Result<Row, TableError> {
        let place = format!("line {}", line(&self.record));
        let wrong_encoding = |error| TableError::WrongEncoding { file: self.name.clone(), place: place.clone(), error };
        let mut cells: Vec<&str> = Vec::with_capacity(self.header.len());
        for cell in &self.record {
            let cell = utf8(cell).map_err(wrong_encoding)?;
            if cells.len() < self.header.len() {
                cells.push(cell);
            }
        }
        let cell = |column: usize| cells.get(column).copied().unwrap_or_default();
        let text = if self.record.len() == self.header.len() {
            Text::parse(cell(self.text)).map_err(ItemError::from)
        } else {
            Err(ItemError::Ragged { expected: self.header.len(), found: self.record.len() })
        };
        let id = self.id.map(|id| Field::Text(cell(id).into()));
        let padded = cells.iter().copied().chain(std::iter::repeat(""));
        let fields = self.header.iter().cloned().zip(padded.map(|cell| Field::Text(cell.into()))).collect();
        Ok(Row { place, text, id, fields, origin: None })
    }
}

impl RowReader for Delimited {
    fn next_row(&mut self) -> Result<Option<Row>, TableError> {
        if self.advance()? { self.row().map(Some) } else { Ok(None) }
    }

    fn skip_row(&mut self) -> Result<bool, TableError> {
        self.advance()
    }
}

/// The names in the first line.
fn read_header(reader: &mut csv::Reader<TailReader>, name: &str) -> Result<Vec<Arc<str>>, TableError> {
    let header = reader.byte_headers().map_err(|error| TableError::read(name, csv_cause(error)))?;
    check_count(name, header.len())?;
    let header: Vec<Arc<str>> = header
        .iter()
        .map(|column| utf8(column).map(Arc::from))
        .collect::<Result<_, _>>()
        .map_err(|error| TableError::WrongEncoding { file: name.to_owned(), place: "line 1".into(), error })?;
    if header.is_empty() {
        return Err(TableError::Empty { file: name.to_owned(), expected: "its first line should name the columns" });
    }
    check_names(name, &header)?;
    Ok(header)
}

/// Refuses a header of one column whose name looks like several.
fn check_separator(name: &str, header: &[Arc<str>]) -> Result<(), TableError> {
    let [only] = header else { return Ok(()) };
    match OTHER_SEPARATORS.into_iter().find(|&separator| only.contains(separator)) {
        Some(separator) => Err(TableError::Separator { file: name.to_owned(), column: only.to_string(), separator }),
        None => Ok(()),
    }
}

/// The columns in which the first record has no number.
fn strings(header: &[Arc<str>], first: Option<&ByteRecord>) -> Vec<Arc<str>> {
    let is_number = |cell: &[u8]| str::from_utf8(cell).is_ok_and(|cell| cell.trim().parse::<f64>().is_ok());
    let holds_strings = |column: usize| first.and_then(|record| record.get(column)).is_none_or(|cell| !is_number(cell));
    let columns = header.iter().enumerate().filter(|(column, _)| holds_strings(*column));
    columns.map(|(_, name)| name.clone()).collect()
}

/// Reads the next record and sets the line in which it starts; false at the end.
fn read_record(
    reader: &mut csv::Reader<TailReader>,
    record: &mut ByteRecord,
    name: &str,
    stats: &ReadStats,
) -> Result<bool, TableError> {
    let read = reader.read_byte_record(record).map_err(|error| TableError::read(name, csv_cause(error)))?;
    stats.end_record();
    reader.get_mut().separators = 0;
    // The library's position is where it started to look, which is before blank lines and inside a CRLF. Where it stopped is
    // after the record's own line ends, and after the one that ended it unless that was, so far, a CR or the end of the file.
    let mut position = reader.position().clone();
    let ended = reader.get_ref().byte_before(position.byte()) == Some(b'\n');
    let own = record.as_slice().iter().filter(|&&byte| byte == b'\n').count() as u64 + u64::from(ended);
    // The library counts no lone CR, and a record that is never closed has a line end that ended nothing.
    position.set_line(position.line().saturating_sub(own).max(1));
    record.set_position(Some(position));
    Ok(read)
}

/// The line in which a record starts, from 1.
fn line(record: &ByteRecord) -> u64 {
    record.position().map_or(0, csv::Position::line)
}

/// Most separators of a record, in its texts or between them. Each cell takes memory, though it may be empty; a text as long as
/// a record can be has about a million commas.
const MAX_SEPARATORS: usize = 1 << 22;

/// A reader that keeps the chunk that it returned last, and fails in a record of too many cells.
struct TailReader {
    inner: BufReader<Box<dyn Read + Send>>,
    /// Bytes that were returned before `chunk`.
    start: u64,
    chunk: Vec<u8>,
    separator: u8,
    /// Separators that were read of the current record.
    separators: usize,
}

impl TailReader {
    /// The byte before a position in the last chunk or at its end.
    fn byte_before(&self, position: u64) -> Option<u8> {
        let index = position.checked_sub(self.start + 1)?;
        self.chunk.get(usize::try_from(index).ok()?).copied()
    }
}

impl Read for TailReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        self.separators += buffer[..read].iter().filter(|&&byte| byte == self.separator).count();
        if self.separators > MAX_SEPARATORS {
            let message =
                format!("a record has more than {MAX_SEPARATORS} separators; is a quoted field never closed?");
            return Err(io::Error::new(io::ErrorKind::InvalidData, message));
        }
        if read > 0 {
            self.start += self.chunk.len() as u64;
            self.chunk.clear();
            self.chunk.extend_from_slice(&buffer[..read]);
        }
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::input::{Input, Reading};

    #[test]
    fn an_open_quote_after_a_lone_carriage_return_is_an_error() {
        let file = tempfile::Builder::new().suffix(".csv").tempfile().unwrap();
        fs::write(file.path(), "id,text\r1,\"Profit\n").unwrap();
        let mut input = Input::files(&[file.path().to_owned()], &Reading::default()).unwrap();
        let error = input.rows.next_row().unwrap_err();
        assert!(matches!(error, TableError::OpenQuote { .. }), "{error}");
    }
}
