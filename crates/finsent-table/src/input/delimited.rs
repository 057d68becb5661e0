//! Rows of separated values, in the dialect that is settled on the first of them.

use std::borrow::Cow;
use std::io::{self, BufRead, BufReader, Read};
use std::sync::Arc;

use csv::ByteRecord;
use finsent_model::Text;

use super::columns::ItemColumns;
use super::dialect::Dialect;
use super::encoding_errors::EncodingErrors;
use super::escapes::Escapes;
use super::header_names::HeaderNames;
use super::opened::Opened;
use super::read_stats::ReadStats;
use super::reading::Reading;
use super::sample::Sample;
use super::sniff::{self, Expected};
use super::source::Source;
use super::swallowed::swallows_rows;
use crate::column_names::check_count;
use crate::error::{TableError, csv_cause, list};
use crate::item_error::{ItemError, NotUtf8};
use crate::row::{Field, Row, RowReader};

/// Renamed columns that a note lists.
const LISTED_COLUMNS: usize = 5;

/// A file of separated values.
pub(super) struct Delimited {
    name: String,
    stats: Arc<ReadStats>,
    reader: csv::Reader<TailReader>,
    dialect: Dialect,
    /// Whether the user says how values are quoted, so that a value may hold anything.
    is_quoting_said: bool,
    /// Whether it is not told yet that quotes are a part of the values.
    watches_quotes: bool,
    errors: EncodingErrors,
    /// Lines before those of the reader.
    lines_before: u64,
    header: Vec<Arc<str>>,
    /// Which columns rows have.
    is_kept: Vec<bool>,
    /// Where the text and the id are in the header.
    text: usize,
    id: Option<usize>,
    /// The next record, if it had to be read ahead.
    ahead: Option<ByteRecord>,
    /// The current record; its memory is used again.
    record: ByteRecord,
}

impl Delimited {
    /// The reader, its columns, and what is to be told about how it reads. `delimiter` is what the name of the file says.
    pub(super) fn open(
        mut source: Source,
        sample: &Sample,
        delimiter: u8,
        reading: &Reading,
    ) -> Result<Opened<Self>, TableError> {
        let choice = &reading.columns;
        let expected =
            Expected { file: &source.name, delimiter, choice: &reading.dialect, text_column: choice.text.as_deref() };
        let settled = sniff::settle(sample, expected)?;
        let lines_before = u64::from(settled.has_separator_line);
        if settled.has_separator_line {
            let skipped = source.reader.read_until(b'\n', &mut Vec::new());
            let skipped = skipped.map_err(|error| TableError::read(&source.name, error))?;
            source.stats.consume(skipped as u64);
        }
        let Source { name, stats, reader, .. } = source;
        let dialect = settled.dialect;
        let reader = match dialect.escape {
            Some(_) => BufReader::new(Box::new(Escapes::new(reader, dialect)) as Box<dyn Read + Send>),
            None => reader,
        };
        let reader =
            TailReader { inner: reader, start: 0, chunk: Vec::new(), separator: dialect.delimiter, separators: 0 };
        let reader = dialect.reader().from_reader(reader);
        let mut rows = Self {
            name,
            stats,
            reader,
            dialect,
            is_quoting_said: reading.dialect.quote.is_some(),
            watches_quotes: dialect.quote.is_none() && reading.dialect.quote.is_none() && !settled.ignores_quotes,
            errors: reading.encoding_errors,
            lines_before,
            header: Vec::new(),
            is_kept: Vec::new(),
            text: 0,
            id: None,
            ahead: None,
            record: ByteRecord::new(),
        };
        let renamed = rows.read_names()?;
        rows.is_kept = rows.header.iter().map(|name| reading.selection.keeps(name)).collect();
        let ItemColumns { text, id } =
            choice.settle(&rows.name, &rows.header, &strings(&rows.header, rows.ahead.as_ref()))?;
        let place = |name: &Arc<str>| rows.header.iter().position(|column| column == name);
        (rows.text, rows.id) = (place(&text).unwrap_or(0), id.as_ref().and_then(place));
        let mut notes: Vec<String> = Vec::new();
        if !settled.differences.is_empty() {
            notes.push(format!("read as {}", settled.differences.join(", ")));
        }
        if !dialect.has_header {
            notes.push(format!("its columns are {}", list(&rows.header)));
        }
        notes.extend(renamed_note(&renamed));
        Ok(Opened { columns: rows.header.clone(), notes, how: settled.differences.join(", "), rows })
    }

    /// Reads the names of the columns, and the first record. Returns the names that the header has not.
    fn read_names(&mut self) -> Result<Vec<Arc<str>>, TableError> {
        let mut first = ByteRecord::new();
        if !self.read_record(&mut first)? {
            let expected = "its first line should name the columns";
            return Err(TableError::Empty { file: self.name.clone(), expected });
        }
        check_count(&self.name, first.len())?;
        if !self.dialect.has_header {
            self.header = HeaderNames::numbered(first.len());
            self.ahead = Some(first);
            return Ok(Vec::new());
        }
        let names: Result<Vec<Arc<str>>, NotUtf8> = first.iter().map(|name| self.name_of_column(name)).collect();
        let place = format!("line {}", self.line(&first));
        let names = names.map_err(|error| TableError::WrongEncoding { file: self.name.clone(), place, error })?;
        let HeaderNames { names, renamed } = HeaderNames::of(names);
        self.header = names;
        self.record = first;
        if self.dialect.quote.is_some() && self.record.iter().next_back().is_some_and(|cell| cell.contains(&b'\n')) {
            self.check_quote()?;
        } else {
            let mut first = ByteRecord::new();
            self.ahead = self.read_record(&mut first)?.then_some(first);
        }
        Ok(renamed)
    }

