//! What is around the compressed bytes of a gzip member, by RFC 1952.

use std::io;

use flate2::Crc;

/// The header of a member, while it is read. Names and comments are skipped.
#[derive(Debug)]
pub(super) struct Header {
    part: Part,
    /// Bytes of the part that were read.
    read: usize,
    flags: u8,
    extra_length: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    Fixed,
    ExtraLength,
    Extra,
    Name,
    Comment,
    Checksum,
    Complete,
}

const HAS_CHECKSUM: u8 = 1 << 1;
const HAS_EXTRA: u8 = 1 << 2;
const HAS_NAME: u8 = 1 << 3;
const HAS_COMMENT: u8 = 1 << 4;
const RESERVED: u8 = 0b1110_0000;

impl Header {
    pub(super) fn new() -> Self {
        Self { part: Part::Fixed, read: 0, flags: 0, extra_length: 0 }
    }

    pub(super) fn is_complete(&self) -> bool {
        self.part == Part::Complete
    }

    /// Reads the next byte.
    ///
    /// # Errors
    /// If there is no gzip member here.
    pub(super) fn read(&mut self, byte: u8) -> io::Result<()> {
        match (self.part, self.read) {
            (Part::Fixed, 0) => check(byte == 0x1f)?,
            (Part::Fixed, 1) => check(byte == 0x8b)?,
            // The only method is deflate.
            (Part::Fixed, 2) => check(byte == 8)?,
            (Part::Fixed, 3) => {
                check(byte & RESERVED == 0)?;
                self.flags = byte;
            }
            (Part::ExtraLength, index) => self.extra_length |= usize::from(byte) << (8 * index),
            _ => {}
        }
        self.read += 1;
        let is_over = match self.part {
            Part::Fixed => self.read == 10,
            Part::ExtraLength | Part::Checksum => self.read == 2,
            Part::Extra => self.read == self.extra_length,
            Part::Name | Part::Comment => byte == 0,
            Part::Complete => false,
        };
        if is_over {
            self.go_on();
        }
        Ok(())
    }

    /// Goes on to the next part that the header has.
    fn go_on(&mut self) {
        self.read = 0;
        loop {
            let (next, is_there) = match self.part {
                Part::Fixed => (Part::ExtraLength, self.flags & HAS_EXTRA != 0),
                Part::ExtraLength => (Part::Extra, self.extra_length > 0),
                Part::Extra => (Part::Name, self.flags & HAS_NAME != 0),
                Part::Name => (Part::Comment, self.flags & HAS_COMMENT != 0),
                Part::Comment => (Part::Checksum, self.flags & HAS_CHECKSUM != 0),
                Part::Checksum | Part::Complete => (Part::Complete, true),
            };
            self.part = next;
            if is_there {
                return;
            }
        }
    }
}

fn check(is_valid: bool) -> io::Result<()> {
    if is_valid { Ok(()) } else { Err(io::Error::other("invalid gzip header")) }
}

/// The end of a member: the checksum and the length of what it decompresses to.
#[derive(Debug, Default)]
pub(super) struct Trailer {
    bytes: [u8; 8],
    read: usize,
}

impl Trailer {
    pub(super) fn is_complete(&self) -> bool {
        self.read == self.bytes.len()
    }

    /// Reads the next byte. To be called only if it is not [complete](Self::is_complete).
    pub(super) fn read(&mut self, byte: u8) {
        self.bytes[self.read] = byte;
        self.read += 1;
    }

    /// # Errors
    /// If it is not that of the decompressed bytes.
    pub(super) fn check(&self, crc: &Crc) -> io::Result<()> {
        let expected = [crc.sum().to_le_bytes(), crc.amount().to_le_bytes()].concat();
        if self.bytes[..] == expected {
            Ok(())
        } else {
            Err(io::Error::other("the checksum of a gzip member is wrong"))
        }
    }
}

#[cfg(test)]
mod tests {
    use flate2::{Compression, GzBuilder};

    use super::*;

    #[test]
    fn the_header_ends_where_the_compressed_bytes_begin() {
        let full = || GzBuilder::new().extra([7; 300]).filename("a name").comment("a comment").mtime(9);
        for builder in [GzBuilder::new(), full(), GzBuilder::new().comment(""), GzBuilder::new().extra([])] {
            let member = builder.write(Vec::new(), Compression::fast()).finish().unwrap();
            let mut header = Header::new();
            let length = member.iter().take_while(|&&byte| !header.is_complete() && header.read(byte).is_ok()).count();
            // An empty member has two bytes of deflate and the trailer.
            assert_eq!(length, member.len() - 10, "{header:?}");
        }
    }

    #[test]
    fn the_checksum_of_a_header_is_skipped() {
        let mut header = Header::new();
        let bytes = [0x1f, 0x8b, 8, HAS_CHECKSUM, 0, 0, 0, 0, 0, 3, 1, 2];
        assert!(bytes.iter().all(|&byte| !header.is_complete() && header.read(byte).is_ok()) && header.is_complete());
    }

    #[test]
    fn other_data_is_no_member() {
        for bytes in [&b"PK"[..], &[0x1f, 0x8c], &[0x1f, 0x8b, 7], &[0x1f, 0x8b, 8, 0x80], &[0]] {
            let mut header = Header::new();
            assert!(bytes.iter().any(|&byte| header.read(byte).is_err()), "{bytes:?}");
        }
    }
}
