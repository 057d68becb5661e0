//! The header of a page: what is in it, and how long it is.
//!
//! Read here and not by the library, which does not return the length that a page has after decompression. Other readers rely
//! on it, so a page that is copied must have the right one.

use parquet::basic::Encoding;
use parquet::errors::{ParquetError, Result};
use parquet::file::reader::ChunkReader;

use super::compact::Compact;
use super::file_bytes::FileBytes;

/// Bytes that are read in search of a header, which has about 30; more if it holds statistics.
const FIRST_BYTES: u64 = 4 << 10;
/// Largest header. It can hold the smallest and the largest value of the page.
const MAX_BYTES: u64 = 16 << 20;

/// The header of a page.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct PageHeader {
    pub(super) kind: PageKind,
    /// Bytes of the page after the header, as they are and after decompression.
    pub(super) compressed: usize,
    pub(super) decompressed: usize,
    /// CRC-32 of the bytes as they are.
    pub(super) crc: Option<u32>,
}

/// What a page holds.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum PageKind {
    Dictionary {
        values: u32,
        encoding: Encoding,
    },
    /// Levels and values, compressed together.
    Data {
        values: u32,
        encoding: Encoding,
        definition: Encoding,
        repetition: Encoding,
    },
    /// Levels, and after them values, which alone may be compressed.
    DataV2 {
        values: u32,
        nulls: u32,
        rows: u32,
        encoding: Encoding,
        definition_bytes: u32,
        repetition_bytes: u32,
        is_compressed: bool,
    },
    /// Nothing that is read.
    Index,
}

impl PageHeader {
    /// Reads the header at `start` of a column that ends at `end`; returns its length, too.
    ///
    /// # Errors
    /// If there is none, or the page does not end before `end`.
    pub(super) fn read(bytes: &FileBytes, start: u64, end: u64) -> Result<(Self, u64)> {
        let most = end.saturating_sub(start).min(MAX_BYTES);
        let mut length = FIRST_BYTES.min(most);
        loop {
            let head = bytes.get_bytes(start, length as usize)?;
            if let Some((header, length)) = Self::parse(&head) {
                let page_end = (start + length).checked_add(header.compressed as u64);
                return match page_end.is_some_and(|page_end| page_end <= end) {
                    true => Ok((header, length)),
                    false => Err(damaged("a page is longer than its column")),
                };
            }
            if length == most {
                return Err(damaged("the header of a page is damaged"));
            }
            length = most.min(16 * length);
        }
    }

    /// The header at the start of `bytes`, and its length. `None` if they end early, or are not a header.
    fn parse(bytes: &[u8]) -> Option<(Self, u64)> {
        let mut rest = Compact(bytes);
        let [mut page_type, mut decompressed, mut compressed] = [None; 3];
        let mut crc = None;
        let [mut data, mut dictionary, mut data_v2] = [None; 3];
        let mut id = 0;
        while let Some(field) = rest.field(&mut id)? {
            match (id, field) {
                (1, Compact::I32) => page_type = Some(rest.i32()?),
                (2, Compact::I32) => decompressed = Some(rest.i32()?),
                (3, Compact::I32) => compressed = Some(rest.i32()?),
                (4, Compact::I32) => crc = Some(rest.i32()?.cast_unsigned()),
                (5, Compact::STRUCT) => data = Some(Fields::read(&mut rest)?),
                (7, Compact::STRUCT) => dictionary = Some(Fields::read(&mut rest)?),
                (8, Compact::STRUCT) => data_v2 = Some(Fields::read(&mut rest)?),
                _ => rest.skip(field, 0)?,
            }
        }
        let kind = match page_type? {
            0 => data?.data_page()?,
            1 => PageKind::Index,
            2 => dictionary?.dictionary_page()?,
            3 => data_v2?.data_page_v2()?,
            _ => return None,
        };
        let [compressed, decompressed] = [compressed?, decompressed?].map(usize::try_from);
        let header = Self { kind, compressed: compressed.ok()?, decompressed: decompressed.ok()?, crc };
        Some((header, (bytes.len() - rest.0.len()) as u64))
    }
}

