//! Decompression of pages, here and not by the library: its Zstandard is C, and it allocates the memory that the file asks for.

use std::io::Read;

use brotli_decompressor::Decompressor as Brotli;
use flate2::read::MultiGzDecoder;
use parquet::basic::Compression;
use parquet::errors::{ParquetError, Result};
use ruzstd::decoding::StreamingDecoder;

use super::limits::MAX_PAGE_BYTES;

/// Bytes that the reader of Brotli decompresses at a time.
const BROTLI_BUFFER_BYTES: usize = 16 << 10;

/// The name of a compression that is not supported.
pub(super) fn unsupported_name(compression: Compression) -> Option<&'static str> {
    match compression {
        Compression::LZ4 => Some("Hadoop's LZ4"),
        Compression::LZO => Some("LZO"),
        _ => None,
    }
}

/// `start`, followed by the contents of `compressed`, `length` bytes in all.
///
/// # Errors
/// If they are damaged, have another length, or are of a compression that is not supported.
pub(super) fn decompress(compression: Compression, start: &[u8], compressed: &[u8], length: usize) -> Result<Vec<u8>> {
    if length > MAX_PAGE_BYTES {
        return Err(broken(format!("a page is longer than {MAX_PAGE_BYTES} bytes")));
    }
    let left = length.checked_sub(start.len()).ok_or_else(|| wrong_length(length))?;
    let mut page = start.to_vec();
    // Some writers write no bytes for a page of nulls.
    match compression {
        _ if compressed.is_empty() => (),
        Compression::UNCOMPRESSED => page.extend_from_slice(compressed),
        Compression::SNAPPY => {
            if snap::raw::decompress_len(compressed).map_err(broken)? != left {
                return Err(wrong_length(length));
            }
            page.resize(length, 0);
            snap::raw::Decoder::new().decompress(compressed, &mut page[start.len()..]).map_err(broken)?;
        }
        Compression::GZIP(_) => read(MultiGzDecoder::new(compressed), left, &mut page)?,
        Compression::ZSTD(_) => read_zstd(compressed, left, &mut page)?,
        Compression::LZ4_RAW => {
            let block = lz4_flex::block::decompress(compressed, left);
            page.extend(block.map_err(|_| broken("a page is damaged: it is not a block of LZ4 of its length"))?);
        }
        Compression::BROTLI(_) => read(Brotli::new(compressed, BROTLI_BUFFER_BYTES), left, &mut page)?,
        Compression::LZ4 | Compression::LZO => return Err(unsupported(compression)),
    }
    if page.len() == length { Ok(page) } else { Err(wrong_length(length)) }
}

/// Reads `length` bytes, and one more if there are more.
fn read(decompressed: impl Read, length: usize, page: &mut Vec<u8>) -> Result<()> {
    decompressed.take(length as u64 + 1).read_to_end(page).map(drop).map_err(broken)
}

/// Reads a frame. The library does not compare its checksum.
fn read_zstd(mut compressed: &[u8], length: usize, page: &mut Vec<u8>) -> Result<()> {
    let mut frame =
        StreamingDecoder::new_with_max_window_size(&mut compressed, MAX_PAGE_BYTES as u64).map_err(broken)?;
    read(&mut frame, length, page)?;
    let stored = frame.decoder.get_checksum_from_data();
    if stored.is_some() && stored != frame.decoder.get_calculated_checksum() {
        return Err(broken("a page is damaged: its checksum is wrong"));
    }
    Ok(())
}

fn unsupported(compression: Compression) -> ParquetError {
    broken(format!("a page is compressed with {}", unsupported_name(compression).unwrap_or("another compression")))
}

fn wrong_length(length: usize) -> ParquetError {
    broken(format!("a page is damaged: it does not have the {length} bytes that its header says"))
}

fn broken(error: impl ToString) -> ParquetError {
    ParquetError::General(error.to_string())
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::write::GzEncoder;
    use ruzstd::encoding::{CompressionLevel, compress_to_vec};

    use super::*;

    const CONTENTS: &[u8] = b"Profit rose, profit rose, profit rose, profit rose";

    /// The contents in each compression.
    fn compressed() -> Vec<(Compression, Vec<u8>)> {
        let mut gzip = GzEncoder::new(Vec::new(), flate2::Compression::default());
        gzip.write_all(CONTENTS).unwrap();
        vec![
            (Compression::UNCOMPRESSED, CONTENTS.to_vec()),
            (Compression::SNAPPY, snap::raw::Encoder::new().compress_vec(CONTENTS).unwrap()),
            (Compression::GZIP(Default::default()), gzip.finish().unwrap()),
            (Compression::ZSTD(Default::default()), compress_to_vec(CONTENTS, CompressionLevel::Fastest)),
            (Compression::LZ4_RAW, lz4_flex::block::compress(CONTENTS)),
            (Compression::BROTLI(Default::default()), brotli(CONTENTS)),
        ]
    }

    /// A stream of Brotli in which the contents are not compressed.
    fn brotli(contents: &[u8]) -> Vec<u8> {
        // The window; not the last part, whose length has 16 bits and which is not compressed.
        let header = (u32::try_from(contents.len()).unwrap() - 1) << 4 | 1 << 20;
        // The last part is empty.
        [&header.to_le_bytes()[..3], contents, &[3]].concat()
    }

    #[test]
    fn a_page_has_the_length_that_its_header_says() {
        for (compression, bytes) in compressed() {
            let page = |length| decompress(compression, b"12", &bytes, length);
            assert_eq!(page(2 + CONTENTS.len()).unwrap(), [b"12", CONTENTS].concat(), "{compression:?}");
            for length in [0, 1, 2, 1 + CONTENTS.len(), 3 + CONTENTS.len(), MAX_PAGE_BYTES + 1] {
                assert!(page(length).is_err(), "{compression:?}, {length}");
            }
        }
    }

    #[test]
    fn a_page_that_ends_early_or_has_a_wrong_checksum_is_an_error() {
        for (compression, bytes) in compressed() {
            for end in 1..bytes.len() {
                let page = decompress(compression, &[], &bytes[..end], CONTENTS.len());
                assert!(page.is_err(), "{compression:?}, {end}");
            }
            if let Compression::ZSTD(_) = compression {
                let mut wrong = bytes;
                *wrong.last_mut().unwrap() ^= 1;
                assert!(decompress(compression, &[], &wrong, CONTENTS.len()).is_err());
            }
        }
    }

    #[test]
    fn a_page_of_nulls_may_have_no_bytes() {
        assert_eq!(decompress(Compression::SNAPPY, b"12", &[], 2).unwrap(), b"12");
    }
}
