//! The pages of a column, unpacked here: the library's Zstandard is C, and for the others it takes the memory that the file
//! asks for.

use std::io::Read;
use std::sync::Arc;

use flate2::read::MultiGzDecoder;
use parquet::basic::Compression;
use parquet::column::page::{Page, PageMetadata, PageReader};
use parquet::errors::{ParquetError, Result};
use parquet::file::metadata::ColumnChunkMetaData;
use parquet::file::serialized_reader::SerializedPageReader;
use ruzstd::decoding::StreamingDecoder;

use super::source::Source;

/// Largest page in bytes, unpacked. Writers aim at 1 MB.
const MAX_PAGE_BYTES: usize = 256 << 20;

/// A reader of pages that are packed no more. It leaves out those without values, which pyarrow writes between others, and
/// where the library's reader of columns takes the column to end.
pub(super) struct Unpacked {
    packed: SerializedPageReader<Source>,
    compression: Compression,
    /// The next page, packed, if it was looked at.
    ahead: Option<Page>,
}

impl Unpacked {
    pub(super) fn new(source: &Arc<Source>, column: &ColumnChunkMetaData, rows: usize) -> Result<Self> {
        let compression = column.compression();
        // Of pages that are not compressed, as it is told, the library gives the bytes as they are.
        let as_they_are = column.clone().into_builder().set_compression(Compression::UNCOMPRESSED).build()?;
        let packed = SerializedPageReader::new(Arc::clone(source), &as_they_are, rows, None)?;
        Ok(Self { packed, compression, ahead: None })
    }

    fn next_packed(&mut self) -> Result<Option<Page>> {
        if let Some(page) = self.ahead.take() {
            return Ok(Some(page));
        }
        loop {
            match self.packed.get_next_page()? {
                Some(page) if page.is_data_page() && page.num_values() == 0 => (),
                page => return Ok(page),
            }
        }
    }
}

impl PageReader for Unpacked {
    fn get_next_page(&mut self) -> Result<Option<Page>> {
        let Some(mut page) = self.next_packed()? else { return Ok(None) };
        match &mut page {
            Page::DataPage { buf, .. } | Page::DictionaryPage { buf, .. } => {
                *buf = unpack(self.compression, &[], buf)?.into();
            }
            // Its levels stand in front, as they are.
            Page::DataPageV2 { buf, def_levels_byte_len, rep_levels_byte_len, is_compressed: true, .. } => {
                let levels = *def_levels_byte_len as usize + *rep_levels_byte_len as usize;
                let (levels, values) = buf.split_at_checked(levels).ok_or_else(|| broken("its levels end early"))?;
                *buf = unpack(self.compression, levels, values)?.into();
            }
            Page::DataPageV2 { .. } => (),
        }
        Ok(Some(page))
    }

    fn peek_next_page(&mut self) -> Result<Option<PageMetadata>> {
        self.ahead = self.next_packed()?;
        Ok(self.ahead.as_ref().map(|page| PageMetadata {
            num_rows: if let Page::DataPageV2 { num_rows, .. } = page { Some(*num_rows as usize) } else { None },
            num_levels: page.is_data_page().then_some(page.num_values() as usize),
            is_dict: page.is_dictionary_page(),
        }))
    }

    fn skip_next_page(&mut self) -> Result<()> {
        self.next_packed().map(drop)
    }
}

impl Iterator for Unpacked {
    type Item = Result<Page>;

    fn next(&mut self) -> Option<Self::Item> {
        self.get_next_page().transpose()
    }
}

/// `start`, and behind it what `packed` holds.
fn unpack(compression: Compression, start: &[u8], packed: &[u8]) -> Result<Vec<u8>> {
    let mut page = start.to_vec();
    // So is a page of nulls written by some.
    if packed.is_empty() {
        return Ok(page);
    }
    match compression {
        Compression::UNCOMPRESSED => page.extend_from_slice(packed),
        Compression::SNAPPY => {
            let length = snap::raw::decompress_len(packed).map_err(broken)?;
            if length > MAX_PAGE_BYTES {
                return Err(too_long());
            }
            let at = page.len();
            page.resize(at + length, 0);
            snap::raw::Decoder::new().decompress(packed, &mut page[at..]).map_err(broken)?;
        }
        Compression::GZIP(_) => read(MultiGzDecoder::new(packed), &mut page)?,
        Compression::ZSTD(_) => {
            let frame = StreamingDecoder::new_with_max_window_size(packed, MAX_PAGE_BYTES as u64).map_err(broken)?;
            read(frame, &mut page)?;
        }
        Compression::LZ4_RAW => page.extend(unpack_lz4(packed)?),
        Compression::LZ4 => return Err(foreign("LZ4 in frames of Hadoop's")),
        Compression::LZO => return Err(foreign("LZO")),
        Compression::BROTLI(_) => return Err(foreign("Brotli")),
    }
    Ok(page)
}

fn read(unpacked: impl Read, page: &mut Vec<u8>) -> Result<()> {
    let read = unpacked.take(MAX_PAGE_BYTES as u64 + 1).read_to_end(page).map_err(broken)?;
    if read > MAX_PAGE_BYTES { Err(too_long()) } else { Ok(()) }
}

/// A block of LZ4, which does not say how long it is unpacked: at most 255 times its length.
fn unpack_lz4(packed: &[u8]) -> Result<Vec<u8>> {
    let mut length = 4 * packed.len().max(1024);
    loop {
        let most = length.min(MAX_PAGE_BYTES);
        match lz4_flex::block::decompress(packed, most) {
            Ok(page) => return Ok(page),
            Err(lz4_flex::block::DecompressError::OutputTooSmall { .. }) if most < MAX_PAGE_BYTES => length *= 4,
            Err(lz4_flex::block::DecompressError::OutputTooSmall { .. }) => return Err(too_long()),
            Err(error) => return Err(broken(error)),
        }
    }
}

fn foreign(name: &str) -> ParquetError {
    broken(format!(
        "its pages are compressed with {name}, which finsent does not read; zstd, snappy, gzip and LZ4_RAW it does"
    ))
}

fn too_long() -> ParquetError {
    broken(format!("a page is longer than {MAX_PAGE_BYTES} bytes"))
}

fn broken(error: impl ToString) -> ParquetError {
    ParquetError::General(error.to_string())
}
