//! Checks that a workbook does not take more memory than its size: it is a ZIP archive, whose parts may be a thousand times as
//! large, and the library believes what they say.

use std::io::{Read, Seek};

use zip::ZipArchive;

use crate::input::read_stats::MAX_RECORD_BYTES;

/// The decompressed bytes of all parts. A million rows of headlines with ten columns have less.
const MAX_BYTES: u64 = 1 << 30;
/// The decompressed bytes of the texts of all cells, which are held in memory.
const MAX_STRING_BYTES: u64 = 256 << 20;
/// Tags of the texts of all cells; each text has four and takes memory, though it may be empty.
const MAX_STRING_TAGS: u64 = 1 << 24;
/// Texts that a workbook may claim to have, whatever it has.
const CLAIMED_STRINGS: u64 = 1 << 20;
/// The decompressed bytes of any other part that is held in memory, such as the styles.
const MAX_PART_BYTES: u64 = 64 << 20;
/// The start of a part, in which its attributes are.
const START_BYTES: usize = 4 << 10;

/// Checks a workbook.
///
/// # Errors
/// What is wrong with it.
pub(super) fn check(workbook: impl Read + Seek) -> Result<(), String> {
    let mut archive = ZipArchive::new(workbook).map_err(|error| error.to_string())?;
    let mut left = MAX_BYTES;
    for index in 0..archive.len() {
        let part = archive.by_index(index).map_err(|error| error.to_string())?;
        let name = part.name().map_err(|error| error.to_string())?.to_ascii_lowercase();
        if !name.ends_with(".xml") && !name.ends_with(".rels") {
            continue;
        }
        let too_large = "it has more than 1 GiB when it is decompressed";
        if part.size() > left {
            return Err(too_large.into());
        }
        // It may have more than it says.
        let seen = Seen::of(part.take(left + 1)).map_err(|error| error.to_string())?;
        left = left.checked_sub(seen.bytes).ok_or(too_large)?;
        seen.check(&name)?;
    }
    Ok(())
}

/// What was seen of a part.
#[derive(Debug, Default)]
struct Seen {
    bytes: u64,
    tags: u64,
    /// Bytes of the longest text or tag.
    longest: u64,
    start: Vec<u8>,
}

impl Seen {
    fn of(mut part: impl Read) -> std::io::Result<Self> {
        let mut seen = Self::default();
        let (mut buffer, mut length) = (vec![0; 64 << 10], 0);
        loop {
            let read = part.read(&mut buffer)?;
            if read == 0 {
                return Ok(seen);
            }
            let bytes = &buffer[..read];
            seen.bytes += read as u64;
            if seen.start.len() < START_BYTES {
                seen.start.extend_from_slice(&bytes[..read.min(START_BYTES)]);
            }
            for &byte in bytes {
                length += 1;
                if byte == b'<' {
                    seen.tags += 1;
                    seen.longest = seen.longest.max(length);
                    length = 0;
                }
            }
            seen.longest = seen.longest.max(length);
        }
    }

    fn check(&self, name: &str) -> Result<(), String> {
        if self.longest > MAX_RECORD_BYTES {
            return Err(format!("a value in `{name}` has more than {MAX_RECORD_BYTES} bytes"));
        }
        if name.ends_with("sharedstrings.xml") {
            return self.check_strings();
        }
        match self.bytes > MAX_PART_BYTES && !name.contains("/worksheets/") {
            true => Err(format!("`{name}` has more than {MAX_PART_BYTES} bytes when it is decompressed")),
            false => Ok(()),
        }
    }

    fn check_strings(&self) -> Result<(), String> {
        if self.bytes > MAX_STRING_BYTES || self.tags > MAX_STRING_TAGS {
            return Err("the texts of its cells take too much memory; save the sheet as .csv".into());
        }
        match self.claimed_strings().is_some_and(|claimed| claimed > self.tags.max(CLAIMED_STRINGS)) {
            true => Err("it claims more texts than it has".into()),
            false => Ok(()),
        }
    }

    /// The number of texts that the part says it has.
    fn claimed_strings(&self) -> Option<u64> {
        let start = String::from_utf8_lossy(&self.start);
        let (_, claim) = start.split_once("uniqueCount")?;
        let claim = claim.trim_start_matches(|letter: char| letter.is_whitespace() || "='\"".contains(letter));
        let end = claim.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(claim.len());
        Some(claim[..end].parse().unwrap_or(u64::MAX)).filter(|_| end > 0)
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Cursor, Write};

    use zip::write::SimpleFileOptions;
    use zip::{CompressionMethod, ZipWriter};

    use super::*;

    fn check_part(name: &str, contents: &[u8], times: usize) -> Result<(), String> {
        let mut archive = ZipWriter::new(Cursor::new(Vec::new()));
        let options = SimpleFileOptions::default().compression_method(CompressionMethod::Deflated);
        archive.start_file(name, options).unwrap();
        (0..times).for_each(|_| archive.write_all(contents).unwrap());
        check(archive.finish().unwrap())
    }

    #[test]
    fn a_part_that_expands_or_claims_too_much_is_refused() {
        let strings = "xl/sharedStrings.xml";
        assert_eq!(check_part(strings, b"<sst uniqueCount=\"2\"><si><t>Up</t></si></sst>", 1), Ok(()));
        let claims = check_part(strings, b"<sst uniqueCount = '99999999999'>", 1);
        assert!(claims.unwrap_err().contains("claims more texts"));
        assert!(check_part(strings, b"<sst uniqueCount=\"99999999999999999999999\">", 1).is_err());
        let spaces = vec![b' '; 1 << 20];
        assert!(check_part("xl/worksheets/sheet1.xml", &spaces, 65).unwrap_err().contains("a value in"));
        assert_eq!(check_part("xl/media/image.png", &spaces, 65), Ok(()));
    }

    #[test]
    fn the_parts_that_are_held_in_memory_are_bounded() {
        let seen = Seen { bytes: MAX_PART_BYTES + 1, tags: MAX_STRING_TAGS + 1, ..Seen::default() };
        assert!(seen.check("xl/sharedstrings.xml").unwrap_err().contains("too much memory"));
        assert!(seen.check("xl/styles.xml").unwrap_err().contains("xl/styles.xml"));
        assert_eq!(seen.check("xl/worksheets/sheet1.xml"), Ok(()));
    }
}
