//! What is checked of a page before the library decodes it: it allocates memory for what the page says, and returns a row as a
//! whole, however large.

use std::sync::Arc;

use parquet::basic::{Encoding, Type as PhysicalType};
use parquet::errors::{ParquetError, Result};
use parquet::schema::types::ColumnDescPtr;

use super::delta;
use super::levels::{Form, Levels, Run, split_v1};
use super::limits::{
    MAX_DICTIONARY_VALUES, MAX_PAGE_BYTES, MAX_PAGE_VALUES, MAX_ROW_BYTES, ReadLimits, VALUE_BYTES, beyond,
};
use super::page_header::PageKind;

/// The check of a column's pages, in order.
pub(super) struct ContentCheck {
    column: ColumnDescPtr,
    limits: Arc<ReadLimits>,
    /// Values of the current row.
    row: usize,
    /// Most values of a row so far.
    largest_row: usize,
    /// Bytes of the longest value of the dictionary.
    longest: usize,
}

impl ContentCheck {
    pub(super) fn new(column: ColumnDescPtr, limits: Arc<ReadLimits>) -> Self {
        Self { column, limits, row: 0, largest_row: 0, longest: 0 }
    }

    /// Checks a page with these contents. Returns how much memory the library takes for what it makes of the page, besides the
    /// page.
    ///
    /// # Errors
    /// If the page is damaged, or beyond a limit.
    pub(super) fn check(&mut self, page: &PageKind, contents: &[u8]) -> Result<usize> {
        let (max_definition, max_repetition) = (self.column.max_def_level(), self.column.max_rep_level());
        match *page {
            PageKind::Index => Ok(0),
            PageKind::Dictionary { values, .. } => self.check_dictionary(contents, values),
            PageKind::Data { values, .. } | PageKind::DataV2 { values, .. } if values > MAX_PAGE_VALUES => {
                Err(beyond(format!("a page has more than {MAX_PAGE_VALUES} values")))
            }
            PageKind::Data { values, encoding, definition, repetition } => {
                let count = values as usize;
                let (rows, rest) = split_v1(contents, repetition, count, max_repetition)?;
                let (_, values) = split_v1(rest, definition, count, max_definition)?;
                self.check_rows(rows)?;
                self.check_values(encoding, values, count)
            }
            PageKind::DataV2 { values, encoding, definition_bytes, repetition_bytes, .. } => {
                let count = values as usize;
                let (rows, rest) = contents.split_at_checked(repetition_bytes as usize).ok_or_else(early)?;
                let (_, values) = rest.split_at_checked(definition_bytes as usize).ok_or_else(early)?;
                self.check_rows(Levels::new(rows, Form::Runs, count, max_repetition))?;
                self.check_values(encoding, values, count)
            }
        }
    }

    fn check_dictionary(&mut self, bytes: &[u8], values: u32) -> Result<usize> {
        if values > MAX_DICTIONARY_VALUES {
            return Err(beyond(format!("a dictionary has more than {MAX_DICTIONARY_VALUES} values")));
        }
        let count = values as usize;
        let smallest = match self.column.physical_type() {
            PhysicalType::BOOLEAN => 0,
            PhysicalType::INT32 | PhysicalType::FLOAT | PhysicalType::BYTE_ARRAY => 4,
            PhysicalType::INT64 | PhysicalType::DOUBLE => 8,
            PhysicalType::INT96 => 12,
            PhysicalType::FIXED_LEN_BYTE_ARRAY => usize::try_from(self.column.type_length()).unwrap_or(0),
        };
        if smallest.saturating_mul(count) > bytes.len() {
            return Err(damaged("a dictionary is shorter than its values"));
        }
        self.longest = match self.column.physical_type() {
            PhysicalType::BYTE_ARRAY => longest(bytes, count)?,
            _ => smallest,
        };
        self.check_row_bytes()?;
        Ok(VALUE_BYTES * count)
    }

