//! Compressed files: gzip and Zstandard, unpacked as they are read.

use std::io::{self, BufRead, BufReader, Read};

use flate2::bufread::MultiGzDecoder;
use ruzstd::decoding::errors::{FrameDecoderError, ReadFrameHeaderError};
use ruzstd::decoding::{BlockDecodingStrategy, FrameDecoder};

/// Largest window of a Zstandard frame in bytes, which is held in memory: what the `zstd` command reads too, unless told
/// otherwise. A frame that asks for more is refused before any memory is taken.
const MAX_WINDOW_BYTES: u64 = 128 << 20;

const GZIP_MAGIC: &[u8] = &[0x1f, 0x8b];
const ZSTD_MAGIC: &[u8] = &[0x28, 0xb5, 0x2f, 0xfd];

/// How a file is compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Compression {
    Plain,
    Gzip,
    Zstd,
}

impl Compression {
    /// What the end of a file's name, in small letters, says, and the name without it.
    pub(super) fn of(name: &str) -> (Self, &str) {
        let endings = [(".gz", Self::Gzip), (".zst", Self::Zstd), (".zstd", Self::Zstd)];
        let found =
            endings.into_iter().find_map(|(ending, compression)| Some((compression, name.strip_suffix(ending)?)));
        found.unwrap_or((Self::Plain, name))
    }

    /// A reader of what `packed` holds. It fails where that ends early, is damaged, or is not packed like this.
    pub(super) fn unpack(self, packed: impl Read + Send + 'static) -> Box<dyn Read + Send> {
        let packed = BufReader::new(packed);
        match self {
            Self::Plain => Box::new(Plain { inner: packed, is_checked: false }),
            Self::Gzip => Box::new(Unpacked { inner: MultiGzDecoder::new(packed), format: "gzip" }),
            Self::Zstd => Box::new(Unpacked { inner: Frames::new(packed), format: "Zstandard" }),
        }
    }
}

/// Bytes as they are, unless they begin as compressed ones do and no text does.
struct Plain<R> {
    inner: BufReader<R>,
    is_checked: bool,
}

impl<R: Read> Read for Plain<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if !self.is_checked {
            let start = self.inner.fill_buf()?;
            if start.starts_with(GZIP_MAGIC) {
                return Err(invalid(packed("gzip", ".gz", "gzip -dc")));
            }
            if start.starts_with(ZSTD_MAGIC) {
                return Err(invalid(packed("Zstandard", ".zst", "zstd -dc")));
            }
            self.is_checked = true;
        }
        self.inner.read(buffer)
    }
}

fn packed(format: &str, ending: &str, command: &str) -> String {
    format!("it is compressed ({format}); unpack it with `{command}`, or give a file whose name ends in {ending}")
}

/// A reader whose errors say what is wrong with the file.
struct Unpacked<R> {
    inner: R,
    format: &'static str,
}

impl<R: Read> Read for Unpacked<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.inner.read(buffer).map_err(|error| {
            if error.raw_os_error().is_some() || error.kind() == io::ErrorKind::Interrupted {
                return error;
            }
            invalid(format!("its {} data ends early or is damaged ({error})", self.format))
        })
    }
}

fn invalid(message: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, message)
}

/// The contents of the Zstandard frames that follow each other in `source`.
struct Frames<R> {
    source: R,
    decoder: FrameDecoder,
    is_in_frame: bool,
    /// Whether there was a frame, as there must be.
    has_begun: bool,
}

impl<R: BufRead> Frames<R> {
    fn new(source: R) -> Self {
        let mut decoder = FrameDecoder::new();
        decoder.set_max_window_size(MAX_WINDOW_BYTES);
        Self { source, decoder, is_in_frame: false, has_begun: false }
    }

    /// Begins the next frame, or passes over it if it holds no data.
    fn begin_frame(&mut self) -> io::Result<()> {
        match self.decoder.init(&mut self.source) {
            Ok(()) => self.is_in_frame = true,
            Err(FrameDecoderError::ReadFrameHeaderError(ReadFrameHeaderError::SkipFrame { length, .. })) => {
                let length = u64::from(length);
                if io::copy(&mut self.source.by_ref().take(length), &mut io::sink())? < length {
                    return Err(io::ErrorKind::UnexpectedEof.into());
                }
            }
            Err(error) => return Err(io::Error::other(error)),
        }
        self.has_begun = true;
        Ok(())
    }

