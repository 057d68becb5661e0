//! Thrift's compact protocol (github.com/apache/thrift, doc/specs/thrift-compact-protocol.md), in which Parquet has its footer
//! and the headers of its pages.

/// The signed number that `number` encodes.
pub(super) fn zigzag(number: u64) -> i64 {
    (number >> 1).cast_signed() ^ -(number & 1).cast_signed()
}

/// Bytes in the compact protocol. `None` says that they end early, or are not in it.
pub(super) struct Compact<'a>(pub(super) &'a [u8]);

impl Compact<'_> {
    // Numbers of types in the protocol.
    pub(super) const TRUE: u8 = 1;
    pub(super) const FALSE: u8 = 2;
    pub(super) const BYTE: u8 = 3;
    pub(super) const I16: u8 = 4;
    pub(super) const I32: u8 = 5;
    pub(super) const I64: u8 = 6;
    pub(super) const DOUBLE: u8 = 7;
    pub(super) const BINARY: u8 = 8;
    pub(super) const LIST: u8 = 9;
    const SET: u8 = 10;
    const MAP: u8 = 11;
    pub(super) const STRUCT: u8 = 12;
    /// Deepest nesting of values that are skipped.
    const MAX_NESTED: usize = 64;

    fn byte(&mut self) -> Option<u8> {
        let (first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*first)
    }

    /// An unsigned number of variable length.
    pub(super) fn varint(&mut self) -> Option<u64> {
        let mut number = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            number |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Some(number);
            }
        }
        None
    }

    /// A signed number of variable length, if it fits.
    pub(super) fn i32(&mut self) -> Option<i32> {
        i32::try_from(zigzag(self.varint()?)).ok()
    }

    /// The type of the struct's next field, whose id replaces that of the one before; `Some(None)` at the end.
    pub(super) fn field(&mut self, id: &mut i64) -> Option<Option<u8>> {
        let byte = self.byte()?;
        if byte == 0 {
            return Some(None);
        }
        *id = match byte >> 4 {
            0 => zigzag(self.varint()?),
            more => id.checked_add(more.into())?,
        };
        i16::try_from(*id).ok()?;
        Some(Some(byte & 0x0f))
    }

    /// The number of a list's elements, and their type.
    pub(super) fn list(&mut self) -> Option<(u64, u8)> {
        let byte = self.byte()?;
        let count = if byte >> 4 == 15 { self.varint()? } else { (byte >> 4).into() };
        Some((count, byte & 0x0f))
    }

    /// Skips a value of a type, inside so many others.
    pub(super) fn skip(&mut self, of_type: u8, nested: usize) -> Option<()> {
        if nested > Self::MAX_NESTED {
            return None;
        }
        match of_type {
            // The type itself is the value.
            Self::TRUE | Self::FALSE => (),
            Self::BYTE => drop(self.byte()?),
            Self::I16 | Self::I32 | Self::I64 => drop(self.varint()?),
            Self::DOUBLE => self.0 = self.0.get(8..)?,
            Self::BINARY => {
                let length = usize::try_from(self.varint()?).ok()?;
                self.0 = self.0.get(length..)?;
            }
            Self::LIST | Self::SET => {
                let (count, of) = self.list()?;
                for _ in 0..count {
                    self.skip_element(of, nested + 1)?;
                }
            }
            Self::MAP => {
                let count = self.varint()?;
                let types = if count > 0 { self.byte()? } else { 0 };
                for _ in 0..count {
                    self.skip_element(types >> 4, nested + 1)?;
                    self.skip_element(types & 0x0f, nested + 1)?;
                }
            }
            Self::STRUCT => {
                let mut id = 0;
                while let Some(field) = self.field(&mut id)? {
                    self.skip(field, nested + 1)?;
                }
            }
            _ => return None,
        }
        Some(())
    }

    /// Skips an element of a list or a map. There are no booleans in lists that are skipped, and each other element is one byte
    /// at least, so that a count that the bytes do not hold ends soon.
    fn skip_element(&mut self, of_type: u8, nested: usize) -> Option<()> {
        if of_type <= Self::FALSE { None } else { self.skip(of_type, nested) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_count_without_elements_ends_with_the_bytes() {
        // A list and a map of 2^60 booleans or bytes, of which there are three.
        let count = [0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x10];
        for of_type in [Compact::TRUE, Compact::BYTE] {
            let list = [&[0xf0 | of_type][..], &count, &[1, 1, 1]].concat();
            let map = [&count[..], &[0x11 * of_type, 1, 1, 1]].concat();
            assert_eq!(Compact(&list).skip(Compact::LIST, 0), None);
            assert_eq!(Compact(&map).skip(Compact::MAP, 0), None);
        }
    }

    #[test]
    fn an_i32_is_a_zigzag_number_that_fits() {
        assert_eq!(Compact(&[0x03]).i32(), Some(-2));
        assert_eq!(Compact(&[0xff, 0xff, 0xff, 0xff, 0x0f]).i32(), Some(i32::MIN));
        assert_eq!(Compact(&[0xff, 0xff, 0xff, 0xff, 0x1f]).i32(), None);
    }
}
