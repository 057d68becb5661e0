//! Compressed files: gzip and Zstandard, decompressed as they are read.

use std::io::{self, BufRead, BufReader, Read};

use flate2::bufread::MultiGzDecoder;
use ruzstd::decoding::errors::{FrameDecoderError, ReadFrameHeaderError};
use ruzstd::decoding::{BlockDecodingStrategy, FrameDecoder};

/// Largest window of a Zstandard frame in bytes, which is held in memory: the limit of the `zstd` command, too. A frame that
/// asks for more is refused before memory is allocated.
const MAX_WINDOW_BYTES: u64 = 128 << 20;

const GZIP_MAGIC: &[u8] = &[0x1f, 0x8b];
const ZSTD_MAGIC: &[u8] = &[0x28, 0xb5, 0x2f, 0xfd];

const ZIP_MAGIC: &[u8] = b"PK\x03\x04";
const OLE_MAGIC: &[u8] = &[0xd0, 0xcf, 0x11, 0xe0];

/// How a file is compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Compression {
    Plain,
    Gzip,
    Zstd,
}

impl Compression {
    /// The compression that the end of a file's name in lower case stands for, and the name without it.
    pub(super) fn of(name: &str) -> (Self, &str) {
        let endings = [(".gz", Self::Gzip), (".zst", Self::Zstd), (".zstd", Self::Zstd)];
        let found =
            endings.into_iter().find_map(|(ending, compression)| Some((compression, name.strip_suffix(ending)?)));
        found.unwrap_or((Self::Plain, name))
    }

    /// A reader of the decompressed contents. It fails if `compressed` ends early, is damaged, or has another format.
    pub(super) fn decompress(self, compressed: impl Read + Send + 'static) -> Box<dyn Read + Send> {
        let compressed = BufReader::new(compressed);
        match self {
            Self::Plain => Box::new(Plain { inner: compressed, is_checked: false }),
            Self::Gzip => Box::new(Decompressed { inner: MultiGzDecoder::new(compressed), format: "gzip" }),
            Self::Zstd => Box::new(Decompressed { inner: Frames::new(compressed), format: "Zstandard" }),
        }
    }
}

/// Bytes that are not compressed. They are refused if they start as compressed files do, and no text does.
struct Plain<R> {
    inner: BufReader<R>,
    is_checked: bool,
}

impl<R: Read> Read for Plain<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if !self.is_checked {
            let start = self.inner.fill_buf()?;
            if start.starts_with(GZIP_MAGIC) {
                return Err(invalid(compressed("gzip", ".gz", "gzip -dc")));
            }
            if start.starts_with(ZSTD_MAGIC) {
                return Err(invalid(compressed("Zstandard", ".zst", "zstd -dc")));
            }
            if start.starts_with(ZIP_MAGIC) || start.starts_with(OLE_MAGIC) {
                return Err(invalid(
                    "it is not text but a ZIP archive or a file of Office; save it as .xlsx or .csv".into(),
                ));
            }
            self.is_checked = true;
        }
        self.inner.read(buffer)
    }
}

fn compressed(format: &str, ending: &str, command: &str) -> String {
    format!("it is compressed ({format}); end its name in {ending}, or decompress it with `{command}`")
}

/// A reader whose errors name the format of the file.
struct Decompressed<R> {
    inner: R,
    format: &'static str,
}