    /// Follows the repetition levels: a level of 0 begins a row.
    fn check_rows(&mut self, repetition: Levels<'_>) -> Result<()> {
        if self.column.max_rep_level() == 0 {
            return Ok(());
        }
        for run in repetition {
            match run {
                Run::Same(0, count) => self.row = if count > 0 { 1 } else { self.row },
                Run::Same(_, count) => self.row = self.row.saturating_add(count),
                Run::Each(levels) => {
                    for level in levels {
                        self.row = if level == 0 { 1 } else { self.row + 1 };
                        self.check_row()?;
                    }
                }
            }
            self.check_row()?;
        }
        Ok(())
    }

    fn check_row(&mut self) -> Result<()> {
        let more = self.row.saturating_sub(self.largest_row);
        if more > 0 {
            self.largest_row = self.row;
            self.limits.grow_row(more)?;
            self.check_row_bytes()?;
        }
        Ok(())
    }

    /// A row can name the longest value of the dictionary as often as it has values.
    fn check_row_bytes(&self) -> Result<()> {
        match self.largest_row.saturating_mul(self.longest) > MAX_ROW_BYTES {
            true => Err(beyond(format!("the lists of a row may have more than {MAX_ROW_BYTES} bytes"))),
            false => Ok(()),
        }
    }

    /// Checks the lengths before the values in the encodings that have them, and the values that share a prefix.
    fn check_values(&self, encoding: Encoding, values: &[u8], count: usize) -> Result<usize> {
        let mut prefixes = 0_usize;
        let bytes = match encoding {
            _ if values.is_empty() => return Ok(0),
            Encoding::DELTA_BYTE_ARRAY => {
                let add = |length: i32| prefixes = prefixes.saturating_add(usize::try_from(length).unwrap_or(0));
                delta::lengths(values, count, add)
            }
            Encoding::DELTA_LENGTH_BYTE_ARRAY => Some(values),
            _ => return Ok(0),
        };
        let suffixes = bytes.and_then(|bytes| delta::lengths(bytes, count, |_| ()));
        if suffixes.is_none() {
            return Err(damaged("the lengths of a page's values are damaged"));
        }
        if prefixes > MAX_PAGE_BYTES {
            return Err(beyond(format!("the values of a page have more than {MAX_PAGE_BYTES} bytes")));
        }
        // The library makes a list of each kind of lengths, and copies the values that share a prefix.
        Ok(prefixes.saturating_add(size_of::<[i32; 2]>() * count))
    }
}

fn early() -> ParquetError {
    damaged("the levels of a page end early")
}

fn damaged(message: &str) -> ParquetError {
    ParquetError::General(message.to_owned())
}

/// The length of the longest of `count` values, each of which follows its length.
fn longest(mut bytes: &[u8], count: usize) -> Result<usize> {
    let mut longest = 0;
    for _ in 0..count {
        let next = bytes.split_first_chunk::<4>().and_then(|(length, rest)| {
            let length = u32::from_le_bytes(*length) as usize;
            Some((length, rest.get(length..)?))
        });
        let (length, rest) = next.ok_or_else(|| damaged("a dictionary is shorter than its values"))?;
        longest = longest.max(length);
        bytes = rest;
    }
    Ok(longest)
}

#[cfg(test)]
mod tests {
    use parquet::schema::parser::parse_message_type;
    use parquet::schema::types::SchemaDescriptor;

    use super::super::limits::MAX_ROW_VALUES;
    use super::*;

    const LIST: &str = "optional group a (list) { repeated group list { optional binary element; } }";

    fn check_of(column: &str) -> ContentCheck {
        let schema = parse_message_type(&format!("message row {{ {column} }}")).unwrap();
        ContentCheck::new(SchemaDescriptor::new(Arc::new(schema)).column(0), ReadLimits::new(0))
    }

    fn check(check: &mut ContentCheck, (page, contents): &(PageKind, Vec<u8>)) -> Result<usize> {
        check.check(page, contents)
    }

