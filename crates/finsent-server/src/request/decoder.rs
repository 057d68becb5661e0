//! Decompresses a body in small steps, the same way whether it arrives in pieces or is there as a whole.

use std::io;

use actix_web::web::Bytes;
use flate2::{Crc, Decompress, FlushDecompress, Status};

use super::content_coding::{ContentCoding, cannot_decompress};
use super::gzip::{Header, Trailer};
use crate::error::HttpError;

/// Decompresses a bounded amount at a time, also of a decompression bomb.
pub(crate) struct Decoder {
    input: Input,
    coding: Coding,
    /// Compressed bytes that were given to it.
    compressed: u64,
    /// Bytes that were decompressed.
    decompressed: u64,
}

/// What one step has made.
pub(crate) struct Step {
    /// The next decompressed bytes, perhaps none.
    pub(crate) bytes: Bytes,
    /// What the step has cost, as a number of bytes that are decompressed in the same time.
    pub(crate) work: usize,
}

/// The most bytes that a step decompresses.
pub(crate) const MAX_STEP: usize = 16 << 10;
/// The most compressed bytes that a step reads.
const COMPRESSED_STEP: usize = 4 << 10;
/// What a gzip member costs, however short it is: its window is cleared.
const MEMBER_WORK: usize = 32 << 10;
/// A body may have this many gzip members.
const FREE_MEMBERS: u64 = 64;
/// Beyond them it needs this many bytes for each more, compressed and decompressed, so that members are not most of its work.
const BYTES_PER_MEMBER: u64 = 64;

/// Compressed bytes that are not decompressed yet.
#[derive(Debug, Default)]
struct Input {
    bytes: Bytes,
    /// Whether no more will arrive.
    is_last: bool,
}

enum Coding {
    Identity,
    Gzip(Gzip),
    Deflate(Zlib),
}

impl Decoder {
    pub(crate) fn new(coding: ContentCoding) -> Self {
        let coding = match coding {
            ContentCoding::Identity => Coding::Identity,
            ContentCoding::Gzip => Coding::Gzip(Gzip::new()),
            ContentCoding::Deflate => Coding::Deflate(Zlib { inflate: Decompress::new(true), is_complete: false }),
        };
        Self { input: Input::default(), coding, compressed: 0, decompressed: 0 }
    }

    /// Takes more compressed bytes. To be called only after [`next`](Self::next) has returned `None`.
    pub(crate) fn push(&mut self, compressed: Bytes) {
        self.compressed += compressed.len() as u64;
        self.input.bytes = compressed;
    }

    /// Says that no more bytes will arrive.
    pub(crate) fn end(&mut self) {
        self.input.is_last = true;
    }

    /// Compressed bytes that were pushed, and decompressed ones that were made of them.
    pub(crate) fn totals(&self) -> (u64, u64) {
        (self.compressed, self.decompressed)
    }

    /// Goes a step on; `None` if it needs more compressed bytes, or if all are decompressed.
    ///
    /// # Errors
    /// [`HttpError::Malformed`] if the bytes are not compressed as they should be, if something follows them, or if they
    /// are incomplete at the [end](Self::end).
    pub(crate) fn next(&mut self) -> Result<Option<Step>, HttpError> {
        let bytes_left = self.input.bytes.len();
        let bytes_so_far = self.compressed - bytes_left as u64 + self.decompressed;
        let step = match &mut self.coding {
            Coding::Identity => Ok(self.input.split_step()),
            Coding::Gzip(gzip) => gzip.next(&mut self.input, bytes_so_far),
            Coding::Deflate(zlib) => zlib.next(&mut self.input),
        };
        let Some(Step { bytes, work }) = step.map_err(cannot_decompress)? else { return Ok(None) };
        self.decompressed += bytes.len() as u64;
        let read = bytes_left - self.input.bytes.len();
        Ok(Some(Step { work: work + bytes.len().max(read), bytes }))
    }
}

impl Input {
    fn split_step(&mut self) -> Option<Step> {
        let bytes = self.bytes.split_to(self.bytes.len().min(MAX_STEP));
        (!bytes.is_empty()).then_some(Step { bytes, work: 0 })
    }

