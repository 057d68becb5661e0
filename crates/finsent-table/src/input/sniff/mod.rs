//! Settles the dialect of a file of separated values on its first rows. Nothing here reads or writes.

mod header;
mod quotes;
#[cfg(test)]
mod tests;

use super::dialect::{Dialect, DialectChoice, name};
use super::sample::Sample;
use crate::error::TableError;
pub(super) use header::{FirstRecord, first_record, known_names};

/// What may separate values, besides what the name of the file says. The last is Hive's.
const DELIMITERS: [u8; 5] = [b',', b';', b'\t', b'|', 1];
/// Records that are looked at.
const RECORDS: usize = 100;

/// What is known about a file before its first rows.
#[derive(Debug, Clone, Copy)]
pub(super) struct Expected<'a> {
    pub(super) file: &'a str,
    /// The delimiter that the name of the file stands for.
    pub(super) delimiter: u8,
    pub(super) choice: &'a DialectChoice,
    /// The column of the texts that the user named.
    pub(super) text_column: Option<&'a str>,
}

/// A dialect, and what it was settled on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Settled {
    pub(super) dialect: Dialect,
    /// Whether the first line, `sep=;`, only says what separates.
    pub(super) has_separator_line: bool,
    /// Whether values begin with quotes that are read as a part of them.
    pub(super) ignores_quotes: bool,
    /// What is not plain, for people.
    pub(super) differences: Vec<String>,
}

/// Settles the dialect.
///
/// # Errors
/// If two readings are equally likely, or a quoted value seems to have swallowed rows.
pub(super) fn settle(sample: &Sample, expected: Expected<'_>) -> Result<Settled, TableError> {
    let (said, rows) = without_separator_line(sample);
    let delimiter = expected.choice.delimiter.or(said);
    let reading = match delimiter {
        Some(delimiter) => Reading::of(&rows, delimiter, expected.choice),
        None => likeliest(&rows, expected)?,
    };
    if let Some(line) = reading.quoting.swallows {
        let line = line + u64::from(said.is_some());
        return Err(TableError::SwallowedRows { file: expected.file.to_owned(), line });
    }
    let has_header = !expected.choice.no_header && names_columns(&reading, expected)?;
    let dialect = Dialect { has_header, ..reading.dialect };
    let mut differences = dialect.describe(expected.delimiter);
    if reading.quoting.ignores_quotes {
        differences.push("quotes are part of the values".into());
    }
    let ignores_quotes = reading.quoting.ignores_quotes;
    Ok(Settled { dialect, has_separator_line: said.is_some(), ignores_quotes, differences })
}

fn names_columns(reading: &Reading, expected: Expected<'_>) -> Result<bool, TableError> {
    match first_record(&reading.records, expected.text_column) {
        FirstRecord::Names => Ok(true),
        FirstRecord::Data => Ok(false),
        FirstRecord::Unclear => Err(TableError::UnclearHeader {
            file: expected.file.to_owned(),
            line: reading.records.first().map(|cells| cells.join(", ")).unwrap_or_default(),
        }),
    }
}

/// What the first line says that separates the values, as spreadsheets write it, and the rest.
fn without_separator_line(sample: &Sample) -> (Option<u8>, Sample) {
    let end = sample.bytes.iter().position(|&byte| byte == b'\n').map_or(sample.bytes.len(), |end| end + 1);
    let line = sample.bytes[..end].trim_ascii_end();
    let line = line.strip_prefix(b"\"").and_then(|line| line.strip_suffix(b"\"")).unwrap_or(line);
    // A tab at the end was trimmed.
    let said = match line {
        [b's' | b'S', b'e' | b'E', b'p' | b'P', b'=', delimiter] if delimiter.is_ascii() => Some(*delimiter),
        [b's' | b'S', b'e' | b'E', b'p' | b'P', b'='] => Some(b'\t'),
        _ => None,
    };
    let start = if said.is_some() { end } else { 0 };
    (said, Sample { bytes: sample.bytes[start..].to_vec(), ..*sample })
}

/// A sample, read with one delimiter.
#[derive(Debug)]
struct Reading {
    dialect: Dialect,
    quoting: quotes::Quoting,
    records: Vec<Vec<String>>,
}

impl Reading {
    fn of(sample: &Sample, delimiter: u8, choice: &DialectChoice) -> Self {
        let quoting = quotes::settle(sample, delimiter, choice);
        let (quote, escape) = (quoting.quote, quoting.escape);
        let dialect = Dialect { delimiter, quote, escape, has_header: true };
        Self { dialect, quoting, records: records(sample, dialect) }
    }

