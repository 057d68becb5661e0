//! The bytes of a Parquet file, for several readers at once.

use std::fs::{self, File};
use std::io::{self, BufReader, ErrorKind, Read};
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use finsent_model::platform::{read_at, read_exact_at};
use parquet::errors::{ParquetError, Result};
use parquet::file::reader::{ChunkReader, Length};

#[cfg(test)]
std::thread_local! {
    /// Bytes that this thread has read, for tests of what is left unread.
    pub(crate) static BYTES_READ: std::cell::Cell<u64> = const { std::cell::Cell::new(0) };
}

/// A file in which each reader has its own position. Its length is the one at opening.
#[derive(Clone)]
pub(super) struct FileBytes {
    file: Arc<File>,
    length: u64,
}

impl FileBytes {
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        // Checked before opening: a pipe would wait for its writer.
        if !fs::metadata(path)?.is_file() {
            let message = "it is not a regular file, and Parquet files are read from their end";
            return Err(io::Error::new(ErrorKind::InvalidInput, message));
        }
        let file = File::open(path)?;
        Ok(Self { length: file.metadata()?.len(), file: Arc::new(file) })
    }
}

impl Length for FileBytes {
    fn len(&self) -> u64 {
        self.length
    }
}

impl ChunkReader for FileBytes {
    type T = BufReader<PositionedReader>;

    fn get_read(&self, start: u64) -> Result<Self::T> {
        Ok(BufReader::new(PositionedReader { file: Arc::clone(&self.file), position: start }))
    }

    fn get_bytes(&self, start: u64, length: usize) -> Result<Bytes> {
        let is_inside = start.checked_add(length as u64).is_some_and(|end| end <= self.length);
        if !is_inside {
            let message = format!("it refers to {length} bytes at {start}, and has {}", self.length);
            return Err(ParquetError::EOF(message));
        }
        let mut bytes = vec![0; length];
        read_exact_at(&self.file, &mut bytes, start)?;
        note_read(length);
        Ok(bytes.into())
    }
}

/// A reader that starts at a position.
pub(super) struct PositionedReader {
    file: Arc<File>,
    position: u64,
}

impl Read for PositionedReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = read_at(&self.file, buffer, self.position)?;
        note_read(read);
        self.position += read as u64;
        Ok(read)
    }
}

#[cfg(test)]
fn note_read(bytes: usize) {
    BYTES_READ.set(BYTES_READ.get() + bytes as u64);
}

#[cfg(not(test))]
fn note_read(_: usize) {}