    /// Reads single bytes until `is_complete` or the end of a step.
    fn read_bytes(&mut self, mut read: impl FnMut(u8) -> io::Result<bool>) -> io::Result<()> {
        let mut count = 0;
        for &byte in self.bytes.iter().take(COMPRESSED_STEP) {
            count += 1;
            if read(byte)? {
                break;
            }
        }
        drop(self.bytes.split_to(count));
        Ok(())
    }

    /// What to do without more bytes: wait for them, unless the last ones were read.
    fn wait(&self) -> io::Result<Option<Step>> {
        if self.is_last { Err(incomplete()) } else { Ok(None) }
    }

    /// Decompresses a step. The decompressor may give more without reading more.
    fn inflate(&mut self, inflate: &mut Decompress) -> io::Result<(Vec<u8>, Status)> {
        let mut bytes = Vec::with_capacity(MAX_STEP);
        let before = inflate.total_in();
        let input = &self.bytes[..self.bytes.len().min(COMPRESSED_STEP)];
        let status = inflate.decompress_vec(input, &mut bytes, FlushDecompress::None);
        let status = status.map_err(|_| io::Error::other("corrupt deflate stream"))?;
        drop(self.bytes.split_to((inflate.total_in() - before) as usize));
        Ok((bytes, status))
    }
}

struct Zlib {
    inflate: Decompress,
    is_complete: bool,
}

impl Zlib {
    fn next(&mut self, input: &mut Input) -> io::Result<Option<Step>> {
        if self.is_complete {
            return if input.bytes.is_empty() { Ok(None) } else { Err(io::Error::other("other data follows it")) };
        }
        let left = input.bytes.len();
        let (bytes, status) = input.inflate(&mut self.inflate)?;
        self.is_complete = status == Status::StreamEnd;
        if bytes.is_empty() && input.bytes.len() == left && !self.is_complete {
            return input.wait();
        }
        Ok(Some(Step { bytes: bytes.into(), work: 0 }))
    }
}

/// The members of a gzip file, one after the other.
struct Gzip {
    inflate: Decompress,
    crc: Crc,
    place: Place,
    /// Members that are complete.
    complete: u64,
}

/// The part of a member that comes next.
enum Place {
    Between,
    Header(Header),
    Content,
    Trailer(Trailer),
}

impl Gzip {
    fn new() -> Self {
        Self { inflate: Decompress::new(false), crc: Crc::new(), place: Place::Between, complete: 0 }
    }

    /// `bytes_so_far` are those of the body, compressed and decompressed.
    fn next(&mut self, input: &mut Input, bytes_so_far: u64) -> io::Result<Option<Step>> {
        let left = input.bytes.len();
        match &mut self.place {
            Place::Between if input.bytes.is_empty() => {
                return if self.complete > 0 { Ok(None) } else { input.wait() };
            }
            Place::Between => {
                if self.complete >= FREE_MEMBERS + bytes_so_far / BYTES_PER_MEMBER {
                    return Err(io::Error::other("it has too many gzip members for its size"));
                }
                self.place = Place::Header(Header::new());
                return Ok(Some(Step { work: MEMBER_WORK, bytes: Bytes::new() }));
            }
            Place::Header(header) => {
                input.read_bytes(|byte| header.read(byte).map(|()| header.is_complete()))?;
                if header.is_complete() {
                    self.inflate.reset(false);
                    self.crc.reset();
                    self.place = Place::Content;
                }
            }
            Place::Content => {
                let (bytes, status) = input.inflate(&mut self.inflate)?;
                self.crc.update(&bytes);
                if status == Status::StreamEnd {
                    self.place = Place::Trailer(Trailer::default());
                }
                if !bytes.is_empty() || status == Status::StreamEnd {
                    return Ok(Some(Step { bytes: bytes.into(), work: 0 }));
                }
            }
            Place::Trailer(trailer) => {
                input.read_bytes(|byte| {
                    trailer.read(byte);
                    Ok(trailer.is_complete())
                })?;
                if trailer.is_complete() {
                    trailer.check(&self.crc)?;
                    self.place = Place::Between;
                    self.complete += 1;
                }
            }
        }
        if input.bytes.len() == left { input.wait() } else { Ok(Some(Step { bytes: Bytes::new(), work: 0 })) }
    }
}

fn incomplete() -> io::Error {
    io::Error::new(io::ErrorKind::UnexpectedEof, "it is incomplete")
}

#[cfg(test)]
mod tests;
