//! The wire format of protocol buffers, as far as a sentencepiece model uses it.
//!
//! Source: <https://protobuf.dev/programming-guides/encoding/>.

/// The value of a field.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Value<'a> {
    /// Integers, enumerations and truth values.
    Varint(u64),
    /// Numbers of four bytes.
    Fixed32([u8; 4]),
    /// Numbers of eight bytes. No field that is read has any.
    Fixed64,
    /// Strings, bytes and messages.
    Bytes(&'a [u8]),
}

/// The fields of a message, in their order. It ends after the first error.
#[derive(Debug)]
pub(super) struct Fields<'a> {
    rest: &'a [u8],
}

impl<'a> Fields<'a> {
    pub(super) fn of(message: &'a [u8]) -> Self {
        Self { rest: message }
    }

    fn field(&mut self) -> Result<(u64, Value<'a>), String> {
        let key = self.varint()?;
        let number = key >> 3;
        let value = match key & 7 {
            0 => Value::Varint(self.varint()?),
            1 => self.bytes(8).map(|_| Value::Fixed64)?,
            2 => {
                let length = self.varint()?;
                Value::Bytes(self.bytes(length)?)
            }
            5 => Value::Fixed32(self.bytes(4)?.try_into().expect("they are four")),
            kind => return Err(format!("field {number} has the wire type {kind}")),
        };
        Ok((number, value))
    }

    /// Seven bits in each byte, the lowest first. All but the last byte have the highest bit.
    fn varint(&mut self) -> Result<u64, String> {
        let mut value = 0;
        for shift in (0..64).step_by(7) {
            let byte = u64::from(self.bytes(1)?[0]);
            value |= (byte & 0x7f) << shift;
            if byte < 0x80 {
                return Ok(value);
            }
        }
        Err("a number has more than ten bytes".into())
    }

    fn bytes(&mut self, length: u64) -> Result<&'a [u8], String> {
        let split = usize::try_from(length).ok().and_then(|length| self.rest.split_at_checked(length));
        let (bytes, rest) = split.ok_or("it ends in the middle of a field, so it may be truncated")?;
        self.rest = rest;
        Ok(bytes)
    }
}

impl<'a> Iterator for Fields<'a> {
    /// The number of a field and its value.
    type Item = Result<(u64, Value<'a>), String>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let field = self.field();
        if field.is_err() {
            self.rest = &[];
        }
        Some(field)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(message: &[u8]) -> Vec<Result<(u64, Value<'_>), String>> {
        Fields::of(message).collect()
    }

    #[test]
    fn every_kind_of_value_is_read() {
        let message = [&[0x08, 0xac, 0x02, 0x12, 2][..], b"ab", &[0x1d, 1, 2, 3, 4, 0x21], &[0; 8]].concat();
        let expected = [
            Ok((1, Value::Varint(300))),
            Ok((2, Value::Bytes(b"ab"))),
            Ok((3, Value::Fixed32([1, 2, 3, 4]))),
            Ok((4, Value::Fixed64)),
        ];
        assert_eq!(fields(&message), expected);
        // A negative number has ten bytes.
        assert_eq!(fields(&[8, 255, 255, 255, 255, 255, 255, 255, 255, 255, 1]), [Ok((1, Value::Varint(u64::MAX)))]);
        assert!(fields(&[]).is_empty());
    }

    #[test]
    fn damage_is_an_error_and_the_end() {
        for (message, reason) in [
            (&[0x12, 5, b'a'][..], "truncated"),
            (&[0x08], "truncated"),
            (&[0x80], "truncated"),
            (&[0x1d, 1, 2, 3], "truncated"),
            (&[0x21, 0], "truncated"),
            // A length of nearly 2^64.
            (&[0x12, 255, 255, 255, 255, 255, 255, 255, 255, 255, 1], "truncated"),
            (&[0x08, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 1], "more than ten bytes"),
            (&[0x0b], "field 1 has the wire type 3"),
            (&[0x0f, 0, 0], "field 1 has the wire type 7"),
        ] {
            let found = fields(message);
            assert!(matches!(&found[..], [Err(error)] if error.contains(reason)), "{message:?}: {found:?}");
        }
    }
}
