//! Packed bytes that come in pieces, unpacked piece by piece.

use std::io::{self, Write};
use std::mem;

use actix_web::web::Bytes;
use flate2::write::{MultiGzDecoder, ZlibDecoder};

use super::body::ContentCoding;
use super::error::HttpError;

/// Unpacks a little at a time: of bytes that unpack to a thousand times as many, too.
pub(super) struct Unpacker {
    /// What is not unpacked yet.
    packed: Bytes,
    decoder: Decoder,
}

enum Decoder {
    None,
    Gzip(Box<MultiGzDecoder<Vec<u8>>>),
    Deflate(Box<ZlibDecoder<Vec<u8>>>),
}

/// Packed bytes that are unpacked at a time. Deflate makes at most 1032 of one, so a megabyte of these.
const PIECE: usize = 1 << 10;

impl Unpacker {
    pub(super) fn new(packing: ContentCoding) -> Self {
        let decoder = match packing {
            ContentCoding::None => Decoder::None,
            ContentCoding::Gzip => Decoder::Gzip(Box::new(MultiGzDecoder::new(Vec::new()))),
            ContentCoding::Deflate => Decoder::Deflate(Box::new(ZlibDecoder::new(Vec::new()))),
        };
        Self { packed: Bytes::new(), decoder }
    }

    /// Takes the bytes that follow, when [`next`](Self::next) has said `None` for those before.
    pub(super) fn push(&mut self, packed: Bytes) {
        self.packed = packed;
    }

    /// The next bytes; `None` when more packed ones are needed.
    ///
    /// # Errors
    /// [`HttpError::Malformed`] for what is not packed so.
    pub(super) fn next(&mut self) -> Result<Option<Bytes>, HttpError> {
        while !self.packed.is_empty() {
            let piece = self.packed.split_to(self.packed.len().min(PIECE));
            let unpacked = match &mut self.decoder {
                Decoder::None => Ok(piece.to_vec()),
                Decoder::Gzip(decoder) => write(decoder, &piece).map(|()| mem::take(decoder.get_mut())),
                Decoder::Deflate(decoder) => write(decoder, &piece).map(|()| mem::take(decoder.get_mut())),
            };
            let unpacked = unpacked.map_err(malformed)?;
            if !unpacked.is_empty() {
                return Ok(Some(unpacked.into()));
            }
        }
        Ok(None)
    }

    /// The last bytes, when no more packed ones come.
    ///
    /// # Errors
    /// [`HttpError::Malformed`] when there should be more.
    pub(super) fn finish(&mut self) -> Result<Bytes, HttpError> {
        let unpacked = match &mut self.decoder {
            Decoder::None => Ok(Vec::new()),
            Decoder::Gzip(decoder) => decoder.try_finish().map(|()| mem::take(decoder.get_mut())),
            Decoder::Deflate(decoder) => decoder.try_finish().map(|()| mem::take(decoder.get_mut())),
        };
        unpacked.map(Bytes::from).map_err(malformed)
    }
}

/// Flushed, so that a line is there as soon as its bytes are.
fn write(decoder: &mut impl Write, piece: &[u8]) -> io::Result<()> {
    decoder.write_all(piece)?;
    decoder.flush()
}

fn malformed(error: io::Error) -> HttpError {
    HttpError::Malformed(format!("the body cannot be unpacked: {error}"))
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

    /// All bytes, and the most at a time.
    fn unpack(packing: ContentCoding, packed: &[u8], size: usize) -> Result<(Vec<u8>, usize), HttpError> {
        let mut unpacker = Unpacker::new(packing);
        let (mut all, mut most) = (Vec::new(), 0);
        for piece in packed.chunks(size) {
            unpacker.push(Bytes::copy_from_slice(piece));
            while let Some(bytes) = unpacker.next()? {
                most = most.max(bytes.len());
                all.extend_from_slice(&bytes);
            }
        }
        all.extend_from_slice(&unpacker.finish()?);
        Ok((all, most))
    }

    #[test]
    fn bytes_are_the_same_wherever_the_packed_ones_are_cut() {
        for (packing, packed) in [
            (ContentCoding::None, TEXT.to_vec()),
            (ContentCoding::Gzip, gzip(TEXT)),
            (ContentCoding::Deflate, zlib(TEXT)),
        ] {
            for size in 1..=packed.len() {
                assert_eq!(unpack(packing, &packed, size).unwrap().0, TEXT, "{packing:?} {size}");
            }
        }
    }

    #[test]
    fn gzip_files_may_follow_each_other() {
        let packed = [gzip(TEXT), gzip(b"more")].concat();
        assert_eq!(unpack(ContentCoding::Gzip, &packed, 7).unwrap().0, [TEXT, b"more"].concat());
    }

    #[test]
    fn a_bomb_is_unpacked_a_little_at_a_time() {
        let bomb = gzip(&vec![b' '; 50_000_000]);
        let (all, most) = unpack(ContentCoding::Gzip, &bomb, bomb.len()).unwrap();
        assert!(all.len() == 50_000_000 && most <= 2_000_000, "{most}");
    }

    #[test]
    fn what_is_not_packed_or_broken_off_is_an_error() {
        for packed in [&b"plain text"[..], &gzip(TEXT)[..20], &[gzip(TEXT), b"rest of another kind".to_vec()].concat()]
        {
            assert!(unpack(ContentCoding::Gzip, packed, 5).is_err());
        }
        assert!(unpack(ContentCoding::Deflate, b"plain text", 5).is_err());
    }
}