    /// A page of version 2 with these repetition levels, and no others.
    fn page_of_rows(repetition: Vec<u8>, values: u32) -> (PageKind, Vec<u8>) {
        let page = PageKind::DataV2 {
            values,
            nulls: 0,
            rows: 1,
            encoding: Encoding::PLAIN,
            definition_bytes: 0,
            repetition_bytes: repetition.len() as u32,
            is_compressed: false,
        };
        (page, repetition)
    }

    /// The first level of a row, and `more` of the same row.
    fn row(more: u32) -> (PageKind, Vec<u8>) {
        let mut levels = vec![1 << 1, 0];
        let mut header = more << 1;
        while header >= 0x80 {
            levels.push(header as u8 | 0x80);
            header >>= 7;
        }
        levels.extend([header as u8, 1]);
        page_of_rows(levels, 1 + more)
    }

    fn dictionary(entries: &[&[u8]], values: u32) -> (PageKind, Vec<u8>) {
        let entry = |entry: &&[u8]| [&(entry.len() as u32).to_le_bytes(), *entry].concat();
        let page = PageKind::Dictionary { values, encoding: Encoding::PLAIN };
        (page, entries.iter().flat_map(entry).collect())
    }

    fn page_of_values(encoding: Encoding, contents: Vec<u8>, values: u32) -> (PageKind, Vec<u8>) {
        let page = PageKind::Data { values, encoding, definition: Encoding::RLE, repetition: Encoding::RLE };
        (page, contents)
    }

    #[test]
    fn a_row_may_have_so_many_values_over_any_number_of_pages() {
        let most = MAX_ROW_VALUES as u32;
        assert!(check(&mut check_of(LIST), &row(most - 1)).is_ok());
        assert!(check(&mut check_of(LIST), &row(most)).is_err());
        let mut column = check_of(LIST);
        check(&mut column, &row(most - 1)).unwrap();
        check(&mut column, &row(most - 1)).unwrap();
        // The row goes on.
        assert!(check(&mut column, &page_of_rows(vec![1 << 1, 1], 1)).is_err());
    }

    #[test]
    fn a_list_of_150_million_values_is_refused_without_reading_them() {
        let error = check(&mut check_of(LIST), &row(149_999_999)).unwrap_err().to_string();
        assert!(error.contains("67108864 values"), "{error}");
        let error = check(&mut check_of(LIST), &row(60_000_000)).unwrap_err().to_string();
        assert!(error.contains("1048576 values"), "{error}");
    }

    #[test]
    fn a_list_that_repeats_a_long_value_is_refused() {
        let mut column = check_of(LIST);
        check(&mut column, &dictionary(&[b"short", &[b'x'; 100_000]], 2)).unwrap();
        check(&mut column, &row(600)).unwrap();
        assert!(check(&mut column, &row(700)).unwrap_err().to_string().contains("67108864 bytes"));
    }

    #[test]
    fn a_dictionary_has_the_values_that_its_header_says() {
        let of_values = |count| check(&mut check_of("required binary a;"), &dictionary(&[b"a", b""], count));
        assert_eq!(of_values(2).unwrap(), 2 * VALUE_BYTES);
        for count in [3, 1000, u32::MAX] {
            assert!(of_values(count).is_err(), "{count}");
        }
    }

    #[test]
    fn lengths_are_as_many_as_values_and_prefixes_are_bounded() {
        let mut column = check_of("required binary a;");
        // 129 prefixes that grow by 2^23, and as many empty suffixes.
        let prefixes = [128, 1, 1, 129, 1, 0, 0x80, 0x80, 0x80, 0x08, 0];
        let suffixes = [128, 1, 1, 129, 1, 0, 0, 0];
        let page = |count| page_of_values(Encoding::DELTA_BYTE_ARRAY, [&prefixes[..], &suffixes].concat(), count);
        assert!(check(&mut column, &page(128)).unwrap_err().to_string().contains("lengths"));
        assert!(check(&mut column, &page(129)).unwrap_err().to_string().contains("268435456 bytes"));
        let empty = page_of_values(Encoding::DELTA_LENGTH_BYTE_ARRAY, suffixes.to_vec(), 129);
        assert_eq!(check(&mut column, &empty).unwrap(), 129 * 8);
    }
}
