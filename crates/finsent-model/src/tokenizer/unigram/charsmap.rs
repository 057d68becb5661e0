//! The table by which sentencepiece replaces characters before it splits a text, in its binary form.

use tokenizers::normalizers::Precompiled;

/// Parses a table. It begins with the length of its index in bytes.
///
/// # Errors
/// Why it is not a table, for the end of a message.
pub(super) fn parse(table: &[u8]) -> Result<Precompiled, String> {
    check(table.first_chunk().copied(), table.len())?;
    Precompiled::from(table).map_err(|error| error.to_string())
}

/// Checks a table in base64, before the library reserves memory for all that it claims to hold.
///
/// # Errors
/// As [`parse`].
pub(super) fn check_base64(table: &str) -> Result<(), String> {
    check(length(table.as_bytes()), table.len() / 4 * 3)
}

fn check(length: Option<[u8; 4]>, bytes: usize) -> Result<(), String> {
    let fits = |length| u32::from_le_bytes(length) as usize <= bytes.saturating_sub(4);
    match length.is_some_and(fits) {
        true => Ok(()),
        false => Err("`precompiled_charsmap` is shorter than it says".into()),
    }
}

/// The first four bytes of a text in base64.
fn length(base64: &[u8]) -> Option<[u8; 4]> {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let value = |digit: &u8| DIGITS.iter().position(|other| other == digit);
    let bits = base64.first_chunk::<6>()?.iter().try_fold(0, |bits, digit| Some(bits << 6 | value(digit)? as u64))?;
    (bits >> 4).to_be_bytes().last_chunk().copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_length_of_a_table_is_that_of_its_bytes() {
        // printf '\x01\x02\x03\x04\x05' | base64
        assert_eq!(length(b"AQIDBAU="), Some([1, 2, 3, 4]));
        assert_eq!(length(b"AQIDB"), None);
        assert_eq!(length(b"AQ?DBAU="), None);
        for table in [&[][..], &[1, 0], &[1, 0, 0, 0], &[255, 255, 255, 255, 0], &[5, 0, 0, 0, 1, 2, 3, 4]] {
            assert!(parse(table).is_err(), "{table:?}");
        }
        assert!(parse(&[4, 0, 0, 0, 0, 0, 0, 0, b'a', 0]).is_ok());
        assert!(check_base64("/////w==").is_err());
        assert!(check_base64("BAAAAAAAAABhAA==").is_ok());
    }
}
