//! What is counted while an input is read: for progress, for the limit on a record, for an open quote at its end, and for
//! what is told after the last row.

use std::io::{self, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering::Relaxed};

use super::oddities::Oddities;

/// Longest line or CSV record in bytes. Beyond it the file is not a table, or a quote is never closed.
pub(super) const MAX_RECORD_BYTES: u64 = 64 << 20;

/// Counts of what is read, from one file after the other.
#[derive(Debug, Default)]
pub(super) struct ReadStats {
    /// Bytes of the files.
    total: AtomicU64,
    /// Bytes after decompression.
    decompressed: AtomicU64,
    /// `decompressed` at the start of the current record.
    record_start: AtomicU64,
    /// Bytes after decoding to UTF-8.
    decoded: AtomicU64,
    /// Of these, the bytes of complete records.
    consumed: AtomicU64,
    /// Rows that were read.
    rows: AtomicU64,
    /// The last byte of the decoded input that is not a line end.
    last: AtomicU8,
    oddities: Oddities,
}

impl ReadStats {
    /// Counts bytes that were not read through a [`Source`](super::source::Source).
    pub(super) fn add(&self, bytes: u64) {
        for count in [&self.total, &self.decoded, &self.consumed] {
            count.fetch_add(bytes, Relaxed);
        }
    }

    /// Counts the decoded bytes of a record.
    pub(super) fn consume(&self, bytes: u64) {
        self.consumed.fetch_add(bytes, Relaxed);
    }

    /// Counts a row.
    pub(super) fn add_row(&self) {
        self.rows.fetch_add(1, Relaxed);
    }

    /// The number of rows in files of this size, as far as the rows so far show.
    pub(super) fn estimated_rows(&self, size: u64) -> u64 {
        let [read, decoded, consumed, rows] =
            [&self.total, &self.decoded, &self.consumed, &self.rows].map(|count| u128::from(count.load(Relaxed)));
        let estimate = rows * u128::from(size) * decoded / (read * consumed).max(1);
        u64::try_from(estimate.max(rows)).unwrap_or(u64::MAX)
    }

    /// Whether all records of files of this size are read.
    pub(super) fn is_read(&self, size: u64) -> bool {
        self.total.load(Relaxed) >= size && self.consumed.load(Relaxed) >= self.decoded.load(Relaxed)
    }

    /// What the rows have besides what their first ones showed.
    pub(super) fn oddities(&self) -> &Oddities {
        &self.oddities
    }

    /// The last byte so far that is not a line end.
    pub(super) fn last(&self) -> u8 {
        self.last.load(Relaxed)
    }

    /// Marks the end of a record: the limit applies to the next one.
    pub(super) fn end_record(&self) {
        self.record_start.store(self.decompressed.load(Relaxed), Relaxed);
    }
}

/// A reader of a file's bytes, which counts them.
pub(super) struct Counted<R> {
    pub(super) inner: R,
    pub(super) stats: Arc<ReadStats>,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        self.stats.total.fetch_add(read as u64, Relaxed);
        Ok(read)
    }
}

/// A reader of decompressed bytes, which fails in a record that has no end: a small file can hold a very long one.
pub(super) struct Bounded<R> {
    pub(super) inner: R,
    pub(super) stats: Arc<ReadStats>,
}

impl<R: Read> Read for Bounded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.stats.decompressed.load(Relaxed) - self.stats.record_start.load(Relaxed) > MAX_RECORD_BYTES {
            let message = format!("a record is longer than {MAX_RECORD_BYTES} bytes; is a quoted field never closed?");
            return Err(io::Error::new(io::ErrorKind::InvalidData, message));
        }
        let read = self.inner.read(buffer)?;
        self.stats.decompressed.fetch_add(read as u64, Relaxed);
        Ok(read)
    }
}

/// A reader of decoded bytes, which counts them and remembers the last one.
pub(super) struct LastByte<R> {
    pub(super) inner: R,
    pub(super) stats: Arc<ReadStats>,
}

impl<R: Read> Read for LastByte<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        self.stats.decoded.fetch_add(read as u64, Relaxed);
        if let Some(&last) = buffer[..read].iter().rev().find(|byte| !matches!(byte, b'\r' | b'\n')) {
            self.stats.last.store(last, Relaxed);
        }
        Ok(read)
    }
}