    fn name_of_column(&self, name: &[u8]) -> Result<Arc<str>, NotUtf8> {
        match self.errors.decode(name) {
            (name, None) => Ok(name.into()),
            (_, Some(error)) => Err(error),
        }
    }

    fn read_record(&mut self, record: &mut ByteRecord) -> Result<bool, TableError> {
        read_record(&mut self.reader, record, &self.name, &self.stats)
    }

    /// The line in which a record starts, from 1.
    fn line(&self, record: &ByteRecord) -> u64 {
        self.lines_before + record.position().map_or(0, csv::Position::line)
    }

    /// Reads the next record into `self.record`; false at the end.
    fn advance(&mut self) -> Result<bool, TableError> {
        if let Some(record) = self.ahead.take() {
            self.record = record;
        } else if !read_record(&mut self.reader, &mut self.record, &self.name, &self.stats)? {
            return Ok(false);
        }
        if self.dialect.quote.is_some() && self.record.as_slice().contains(&b'\n') {
            self.check_lines()?;
        }
        Ok(true)
    }

    /// Refuses a record in which a quoted value has swallowed the records after it.
    fn check_lines(&mut self) -> Result<(), TableError> {
        if !self.is_quoting_said && swallows_rows(&self.record, self.dialect.delimiter) {
            return Err(TableError::SwallowedRows { file: self.name.clone(), line: self.line(&self.record) });
        }
        match self.record.iter().next_back() {
            Some(cell) if cell.contains(&b'\n') => self.check_quote(),
            _ => Ok(()),
        }
    }

    /// Refuses a last record whose last field starts with a quote that nothing closes: it has swallowed the rows after it.
    fn check_quote(&mut self) -> Result<(), TableError> {
        let mut ahead = ByteRecord::new();
        self.ahead = self.read_record(&mut ahead)?.then_some(ahead);
        if self.ahead.is_some() || Some(self.stats.last()) == self.dialect.quote {
            return Ok(());
        }
        // Its last line end was counted as the one after the record.
        let line = self.line(&self.record) + u64::from(self.record.as_slice().ends_with(b"\n"));
        Err(TableError::OpenQuote { file: self.name.clone(), line })
    }

    /// The current record as a row.
    fn row(&self) -> Result<Row, TableError> {
        let line = self.line(&self.record);
        let place = format!("line {line}");
        if self.watches_quotes && self.record.iter().any(|cell| cell.starts_with(b"\"")) {
            self.stats.oddities().quotes.add(&self.name, line);
        }
        let mut wrong = None;
        let mut cells: Vec<Cow<'_, str>> = Vec::with_capacity(self.header.len());
        for cell in &self.record {
            let (cell, error) = self.errors.decode(cell);
            wrong = wrong.or(error);
            if cells.len() < self.header.len() {
                cells.push(cell);
            }
        }
        let cell = |column: usize| cells.get(column).map_or("", |cell| &**cell);
        let text = match wrong {
            Some(error) if self.errors == EncodingErrors::Strict => {
                return Err(TableError::WrongEncoding { file: self.name.clone(), place, error });
            }
            Some(error) => Err(error.into()),
            None if self.is_ragged() => {
                Err(ItemError::Ragged { expected: self.header.len(), found: self.record.len() })
            }
            None => Text::parse(cell(self.text)).map_err(ItemError::from),
        };
        let id = self.id.map(|id| Field::Text(cell(id).into()));
        let kept = self.header.iter().zip(&self.is_kept).enumerate().filter(|(_, (_, is_kept))| **is_kept);
        // A record may be shorter than the header.
        let fields = kept.map(|(column, (name, _))| (name.clone(), Field::Text(cell(column).into()))).collect();
        Ok(Row { place, text, id, fields, origin: None })
    }

    /// Whether the record ends before its text, or has values that no column has. Spreadsheets leave out, or add, empty cells
    /// at the end.
    fn is_ragged(&self) -> bool {
        let is_filled = |cell: &[u8]| !cell.trim_ascii().is_empty();
        self.record.len() <= self.text || self.record.iter().skip(self.header.len()).any(is_filled)
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

fn renamed_note(renamed: &[Arc<str>]) -> Option<String> {
    let listed = &renamed[..renamed.len().min(LISTED_COLUMNS)];
    let more = match renamed.len() - listed.len() {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    (!renamed.is_empty()).then(|| format!("columns with blank or repeated names are read as {}{more}", list(listed)))
}

/// The columns in which the first record has no number.
fn strings(header: &[Arc<str>], first: Option<&ByteRecord>) -> Vec<Arc<str>> {
    let is_number = |cell: &[u8]| str::from_utf8(cell).is_ok_and(|cell| cell.trim().parse::<f64>().is_ok());
    let is_blank = |column: usize, cell: &[u8]| cell.is_empty() && *header[column] == *format!("column_{}", column + 1);
    let holds_strings = |column: usize| {
        let cell = first.and_then(|record| record.get(column));
        cell.is_none_or(|cell| !is_number(cell) && !is_blank(column, cell))
    };
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
    let start = reader.position().byte();
    let read = reader.read_byte_record(record).map_err(|error| TableError::read(name, csv_cause(error)))?;
    stats.end_record();
    stats.consume(reader.position().byte() - start);
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
