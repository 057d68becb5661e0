//! The fields of a protobuf message, read one by one where they lie, so that a message takes no memory beyond its bytes.

use crate::error::HttpError;

/// What a field holds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Value<'a> {
    Varint(u64),
    Fixed64(u64),
    Bytes(&'a [u8]),
    Fixed32(u32),
}

/// Reads the fields of a message in their order.
pub(super) struct Fields<'a> {
    rest: &'a [u8],
}

impl<'a> Fields<'a> {
    pub(super) fn of(message: &'a [u8]) -> Self {
        Self { rest: message }
    }

    /// The number and the value of the next field.
    ///
    /// # Errors
    /// [`HttpError::Malformed`] if the message is not protobuf.
    pub(super) fn next(&mut self) -> Result<Option<(u32, Value<'a>)>, HttpError> {
        if self.rest.is_empty() {
            return Ok(None);
        }
        let key = varint(&mut self.rest)?;
        let value = match key & 7 {
            0 => Value::Varint(varint(&mut self.rest)?),
            1 => Value::Fixed64(u64::from_le_bytes(self.array()?)),
            2 => {
                let length = usize::try_from(varint(&mut self.rest)?).map_err(|_| malformed())?;
                let (bytes, rest) = self.rest.split_at_checked(length).ok_or_else(malformed)?;
                self.rest = rest;
                Value::Bytes(bytes)
            }
            5 => Value::Fixed32(u32::from_le_bytes(self.array()?)),
            // Groups, which proto3 does not have.
            _ => return Err(malformed()),
        };
        match u32::try_from(key >> 3) {
            Ok(number @ 1..) => Ok(Some((number, value))),
            _ => Err(malformed()),
        }
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], HttpError> {
        let (array, rest) = self.rest.split_first_chunk().ok_or_else(malformed)?;
        self.rest = rest;
        Ok(*array)
    }
}

/// Reads a number of up to ten bytes.
pub(super) fn varint(bytes: &mut &[u8]) -> Result<u64, HttpError> {
    let mut number = 0;
    for (index, &byte) in bytes.iter().enumerate().take(10) {
        number |= u64::from(byte & 0x7f) << (7 * index);
        if byte < 0x80 {
            *bytes = &bytes[index + 1..];
            return Ok(number);
        }
    }
    Err(malformed())
}

/// A string, which must be UTF-8.
///
/// # Errors
/// [`HttpError::Malformed`] if it is not.
pub(super) fn string(bytes: &[u8]) -> Result<&str, HttpError> {
    str::from_utf8(bytes).map_err(|_| malformed())
}

pub(super) fn malformed() -> HttpError {
    HttpError::Malformed("the message is not valid protobuf of the method's type".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(message: &[u8]) -> Option<Vec<(u32, Value<'_>)>> {
        let mut fields = Fields::of(message);
        std::iter::from_fn(|| fields.next().transpose()).collect::<Result<_, _>>().ok()
    }

    #[test]
    fn fields_of_all_types_are_read_in_their_order() {
        let message = b"\x08\x96\x01\x12\x02hi\x1d\x01\0\0\0\x21\x02\0\0\0\0\0\0\0\x0a\0";
        let expected = [
            (1, Value::Varint(150)),
            (2, Value::Bytes(b"hi")),
            (3, Value::Fixed32(1)),
            (4, Value::Fixed64(2)),
            (1, Value::Bytes(b"")),
        ];
        assert_eq!(fields(message).as_deref(), Some(&expected[..]));
        assert_eq!(fields(b"\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"), Some(vec![(1, Value::Varint(u64::MAX))]));
    }

    #[test]
    fn what_ends_early_or_is_no_field_is_malformed() {
        for message in [&b"\x08"[..], b"\x0a\x05hi", b"\x0b", b"\x0d\0\0\0", b"\x00\x01", b"\x08\xff\xff", &[0xff; 11]]
        {
            assert_eq!(fields(message), None, "{message:?}");
        }
    }
}
