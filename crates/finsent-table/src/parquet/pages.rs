//! The pages of a column, in the form that the library decodes.

use std::sync::Arc;

use bytes::Bytes;
use flate2::Crc;
use parquet::basic::Compression;
use parquet::column::page::{Page, PageMetadata, PageReader};
use parquet::errors::{ParquetError, Result};
use parquet::file::metadata::ColumnChunkMetaData;
use parquet::file::reader::ChunkReader;

use super::content::ContentCheck;
use super::decompress::decompress;
use super::file_bytes::FileBytes;
use super::limits::{MAX_PAGE_BYTES, ReadLimits, beyond};
use super::page_header::{PageHeader, PageKind};

/// A reader of decompressed pages, which are checked. It leaves out pages without values: pyarrow writes some in the middle,
/// and the library's column reader takes them for the end of the column.
pub(super) struct DecompressedPages {
    bytes: Arc<FileBytes>,
    /// Where the next page and the column begin and end in the file.
    next: u64,
    end: u64,
    compression: Compression,
    check: ContentCheck,
    limits: Arc<ReadLimits>,
    /// The next page, if it was peeked at.
    ahead: Option<Page>,
}

impl DecompressedPages {
    /// The pages of a column, whose memory counts in `limits`.
    pub(super) fn new(bytes: &Arc<FileBytes>, column: &ColumnChunkMetaData, limits: &Arc<ReadLimits>) -> Result<Self> {
        let (next, length) = column.byte_range();
        let end = next.checked_add(length).ok_or_else(|| beyond("a column is longer than its file".into()))?;
        Ok(Self {
            bytes: Arc::clone(bytes),
            next,
            end,
            compression: column.compression(),
            check: ContentCheck::new(column.column_descr_ptr(), Arc::clone(limits)),
            limits: Arc::clone(limits),
            ahead: None,
        })
    }

    fn next_page(&mut self) -> Result<Option<Page>> {
        while self.next < self.end {
            let (header, length) = PageHeader::read(&self.bytes, self.next, self.end)?;
            let start = self.next + length;
            self.next = start + header.compressed as u64;
            if header.kind == PageKind::Index {
                continue;
            }
            let page = self.read(start, header)?;
            if !page.is_data_page() || page.num_values() > 0 {
                return Ok(Some(page));
            }
        }
        Ok(None)
    }

    /// Reads the page at `start`, after its header.
    fn read(&mut self, start: u64, header: PageHeader) -> Result<Page> {
        if header.compressed > MAX_PAGE_BYTES {
            return Err(beyond(format!("a page has more than {MAX_PAGE_BYTES} bytes in the file")));
        }
        let stored = self.bytes.get_bytes(start, header.compressed)?;
        if header.crc.is_some_and(|crc| crc != crc_of(&stored)) {
            return Err(ParquetError::General("a page is damaged: its checksum is wrong".into()));
        }
        let contents = self.decompress(&stored, &header)?;
        let made_of_it = self.check.check(&header.kind, &contents)?;
        let contents = self.limits.open(contents, made_of_it)?;
        page(&header.kind, contents).ok_or_else(|| ParquetError::General("an index is not a page of values".into()))
    }

    fn decompress(&self, stored: &[u8], header: &PageHeader) -> Result<Vec<u8>> {
        let plain = Compression::UNCOMPRESSED;
        let (levels, compression) = match header.kind {
            PageKind::DataV2 { definition_bytes, repetition_bytes, is_compressed, .. } => {
                let levels = definition_bytes as usize + repetition_bytes as usize;
                (levels, if is_compressed { self.compression } else { plain })
            }
            _ => (0, self.compression),
        };
        let split = stored.split_at_checked(levels);
        let (levels, values) = split.ok_or_else(|| ParquetError::General("the levels of a page end early".into()))?;
        decompress(compression, levels, values, header.decompressed)
    }
}

impl PageReader for DecompressedPages {
    fn get_next_page(&mut self) -> Result<Option<Page>> {
        match self.ahead.take() {
            Some(page) => Ok(Some(page)),
            None => self.next_page(),
        }
    }

    fn peek_next_page(&mut self) -> Result<Option<PageMetadata>> {
        self.ahead = self.get_next_page()?;
        Ok(self.ahead.as_ref().map(|page| PageMetadata {
            num_rows: if let Page::DataPageV2 { num_rows, .. } = page { Some(*num_rows as usize) } else { None },
            num_levels: page.is_data_page().then_some(page.num_values() as usize),
            is_dict: page.is_dictionary_page(),
        }))
    }

    fn skip_next_page(&mut self) -> Result<()> {
        self.get_next_page().map(drop)
    }
}

impl Iterator for DecompressedPages {
    type Item = Result<Page>;

    fn next(&mut self) -> Option<Self::Item> {
        self.get_next_page().transpose()
    }
}

fn crc_of(bytes: &[u8]) -> u32 {
    let mut crc = Crc::new();
    crc.update(bytes);
    crc.sum()
}

/// The page of a kind with these contents; an index has none.
fn page(kind: &PageKind, buf: Bytes) -> Option<Page> {
    let statistics = None;
    Some(match *kind {
        PageKind::Index => return None,
        PageKind::Dictionary { values: num_values, encoding } => {
            Page::DictionaryPage { buf, num_values, encoding, is_sorted: false }
        }
        PageKind::Data { values, encoding, definition, repetition } => Page::DataPage {
            buf,
            num_values: values,
            encoding,
            def_level_encoding: definition,
            rep_level_encoding: repetition,
            statistics,
        },
        PageKind::DataV2 { values, nulls, rows, encoding, definition_bytes, repetition_bytes, is_compressed } => {
            Page::DataPageV2 {
                buf,
                num_values: values,
                encoding,
                num_nulls: nulls,
                num_rows: rows,
                def_levels_byte_len: definition_bytes,
                rep_levels_byte_len: repetition_bytes,
                is_compressed,
                statistics,
            }
        }
    })
}