fn damaged(message: &str) -> ParquetError {
    ParquetError::General(message.to_owned())
}

/// The fields of a part of a header, by their ids: they are 32-bit integers, but for one flag.
#[derive(Clone, Copy)]
struct Fields {
    numbers: [Option<i32>; 8],
    /// The flag of a data page of version 2; its default is true.
    is_compressed: bool,
}

impl Fields {
    fn read(rest: &mut Compact<'_>) -> Option<Self> {
        let mut fields = Self { numbers: [None; 8], is_compressed: true };
        let mut id = 0;
        while let Some(field) = rest.field(&mut id)? {
            match (usize::try_from(id), field) {
                (Ok(id), Compact::I32) if id < fields.numbers.len() => fields.numbers[id] = Some(rest.i32()?),
                (Ok(7), Compact::FALSE) => fields.is_compressed = false,
                _ => rest.skip(field, 0)?,
            }
        }
        Some(fields)
    }

    fn count(&self, id: usize) -> Option<u32> {
        u32::try_from(self.numbers[id]?).ok()
    }

    fn encoding(&self, id: usize) -> Option<Encoding> {
        encoding(self.numbers[id]?)
    }

    fn dictionary_page(self) -> Option<PageKind> {
        Some(PageKind::Dictionary { values: self.count(1)?, encoding: self.encoding(2)? })
    }

    fn data_page(self) -> Option<PageKind> {
        Some(PageKind::Data {
            values: self.count(1)?,
            encoding: self.encoding(2)?,
            definition: self.encoding(3)?,
            repetition: self.encoding(4)?,
        })
    }

    fn data_page_v2(self) -> Option<PageKind> {
        Some(PageKind::DataV2 {
            values: self.count(1)?,
            nulls: self.count(2)?,
            rows: self.count(3)?,
            encoding: self.encoding(4)?,
            definition_bytes: self.count(5)?,
            repetition_bytes: self.count(6)?,
            is_compressed: self.is_compressed,
        })
    }
}

/// The encoding with a number of the format.
fn encoding(number: i32) -> Option<Encoding> {
    Some(match number {
        0 => Encoding::PLAIN,
        2 => Encoding::PLAIN_DICTIONARY,
        3 => Encoding::RLE,
        #[expect(deprecated, reason = "old files have it")]
        4 => Encoding::BIT_PACKED,
        5 => Encoding::DELTA_BINARY_PACKED,
        6 => Encoding::DELTA_LENGTH_BYTE_ARRAY,
        7 => Encoding::DELTA_BYTE_ARRAY,
        8 => Encoding::RLE_DICTIONARY,
        9 => Encoding::BYTE_STREAM_SPLIT,
        10 => Encoding::ALP,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A data page of 5 values: 20 bytes decompressed, 10 compressed; plain values, RLE levels.
    const HEADER: [u8; 16] = [0x15, 0, 0x15, 40, 0x15, 20, 0x2c, 0x15, 10, 0x15, 0, 0x15, 6, 0x15, 6, 0];

    fn whole() -> Vec<u8> {
        [&HEADER[..], &[0, 0xaa]].concat()
    }

    #[test]
    fn the_fields_of_a_header_are_read() {
        let (header, length) = PageHeader::parse(&whole()).unwrap();
        assert_eq!((header.compressed, header.decompressed, header.crc), (10, 20, None));
        let rle = Encoding::RLE;
        let kind = PageKind::Data { values: 5, encoding: Encoding::PLAIN, definition: rle, repetition: rle };
        assert_eq!((header.kind, length), (kind, 17));
    }

    #[test]
    fn a_header_that_ends_early_or_has_a_negative_size_is_none() {
        for length in 0..17 {
            assert_eq!(PageHeader::parse(&whole()[..length]), None, "{length}");
        }
        let mut negative = whole();
        negative[5] = 1;
        assert_eq!(PageHeader::parse(&negative), None);
        let mut unknown = whole();
        unknown[1] = 8;
        assert_eq!(PageHeader::parse(&unknown), None);
    }
}
