//! Rows of .csv and .tsv files with a header.

use std::io::{self, BufReader, Read};
use std::sync::Arc;

use anyhow::{Context, Result, bail};
use csv::{ByteRecord, ReaderBuilder};
use finsent_model::Text;

use super::source::{ReadStats, Source, wrong_encoding};
use super::{ColumnChoice, Columns, Field, ItemError, Row, RowReader, utf8};
use crate::UsageError;

/// A file of separated values.
pub(super) struct Delimited {
    name: String,
    stats: Arc<ReadStats>,
    reader: csv::Reader<TailReader>,
    header: Vec<Arc<str>>,
    columns: Columns,
    /// The next record, where it had to be seen before its turn.
    ahead: Option<ByteRecord>,
    /// The record that was read last, kept for its memory.
    record: ByteRecord,
}

impl Delimited {
    /// The reader and its columns.
    pub(super) fn open(source: Source, delimiter: u8, choice: ColumnChoice) -> Result<(Self, Vec<Arc<str>>)> {
        let Source { name, stats, reader, .. } = source;
        let reader = TailReader { inner: reader, start: 0, chunk: Vec::new() };
        let mut reader = ReaderBuilder::new().delimiter(delimiter).flexible(true).from_reader(reader);
        let header = reader.byte_headers().with_context(|| format!("cannot read `{name}`"))?;
        let header: Vec<Arc<str>> = header
            .iter()
            .map(|column| utf8(column).map(Arc::from).map_err(|error| wrong_encoding(&name, "line 1", error)))
            .collect::<Result<_>>()?;
        check_header(&name, &header)?;

        let mut first = ByteRecord::new();
        let first = read_record(&mut reader, &mut first, &name, &stats)?.then_some(first);
        let holds_strings = |column: usize| {
            let cell = first.as_ref().and_then(|record| record.get(column));
            cell.is_none_or(|cell| str::from_utf8(cell).map_or(true, |cell| cell.trim().parse::<f64>().is_err()))
        };
        let strings: Vec<Arc<str>> =
            (0..header.len()).filter(|&column| holds_strings(column)).map(|column| header[column].clone()).collect();
        if let ([only], None) = (header.as_slice(), &choice.text)
            && let Some(separator) = [';', '\t', '|'].into_iter().find(|&separator| only.contains(separator))
        {
            let message = format!(
                "`{name}` has the one column `{only}`: are its columns separated by {separator:?}? \
                 finsent reads commas in .csv and tabs in .tsv; --text-column takes it as it is"
            );
            return Err(UsageError(message).into());
        }
        let columns = choice.settle(&name, &header, &strings)?;
        Ok((
            Self { name, stats, reader, header: header.clone(), columns, ahead: first, record: ByteRecord::new() },
            header,
        ))
    }

    /// Reads the next record into `self.record`; false at the end.
    fn advance(&mut self) -> Result<bool> {
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

    /// Refuses a last record whose last field begins with a quote that nothing ends: it has swallowed the rows behind it.
    fn check_quote(&mut self) -> Result<()> {
        let mut ahead = ByteRecord::new();
        self.ahead = read_record(&mut self.reader, &mut ahead, &self.name, &self.stats)?.then_some(ahead);
        if self.ahead.is_none() && self.stats.last() != b'"' {
            // Its last line end was taken for the one that ended it.
            let line = line(&self.record) + u64::from(self.record.as_slice().ends_with(b"\n"));
            bail!("`{}`: a quoted field of the record that begins in line {line} never ends", self.name);
        }
        Ok(())
    }

    /// The current record as a row.
    fn row(&self) -> Result<Row> {
        let place = format!("line {}", line(&self.record));
        let cells: Vec<&str> = self
            .record
            .iter()
            .map(|cell| utf8(cell).map_err(|error| wrong_encoding(&self.name, &place, error)))
            .collect::<Result<_>>()?;
        let cell = |name: &Arc<str>| {
            let column = self.header.iter().position(|column| column == name);
            column.and_then(|column| cells.get(column)).copied().unwrap_or_default()
        };
        let text = if cells.len() == self.header.len() {
            Text::parse(cell(&self.columns.text)).map_err(ItemError::from)
        } else {
            Err(ItemError::Ragged { expected: self.header.len(), found: cells.len() })
        };
        let id = self.columns.id.as_ref().map(|id| Field::Text(cell(id).into()));
        let padded = cells.iter().copied().chain(std::iter::repeat(""));
        let fields = self.header.iter().cloned().zip(padded.map(|cell| Field::Text(cell.into()))).collect();
        Ok(Row { place, text, id, fields, origin: None })
    }
}

impl RowReader for Delimited {
    fn next_row(&mut self) -> Result<Option<Row>> {
        if self.advance()? { self.row().map(Some) } else { Ok(None) }
    }

    fn skip_row(&mut self) -> Result<bool> {
        self.advance()
    }
}

/// Reads the next record, and settles its line; false at the end.
fn read_record(
    reader: &mut csv::Reader<TailReader>,
    record: &mut ByteRecord,
    name: &str,
    stats: &ReadStats,
) -> Result<bool> {
    let read = reader.read_byte_record(record).with_context(|| format!("cannot read `{name}`"))?;
    stats.end_record();
    // The library's place is where it began to look, which is before blank lines and inside a CRLF. Where it stopped is
    // behind the record's own line ends, and the one that ended it unless that was, so far, a CR or the end of the file.
    let mut position = reader.position().clone();
    let ended = reader.get_ref().byte_before(position.byte()) == Some(b'\n');
    let own = record.as_slice().iter().filter(|&&byte| byte == b'\n').count() as u64 + u64::from(ended);
    position.set_line(position.line().saturating_sub(own));
    record.set_position(Some(position));
    Ok(read)
}

/// The line that a record begins in, from 1.
fn line(record: &ByteRecord) -> u64 {
    record.position().map_or(0, csv::Position::line)
}

/// A reader that still knows what it gave last.
struct TailReader {
    inner: BufReader<Box<dyn Read + Send>>,
    /// Bytes that were given before `chunk`.
    start: u64,
    chunk: Vec<u8>,
}

impl TailReader {
    /// The byte before a position of the last chunk, or its end.
    fn byte_before(&self, position: u64) -> Option<u8> {
        let index = position.checked_sub(self.start + 1)?;
        self.chunk.get(usize::try_from(index).ok()?).copied()
    }
}

impl Read for TailReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        if read > 0 {
            self.start += self.chunk.len() as u64;
            self.chunk.clear();
            self.chunk.extend_from_slice(&buffer[..read]);
        }
        Ok(read)
    }
}

fn check_header(name: &str, header: &[Arc<str>]) -> Result<(), UsageError> {
    if header.is_empty() {
        return Err(UsageError(format!("`{name}` is empty; its first line should name the columns")));
    }
    match header.iter().enumerate().find(|(index, column)| header[..*index].contains(column)) {
        Some((_, twice)) => Err(UsageError(format!("`{name}` has two columns named `{twice}`"))),
        None => Ok(()),
    }
}