impl<R: Read> Read for Decompressed<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.inner.read(buffer).map_err(|error| {
            let what = || format!("its {} data is damaged or ends early", self.format);
            match error.kind() {
                _ if error.raw_os_error().is_some() => error,
                io::ErrorKind::Interrupted => error,
                // From a check of ours; what the libraries say is for their developers.
                io::ErrorKind::InvalidData => invalid(format!("{} ({error})", what())),
                _ => invalid(what()),
            }
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
    /// Whether there was a frame: a file has at least one.
    has_frame: bool,
}

impl<R: BufRead> Frames<R> {
    fn new(source: R) -> Self {
        let mut decoder = FrameDecoder::new();
        decoder.set_max_window_size(MAX_WINDOW_BYTES);
        Self { source, decoder, is_in_frame: false, has_frame: false }
    }

    /// Starts the next frame, or skips it if it is one without data.
    fn start_frame(&mut self) -> io::Result<()> {
        match self.decoder.init(&mut self.source) {
            Ok(()) => self.is_in_frame = true,
            Err(FrameDecoderError::ReadFrameHeaderError(ReadFrameHeaderError::SkipFrame { length, .. })) => {
                let length = u64::from(length);
                if io::copy(&mut self.source.by_ref().take(length), &mut io::sink())? < length {
                    return Err(io::ErrorKind::UnexpectedEof.into());
                }
            }
            Err(FrameDecoderError::WindowSizeTooBig { .. }) => {
                return Err(invalid(format!("it needs a window of more than {MAX_WINDOW_BYTES} bytes")));
            }
            Err(error) => return Err(io::Error::other(error)),
        }
        self.has_frame = true;
        Ok(())
    }

    fn end_frame(&mut self) -> io::Result<()> {
        self.is_in_frame = false;
        let stored = self.decoder.get_checksum_from_data();
        if stored.is_some() && stored != self.decoder.get_calculated_checksum() {
            return Err(invalid("its checksum is wrong".into()));
        }
        Ok(())
    }
}

impl<R: BufRead> Read for Frames<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            if !self.is_in_frame {
                if self.has_frame && self.source.fill_buf()?.is_empty() {
                    return Ok(0);
                }
                self.start_frame()?;
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

    fn decompress(compression: Compression, bytes: Vec<u8>) -> Result<Vec<u8>, String> {
        let mut contents = Vec::new();
        let read = compression.decompress(Cursor::new(bytes)).read_to_end(&mut contents);
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
    fn the_name_says_how_a_file_is_compressed() {
        assert_eq!(Compression::of("n.csv"), (Compression::Plain, "n.csv"));
        assert_eq!(Compression::of("n.csv.gz"), (Compression::Gzip, "n.csv"));
        assert_eq!(Compression::of("n.csv.zst"), (Compression::Zstd, "n.csv"));
        assert_eq!(Compression::of("n.csv.zstd"), (Compression::Zstd, "n.csv"));
    }

    #[test]
    fn frames_are_concatenated_and_skippable_ones_are_empty() {
        let long = b"Profit rose\n".repeat(50_000);
        let bytes = [skippable(b"index"), frame(&long), frame(b""), skippable(b""), frame(b"Loss\n")].concat();
        assert_eq!(decompress(Compression::Zstd, bytes).unwrap(), [&long[..], b"Loss\n"].concat());
        assert_eq!(decompress(Compression::Zstd, skippable(b"alone")).unwrap(), b"");
    }

    #[test]
    fn a_frame_that_ends_early_at_any_byte_is_an_error() {
        let bytes = [skippable(b"index"), frame(&b"Profit rose\n".repeat(20))].concat();
        let boundary = skippable(b"index").len();
        for length in (0..bytes.len()).filter(|&length| length != boundary) {
            let error = decompress(Compression::Zstd, bytes[..length].to_vec()).unwrap_err();
            assert!(error.contains("damaged or ends early"), "{length}: {error}");
        }
    }

    #[test]
    fn a_wrong_checksum_is_an_error() {
        let mut bytes = frame(b"Profit rose\n");
        assert_ne!(bytes[4] & 4, 0, "the frame has a checksum");
        *bytes.last_mut().unwrap() ^= 1;
        assert!(decompress(Compression::Zstd, bytes).unwrap_err().contains("checksum"));
    }

    #[test]
    fn a_frame_that_asks_for_gigabytes_is_refused() {
        // A frame with a window of 2^(10 + 22) bytes, and one with a single segment of that size.
        let of_window = [ZSTD_MAGIC, &[0, 22 << 3]].concat();
        let of_segment = [ZSTD_MAGIC, &[0xe0], &(1_u64 << 32).to_le_bytes()].concat();
        for bytes in [of_window, of_segment] {
            assert!(decompress(Compression::Zstd, bytes).unwrap_err().contains("a window of more than"));
        }
    }

    #[test]
    fn bytes_that_start_as_a_compressed_file_are_refused_as_text() {
        for bytes in [frame(b"Profit rose\n"), vec![0x1f, 0x8b, 8, 0]] {
            assert!(decompress(Compression::Plain, bytes).unwrap_err().contains("it is compressed"));
        }
        assert_eq!(decompress(Compression::Plain, b"(".to_vec()).unwrap(), b"(");
    }
}
