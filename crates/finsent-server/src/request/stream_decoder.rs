//! Decompresses a body while it arrives.

use std::io::{self, Write};
use std::mem;

use actix_web::web::Bytes;
use flate2::write::{MultiGzDecoder, ZlibDecoder};

use super::content_coding::{ContentCoding, cannot_decompress};
use crate::error::HttpError;

/// Decompresses a bounded amount at a time, also of a decompression bomb.
pub(crate) struct StreamDecoder {
    /// Bytes that are not decompressed yet.
    compressed: Bytes,
    decoder: Decoder,
}

enum Decoder {
    Identity,
    Gzip(Box<MultiGzDecoder<Vec<u8>>>),
    Deflate(Box<ZlibDecoder<Vec<u8>>>),
}

/// Compressed bytes that are decompressed at a time. Deflate makes at most 1032 bytes of one, so this makes at most 1 MiB.
const CHUNK: usize = 1 << 10;

impl StreamDecoder {
    pub(crate) fn new(coding: ContentCoding) -> Self {
        let decoder = match coding {
            ContentCoding::Identity => Decoder::Identity,
            ContentCoding::Gzip => Decoder::Gzip(Box::new(MultiGzDecoder::new(Vec::new()))),
            ContentCoding::Deflate => Decoder::Deflate(Box::new(ZlibDecoder::new(Vec::new()))),
        };
        Self { compressed: Bytes::new(), decoder }
    }

    /// Takes more compressed bytes. To be called only after [`next`](Self::next) has returned `None`.
    pub(crate) fn push(&mut self, compressed: Bytes) {
        self.compressed = compressed;
    }

    /// The next decompressed bytes; `None` if more compressed ones are needed.
    ///
    /// # Errors
    /// [`HttpError::Malformed`] if the bytes are not compressed as they should be.
    pub(crate) fn next(&mut self) -> Result<Option<Bytes>, HttpError> {
        while !self.compressed.is_empty() {
            let chunk = self.compressed.split_to(self.compressed.len().min(CHUNK));
            let decompressed = match &mut self.decoder {
                Decoder::Identity => Ok(chunk.to_vec()),
                Decoder::Gzip(decoder) => write(decoder, &chunk).map(|()| mem::take(decoder.get_mut())),
                Decoder::Deflate(decoder) => write(decoder, &chunk).map(|()| mem::take(decoder.get_mut())),
            };
            let decompressed = decompressed.map_err(cannot_decompress)?;
            if !decompressed.is_empty() {
                return Ok(Some(decompressed.into()));
            }
        }
        Ok(None)
    }

    /// The last decompressed bytes, at the end of the body.
    ///
    /// # Errors
    /// [`HttpError::Malformed`] if the compressed data is incomplete.
    pub(crate) fn finish(&mut self) -> Result<Bytes, HttpError> {
        let decompressed = match &mut self.decoder {
            Decoder::Identity => Ok(Vec::new()),
            Decoder::Gzip(decoder) => decoder.try_finish().map(|()| mem::take(decoder.get_mut())),
            Decoder::Deflate(decoder) => decoder.try_finish().map(|()| mem::take(decoder.get_mut())),
        };
        decompressed.map(Bytes::from).map_err(cannot_decompress)
    }
}

/// Flushes after each chunk, so that a line can be read as soon as its bytes are there.
fn write(decoder: &mut impl Write, chunk: &[u8]) -> io::Result<()> {
    decoder.write_all(chunk)?;
    decoder.flush()
}

#[cfg(test)]
mod tests {
    use flate2::Compression;
    use flate2::write::{GzEncoder, ZlibEncoder};

    use super::*;

    const TEXT: &[u8] = b"Shares plunged 12%\nOrders doubled\n";

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    fn zlib(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = ZlibEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    /// All decompressed bytes, and the most at a time. The compressed ones arrive in pieces of `size`.
    fn decompress(coding: ContentCoding, compressed: &[u8], size: usize) -> Result<(Vec<u8>, usize), HttpError> {
        let mut decoder = StreamDecoder::new(coding);
        let (mut all, mut most) = (Vec::new(), 0);
        for piece in compressed.chunks(size) {
            decoder.push(Bytes::copy_from_slice(piece));
            while let Some(bytes) = decoder.next()? {
                most = most.max(bytes.len());
                all.extend_from_slice(&bytes);
            }
        }
        all.extend_from_slice(&decoder.finish()?);
        Ok((all, most))
    }

    #[test]
    fn the_result_does_not_depend_on_how_the_bytes_arrive() {
        for (coding, compressed) in [
            (ContentCoding::Identity, TEXT.to_vec()),
            (ContentCoding::Gzip, gzip(TEXT)),
            (ContentCoding::Deflate, zlib(TEXT)),
        ] {
            for size in 1..=compressed.len() {
                assert_eq!(decompress(coding, &compressed, size).unwrap().0, TEXT, "{coding:?} {size}");
            }
        }
    }

    #[test]
    fn several_gzip_members_are_one_stream() {
        let compressed = [gzip(TEXT), gzip(b"more")].concat();
        assert_eq!(decompress(ContentCoding::Gzip, &compressed, 7).unwrap().0, [TEXT, b"more"].concat());
    }

    #[test]
    fn a_decompression_bomb_is_decompressed_a_little_at_a_time() {
        let bomb = gzip(&vec![b' '; 50_000_000]);
        let (all, most) = decompress(ContentCoding::Gzip, &bomb, bomb.len()).unwrap();
        assert!(all.len() == 50_000_000 && most <= 2_000_000, "{most}");
    }

    #[test]
    fn uncompressed_and_incomplete_data_is_an_error() {
        for compressed in
            [&b"plain text"[..], &gzip(TEXT)[..20], &[gzip(TEXT), b"rest of another kind".to_vec()].concat()]
        {
            assert!(decompress(ContentCoding::Gzip, compressed, 5).is_err());
        }
        assert!(decompress(ContentCoding::Deflate, b"plain text", 5).is_err());
    }
}