    fn end_frame(&mut self) -> io::Result<()> {
        self.is_in_frame = false;
        let stored = self.decoder.get_checksum_from_data();
        if stored.is_some() && stored != self.decoder.get_calculated_checksum() {
            return Err(io::Error::other("the checksum is another"));
        }
        Ok(())
    }
}

impl<R: BufRead> Read for Frames<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            if !self.is_in_frame {
                if self.has_begun && self.source.fill_buf()?.is_empty() {
                    return Ok(0);
                }
                self.begin_frame()?;
            } else if self.decoder.can_collect() > 0 {
                return self.decoder.read(buffer);
            } else if self.decoder.is_finished() {
                self.end_frame()?;
            } else {
                let one = BlockDecodingStrategy::UptoBlocks(1);
                self.decoder.decode_blocks(&mut self.source, one).map_err(io::Error::other)?;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use ruzstd::encoding::{CompressionLevel, compress_to_vec};

    use super::*;

    fn unpack(compression: Compression, bytes: Vec<u8>) -> Result<Vec<u8>, String> {
        let mut contents = Vec::new();
        let read = compression.unpack(Cursor::new(bytes)).read_to_end(&mut contents);
        read.map(|_| contents).map_err(|error| error.to_string())
    }

    fn frame(contents: &[u8]) -> Vec<u8> {
        compress_to_vec(contents, CompressionLevel::Fastest)
    }

    fn skippable(contents: &[u8]) -> Vec<u8> {
        let length = u32::try_from(contents.len()).unwrap().to_le_bytes();
        [&[0x53, 0x2a, 0x4d, 0x18], &length[..], contents].concat()
    }

    #[test]
    fn the_name_says_how_a_file_is_packed() {
        assert_eq!(Compression::of("n.csv"), (Compression::Plain, "n.csv"));
        assert_eq!(Compression::of("n.csv.gz"), (Compression::Gzip, "n.csv"));
        assert_eq!(Compression::of("n.csv.zst"), (Compression::Zstd, "n.csv"));
        assert_eq!(Compression::of("n.csv.zstd"), (Compression::Zstd, "n.csv"));
    }

    #[test]
    fn frames_follow_each_other_and_skippable_ones_hold_nothing() {
        let long = b"Profit rose\n".repeat(50_000);
        let bytes = [skippable(b"index"), frame(&long), frame(b""), skippable(b""), frame(b"Loss\n")].concat();
        assert_eq!(unpack(Compression::Zstd, bytes).unwrap(), [&long[..], b"Loss\n"].concat());
        assert_eq!(unpack(Compression::Zstd, skippable(b"alone")).unwrap(), b"");
    }

    #[test]
    fn a_cut_at_any_byte_within_a_frame_is_an_error() {
        let bytes = [skippable(b"index"), frame(&b"Profit rose\n".repeat(20))].concat();
        let boundary = skippable(b"index").len();
        for length in (0..bytes.len()).filter(|&length| length != boundary) {
            let error = unpack(Compression::Zstd, bytes[..length].to_vec()).unwrap_err();
            assert!(error.contains("ends early or is damaged"), "{length}: {error}");
        }
    }

    #[test]
    fn another_checksum_is_an_error() {
        let mut bytes = frame(b"Profit rose\n");
        assert_ne!(bytes[4] & 4, 0, "the frame has a checksum");
        *bytes.last_mut().unwrap() ^= 1;
        assert!(unpack(Compression::Zstd, bytes).unwrap_err().contains("checksum"));
    }

    #[test]
    fn a_frame_that_asks_for_gigabytes_is_refused() {
        // A frame of a window of 2^(10 + 22) bytes, and one of a single segment of as many.
        let of_window = [ZSTD_MAGIC, &[0, 22 << 3]].concat();
        let of_segment = [ZSTD_MAGIC, &[0xe0], &(1_u64 << 32).to_le_bytes()].concat();
        for bytes in [of_window, of_segment] {
            assert!(unpack(Compression::Zstd, bytes).unwrap_err().contains("window_size is too big"));
        }
    }

    #[test]
    fn what_begins_as_compressed_bytes_do_is_no_text() {
        for bytes in [frame(b"Profit rose\n"), vec![0x1f, 0x8b, 8, 0]] {
            assert!(unpack(Compression::Plain, bytes).unwrap_err().contains("it is compressed"));
        }
        assert_eq!(unpack(Compression::Plain, b"(".to_vec()).unwrap(), b"(");
    }
}
