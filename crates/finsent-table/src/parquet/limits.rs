//! How much of a row group is in memory at a time.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use bytes::Bytes;
use parquet::errors::{ParquetError, Result};

/// Largest page after decompression. Writers aim at 1 MB; DuckDB goes up to 100 MB.
pub(super) const MAX_PAGE_BYTES: usize = 256 << 20;
/// Most values of a page, which may take no bytes at all. Older Arrow writes up to 64 Mi rows as one group.
pub(super) const MAX_PAGE_VALUES: u32 = 1 << 26;
/// Most values of a dictionary. Writers give up at a dictionary of 1 MB; each value takes [`VALUE_BYTES`] in memory.
pub(super) const MAX_DICTIONARY_VALUES: u32 = 1 << 22;
/// Most values of a row in the columns of lists and maps that are read: each is an object in memory and a part of a JSON text.
pub(super) const MAX_ROW_VALUES: usize = 1 << 20;
/// Most bytes of a row's values, as for a line of a text file.
pub(crate) const MAX_ROW_BYTES: usize = 64 << 20;
/// Bytes of all pages that are open at a time, if the row group is small. Two pages of the largest size fit.
const MAX_OPEN_BYTES: usize = 2 * MAX_PAGE_BYTES;
/// Bytes of open pages for each byte of the row group in the file: a file of many columns needs more, and is larger.
const OPEN_PER_FILE_BYTE: usize = 4;
/// Memory of a dictionary's value besides its bytes.
pub(super) const VALUE_BYTES: usize = 48;

/// What is open of a row group: its pages, and the values of its largest row.
#[derive(Debug)]
pub(crate) struct ReadLimits {
    open_bytes: AtomicUsize,
    most_open_bytes: usize,
    /// The sum over the columns of the most values that a row has in each.
    row_values: AtomicUsize,
}

impl ReadLimits {
    /// For a row group, or columns of it, with so many bytes in the file.
    pub(super) fn new(file_bytes: u64) -> Arc<Self> {
        let of_file = usize::try_from(file_bytes).unwrap_or(usize::MAX).saturating_mul(OPEN_PER_FILE_BYTE);
        let most_open_bytes = MAX_OPEN_BYTES.saturating_add(of_file);
        Arc::new(Self { open_bytes: AtomicUsize::new(0), most_open_bytes, row_values: AtomicUsize::new(0) })
    }

    /// `page`, which counts as open until its last part is dropped, together with what is made of it.
    ///
    /// # Errors
    /// If too much is open.
    pub(super) fn open(self: &Arc<Self>, page: Vec<u8>, made_of_it: usize) -> Result<Bytes> {
        let charge = page.len().saturating_add(made_of_it);
        let before = self.open_bytes.fetch_add(charge, Relaxed);
        let open = OpenPage { bytes: page, charge, limits: Arc::clone(self) };
        if before.saturating_add(charge) > self.most_open_bytes {
            return Err(beyond(format!("its open pages have more than {} bytes", self.most_open_bytes)));
        }
        Ok(Bytes::from_owner(open))
    }

    /// Counts a row with `more` values than any row before in its column.
    ///
    /// # Errors
    /// If a row has too many in all columns.
    pub(super) fn grow_row(&self, more: usize) -> Result<()> {
        match self.row_values.fetch_add(more, Relaxed).saturating_add(more) > MAX_ROW_VALUES {
            true => Err(beyond(format!("a row has more than {MAX_ROW_VALUES} values in its lists"))),
            false => Ok(()),
        }
    }
}

/// An error that says what is beyond a limit.
pub(super) fn beyond(message: String) -> ParquetError {
    ParquetError::General(message)
}

struct OpenPage {
    bytes: Vec<u8>,
    charge: usize,
    limits: Arc<ReadLimits>,
}

impl AsRef<[u8]> for OpenPage {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl Drop for OpenPage {
    fn drop(&mut self) {
        self.limits.open_bytes.fetch_sub(self.charge, Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_counts_until_its_last_part_is_dropped() {
        let limits = ReadLimits::new(0);
        let page = limits.open(vec![0; 100], MAX_PAGE_BYTES).unwrap();
        let part = page.slice(..10);
        drop(page);
        assert!(limits.open(Vec::new(), MAX_PAGE_BYTES).is_err());
        drop(part);
        assert!(limits.open(Vec::new(), MAX_PAGE_BYTES).is_ok());
        assert_eq!(limits.open_bytes.load(Relaxed), 0);
    }

    #[test]
    fn a_large_file_may_have_more_open() {
        let limits = ReadLimits::new(1 << 30);
        let pages: Vec<Bytes> = (0..16).map(|_| limits.open(Vec::new(), MAX_PAGE_BYTES).unwrap()).collect();
        assert_eq!(pages.len(), 16);
    }

    #[test]
    fn the_values_of_a_row_are_those_of_all_its_columns() {
        let limits = ReadLimits::new(0);
        limits.grow_row(MAX_ROW_VALUES / 2).unwrap();
        limits.grow_row(MAX_ROW_VALUES / 2).unwrap();
        assert!(limits.grow_row(1).unwrap_err().to_string().contains("1048576 values"));
    }
}
