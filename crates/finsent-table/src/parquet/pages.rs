//! The pages of a column, decompressed here and not by the library: its Zstandard is C, and it allocates the memory that the
//! file asks for.

use std::io::Read;
use std::sync::Arc;

use flate2::read::MultiGzDecoder;
use parquet::basic::Compression;
use parquet::column::page::{Page, PageMetadata, PageReader};
use parquet::errors::{ParquetError, Result};
use parquet::file::metadata::ColumnChunkMetaData;
use parquet::file::serialized_reader::SerializedPageReader;
use ruzstd::decoding::StreamingDecoder;

use super::file_bytes::FileBytes;

/// Largest page in bytes after decompression. Writers aim at 1 MB.
const MAX_PAGE_BYTES: usize = 256 << 20;

/// A reader of decompressed pages. It leaves out pages without values: pyarrow writes some in the middle, and the library's
/// column reader takes them for the end of the column.
pub(super) struct DecompressedPages {
    compressed: SerializedPageReader<FileBytes>,
    compression: Compression,
    /// The next page, compressed, if it was peeked at.
    ahead: Option<Page>,
}

impl DecompressedPages {
    pub(super) fn new(bytes: &Arc<FileBytes>, column: &ColumnChunkMetaData, rows: usize) -> Result<Self> {
        let compression = column.compression();
        // The library returns the bytes of pages as they are if it is told that they are not compressed.
        let as_they_are = column.clone().into_builder().set_compression(Compression::UNCOMPRESSED).build()?;
        let compressed = SerializedPageReader::new(Arc::clone(bytes), &as_they_are, rows, None)?;
        Ok(Self { compressed, compression, ahead: None })
    }

    fn next_compressed(&mut self) -> Result<Option<Page>> {
        if let Some(page) = self.ahead.take() {
            return Ok(Some(page));
        }
        loop {
            match self.compressed.get_next_page()? {
                Some(page) if page.is_data_page() && page.num_values() == 0 => (),
                page => return Ok(page),
            }
        }
    }
}

impl PageReader for DecompressedPages {
    fn get_next_page(&mut self) -> Result<Option<Page>> {
        let Some(mut page) = self.next_compressed()? else { return Ok(None) };
        match &mut page {
            Page::DataPage { buf, .. } | Page::DictionaryPage { buf, .. } => {
                *buf = decompress(self.compression, &[], buf)?.into();
            }
            // The levels come first and are not compressed.
            Page::DataPageV2 { buf, def_levels_byte_len, rep_levels_byte_len, is_compressed: true, .. } => {
                let levels = *def_levels_byte_len as usize + *rep_levels_byte_len as usize;
                let (levels, values) =
                    buf.split_at_checked(levels).ok_or_else(|| broken("the levels of a page end early"))?;
                *buf = decompress(self.compression, levels, values)?.into();
            }
            Page::DataPageV2 { .. } => (),
        }
        Ok(Some(page))
    }

    fn peek_next_page(&mut self) -> Result<Option<PageMetadata>> {
        self.ahead = self.next_compressed()?;
        Ok(self.ahead.as_ref().map(|page| PageMetadata {
            num_rows: if let Page::DataPageV2 { num_rows, .. } = page { Some(*num_rows as usize) } else { None },
            num_levels: page.is_data_page().then_some(page.num_values() as usize),
            is_dict: page.is_dictionary_page(),
        }))
    }

    fn skip_next_page(&mut self) -> Result<()> {
        self.next_compressed().map(drop)
    }
}

impl Iterator for DecompressedPages {
    type Item = Result<Page>;

    fn next(&mut self) -> Option<Self::Item> {
        self.get_next_page().transpose()
    }
}

/// `start`, followed by the contents of `compressed`.
fn decompress(compression: Compression, start: &[u8], compressed: &[u8]) -> Result<Vec<u8>> {
    let mut page = start.to_vec();
    // Some writers write no bytes for a page of nulls.
    if compressed.is_empty() {
        return Ok(page);
    }
    match compression {
        Compression::UNCOMPRESSED => page.extend_from_slice(compressed),
        Compression::SNAPPY => {
            let length = snap::raw::decompress_len(compressed).map_err(broken)?;
            if length > MAX_PAGE_BYTES {
                return Err(too_long());
            }
            let at = page.len();
            page.resize(at + length, 0);
            snap::raw::Decoder::new().decompress(compressed, &mut page[at..]).map_err(broken)?;
        }
        Compression::GZIP(_) => read(MultiGzDecoder::new(compressed), &mut page)?,
        Compression::ZSTD(_) => {
            let frame =
                StreamingDecoder::new_with_max_window_size(compressed, MAX_PAGE_BYTES as u64).map_err(broken)?;
            read(frame, &mut page)?;
        }
        Compression::LZ4_RAW => page.extend(decompress_lz4(compressed)?),
        Compression::LZ4 => return Err(unsupported("Hadoop's LZ4")),
        Compression::LZO => return Err(unsupported("LZO")),
        Compression::BROTLI(_) => return Err(unsupported("Brotli")),
    }
    Ok(page)
}

fn read(decompressed: impl Read, page: &mut Vec<u8>) -> Result<()> {
    let read = decompressed.take(MAX_PAGE_BYTES as u64 + 1).read_to_end(page).map_err(broken)?;
    if read > MAX_PAGE_BYTES { Err(too_long()) } else { Ok(()) }
}

/// A block of LZ4. It does not contain its decompressed length, which is at most 255 times its own.
fn decompress_lz4(compressed: &[u8]) -> Result<Vec<u8>> {
    let mut length = 4 * compressed.len().max(1024);
    loop {
        let most = length.min(MAX_PAGE_BYTES);
        match lz4_flex::block::decompress(compressed, most) {
            Ok(page) => return Ok(page),
            Err(lz4_flex::block::DecompressError::OutputTooSmall { .. }) if most < MAX_PAGE_BYTES => length *= 4,
            Err(lz4_flex::block::DecompressError::OutputTooSmall { .. }) => return Err(too_long()),
            Err(error) => return Err(broken(error)),
        }
    }
}

fn unsupported(name: &str) -> ParquetError {
    broken(format!("it is compressed with {name}; finsent reads zstd, snappy, gzip and LZ4_RAW"))
}

fn too_long() -> ParquetError {
    broken(format!("a page is longer than {MAX_PAGE_BYTES} bytes"))
}

fn broken(error: impl ToString) -> ParquetError {
    ParquetError::General(error.to_string())
}