    fn columns(&self) -> usize {
        self.records.first().map_or(0, Vec::len)
    }

    /// Whether the first record has several cells, no other has more, and most have several.
    fn is_consistent(&self) -> bool {
        let Some((first, rest)) = self.records.split_first() else { return false };
        let fits = |record: &Vec<String>| filled(record) <= first.len();
        let several = rest.iter().filter(|record| record.len() > 1).count();
        first.len() > 1 && rest.iter().all(fits) && several * 2 >= rest.len()
    }

    /// How much sense it makes: names that are known, then rows of the same length, then columns, then whole values.
    fn rank(&self) -> (usize, bool, usize, bool) {
        let is_even = self.records.iter().all(|record| record.len() == self.columns());
        let names = self.records.first().map_or(0, |names| known_names(names));
        (names, is_even, self.columns(), !self.breaks_values())
    }

    /// Whether the delimiter is a comma of prose, before a space, or of numbers, between digits, wherever it stands.
    fn breaks_values(&self) -> bool {
        let is_broken = |pair: &[String]| {
            let ends_with_digit = pair[0].ends_with(|last: char| last.is_ascii_digit());
            pair[1].starts_with(' ') || ends_with_digit && pair[1].starts_with(|first: char| first.is_ascii_digit())
        };
        self.records.iter().all(|record| record.windows(2).all(is_broken))
    }

    fn has_column(&self, name: &str) -> bool {
        self.records.first().is_some_and(|names| names.iter().any(|known| known == name))
    }
}

/// The number of cells without the empty ones at the end.
fn filled(record: &[String]) -> usize {
    record.iter().rposition(|cell| !cell.trim().is_empty()).map_or(0, |last| last + 1)
}

/// The complete records of a sample. One that is cut is left out, unless there is no other.
fn records(sample: &Sample, dialect: Dialect) -> Vec<Vec<String>> {
    let mut reader = dialect.reader().from_reader(&sample.bytes[..]);
    let cells = |record: csv::ByteRecord| record.iter().map(|cell| String::from_utf8_lossy(cell).into()).collect();
    let mut records: Vec<Vec<String>> = reader.byte_records().flatten().take(RECORDS + 1).map(cells).collect();
    let is_cut = records.len() > RECORDS || !sample.is_whole;
    if is_cut && records.len() > 1 {
        records.pop();
    }
    records
}

/// The reading that makes the most sense.
fn likeliest(sample: &Sample, expected: Expected<'_>) -> Result<Reading, TableError> {
    let others = DELIMITERS.into_iter().filter(|&delimiter| delimiter != expected.delimiter);
    let occurs = |delimiter: &u8| *delimiter == expected.delimiter || sample.bytes.contains(delimiter);
    let delimiters = std::iter::once(expected.delimiter).chain(others).filter(occurs);
    let mut readings: Vec<Reading> =
        delimiters.map(|delimiter| Reading::of(sample, delimiter, expected.choice)).collect();
    if let Some(column) = expected.text_column
        && readings.iter().any(|reading| reading.has_column(column))
    {
        readings.retain(|reading| reading.has_column(column));
    }
    let consistent: Vec<usize> = (0..readings.len()).filter(|&place| readings[place].is_consistent()).collect();
    let rank = |place: usize| readings[place].rank();
    let best = match consistent.iter().copied().max_by_key(|&place| rank(place)) {
        Some(best) => {
            let equal = consistent.iter().copied().find(|&place| place != best && rank(place) == rank(best));
            if let Some(equal) = equal {
                let delimiters =
                    [best.min(equal), best.max(equal)].map(|place| name(readings[place].dialect.delimiter));
                return Err(TableError::UnclearDelimiter { file: expected.file.to_owned(), delimiters });
            }
            best
        }
        None => least_odd(&readings),
    };
    Ok(readings.swap_remove(best))
}

/// The reading of rows of many lengths: what the name of the file says, unless only another separates the first line.
fn least_odd(readings: &[Reading]) -> usize {
    let mut several = (0..readings.len()).filter(|&place| readings[place].columns() > 1);
    match (readings[0].columns() > 1, several.next(), several.next()) {
        (false, Some(only), None) if has_several(&readings[only]) => only,
        _ => 0,
    }
}

/// Whether most records have several cells.
fn has_several(reading: &Reading) -> bool {
    reading.records.iter().filter(|record| record.len() > 1).count() * 2 >= reading.records.len()
}
