//! Where the pages of a column are in a file, by their headers.

use parquet::errors::{ParquetError, Result};
use parquet::file::metadata::ColumnChunkMetaData;

use super::file_bytes::FileBytes;
use super::page_header::{PageHeader, PageKind};

/// The pages of a column.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct ChunkLayout {
    /// Offset of the dictionary, if there is one.
    pub(super) dictionary: Option<u64>,
    /// Offset of the first page of values.
    pub(super) data: u64,
    /// Values of all pages, nulls included.
    pub(super) values: u64,
    /// Bytes of all pages after decompression, with their headers.
    pub(super) decompressed: u64,
}

impl ChunkLayout {
    /// Reads the headers of a column's pages.
    ///
    /// # Errors
    /// If they are damaged, or not in the order of the format.
    pub(super) fn read(bytes: &FileBytes, column: &ColumnChunkMetaData) -> Result<Self> {
        let (start, length) = column.byte_range();
        let end = start.checked_add(length).ok_or_else(|| damaged("a column is longer than its file"))?;
        let (mut dictionary, mut data) = (None, None);
        let (mut values, mut decompressed) = (0, 0);
        let mut next = start;
        while next < end {
            let (header, length) = PageHeader::read(bytes, next, end)?;
            match header.kind {
                PageKind::Dictionary { .. } if next == start => dictionary = Some(next),
                PageKind::Dictionary { .. } => return Err(damaged("a dictionary is not the first page of its column")),
                PageKind::Data { values: more, .. } | PageKind::DataV2 { values: more, .. } => {
                    data.get_or_insert(next);
                    values += u64::from(more);
                }
                PageKind::Index => (),
            }
            decompressed += length + header.decompressed as u64;
            next += length + header.compressed as u64;
        }
        match data {
            Some(data) if dictionary.unwrap_or(data) == start => Ok(Self { dictionary, data, values, decompressed }),
            _ => Err(damaged("a column does not begin with its values or their dictionary")),
        }
    }
}

fn damaged(message: &str) -> ParquetError {
    ParquetError::General(message.to_owned())
}
