//! A check of what the library trusts in a footer: the depth of the schema, through which it recurses, and the number of
//! fields of a group, for which it allocates memory. A wrong value of either can end the process.
//!
//! The footer is a struct in Thrift's compact protocol (github.com/apache/thrift, doc/specs/thrift-compact-protocol.md). Its
//! field 2 is the schema: a list of structs, whose field 5 is the number of fields of a group. These fields follow it.

use parquet::errors::{ParquetError, Result};
use parquet::file::reader::{ChunkReader, Length};

use super::file_bytes::FileBytes;

/// Deepest nesting of groups; Spark and Arrow stop at about 100.
const MAX_DEPTH: usize = 256;
/// Length of the footer and the magic bytes, which are the file's last.
const TAIL_BYTES: u64 = 8;

/// Refuses a footer whose schema is too deep, or claims more fields than it has. Other mistakes are left to the library.
///
/// # Errors
/// If that is so, or if the footer cannot be read.
pub(super) fn check(bytes: &FileBytes) -> Result<()> {
    let Some(start) = bytes.len().checked_sub(TAIL_BYTES) else { return Ok(()) };
    let tail = bytes.get_bytes(start, TAIL_BYTES as usize)?;
    let length = u32::from_le_bytes([tail[0], tail[1], tail[2], tail[3]]);
    let Some(start) = start.checked_sub(length.into()) else { return Ok(()) };
    let footer = bytes.get_bytes(start, length as usize)?;
    match children(&footer) {
        Some(children) => check_tree(&children),
        None => Ok(()),
    }
}

/// The number of fields of each node of the schema, in order. `None` if the bytes are not a footer.
fn children(footer: &[u8]) -> Option<Vec<usize>> {
    let mut bytes = Compact(footer);
    let mut id = 0;
    while let Some(field) = bytes.field(&mut id)? {
        if (id, field) == (2, Compact::LIST) {
            let (count, of) = bytes.list()?;
            return (of == Compact::STRUCT).then(|| (0..count).map(|_| node(&mut bytes)).collect())?;
        }
        bytes.skip(field, 0)?;
    }
    None
}

fn node(bytes: &mut Compact<'_>) -> Option<usize> {
    let (mut id, mut children) = (0, 0);
    while let Some(field) = bytes.field(&mut id)? {
        if (id, field) == (5, Compact::I32) {
            children = usize::try_from(zigzag(bytes.varint()?)).ok()?;
        } else {
            bytes.skip(field, 0)?;
        }
    }
    Some(children)
}

fn check_tree(children: &[usize]) -> Result<()> {
    // For each open group, the fields that are still to come.
    let mut open: Vec<usize> = Vec::new();
    for (index, &fields) in children.iter().enumerate() {
        while open.last() == Some(&0) {
            open.pop();
        }
        if let Some(left) = open.last_mut() {
            *left -= 1;
        }
        if fields > children.len() - index - 1 {
            return Err(ParquetError::General("its schema has fewer fields than it claims".into()));
        }
        if fields > 0 {
            open.push(fields);
        }
        if open.len() > MAX_DEPTH {
            return Err(ParquetError::General(format!("its schema is more than {MAX_DEPTH} groups deep")));
        }
    }
    Ok(())
}

fn zigzag(number: u64) -> i64 {
    (number >> 1).cast_signed() ^ -(number & 1).cast_signed()
}

/// Bytes in the compact protocol.
struct Compact<'a>(&'a [u8]);

impl Compact<'_> {
    // Numbers of types in the protocol.
    const TRUE: u8 = 1;
    const FALSE: u8 = 2;
    const BYTE: u8 = 3;
    const I16: u8 = 4;
    const I32: u8 = 5;
    const I64: u8 = 6;
    const DOUBLE: u8 = 7;
    const BINARY: u8 = 8;
    const LIST: u8 = 9;
    const SET: u8 = 10;
    const MAP: u8 = 11;
    const STRUCT: u8 = 12;
    /// Deepest nesting of values that are skipped.
    const MAX_NESTED: usize = 64;

    fn byte(&mut self) -> Option<u8> {
        let (first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*first)
    }

    fn varint(&mut self) -> Option<u64> {
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

    /// The type of the struct's next field, whose id replaces that of the one before; `Some(None)` at the end.
    fn field(&mut self, id: &mut i64) -> Option<Option<u8>> {
        let byte = self.byte()?;
        if byte == 0 {
            return Some(None);
        }
        *id = match byte >> 4 {
            0 => zigzag(self.varint()?),
            more => id.checked_add(more.into())?,
        };
        Some(Some(byte & 0x0f))
    }

    /// The number of a list's elements, and their type.
    fn list(&mut self) -> Option<(u64, u8)> {
        let byte = self.byte()?;
        let count = if byte >> 4 == 15 { self.varint()? } else { (byte >> 4).into() };
        Some((count, byte & 0x0f))
    }

    fn skip(&mut self, of_type: u8, nested: usize) -> Option<()> {
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
                    // In a list, a boolean is a byte.
                    self.skip(if of <= Self::FALSE { Self::BYTE } else { of }, nested + 1)?;
                }
            }
            Self::MAP => {
                let count = self.varint()?;
                let types = if count > 0 { self.byte()? } else { 0 };
                for _ in 0..count {
                    self.skip(types >> 4, nested + 1)?;
                    self.skip(types & 0x0f, nested + 1)?;
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
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_number_of_fields_of_each_node_is_read() {
        // Field 1 is an i32, 2; field 2 is two structs: the first has a string `s` in field 4 and an i32, 1, in field 5; the
        // second has an i32 in field 1 and a string `x` in field 4.
        let footer = [0x15, 4, 0x19, 0x2c, 0x48, 1, b's', 0x15, 2, 0, 0x15, 12, 0x38, 1, b'x', 0, 0x16, 0];
        assert_eq!(children(&footer), Some(vec![1, 0]));
        for length in 0..footer.len() - 2 {
            assert_eq!(children(&footer[..length]), None);
        }
    }

    #[test]
    fn a_schema_that_is_too_deep_or_too_short_is_refused() {
        assert!(check_tree(&[2, 1, 0, 0]).is_ok());
        assert!(check_tree(&[i32::MAX as usize, 0]).is_err());
        let deep = |depth: usize| [vec![1; depth], vec![0]].concat();
        assert!(check_tree(&deep(MAX_DEPTH)).is_ok());
        assert!(check_tree(&deep(MAX_DEPTH + 1)).is_err());
        let wide = [vec![1000], vec![0; 1000]].concat();
        assert!(check_tree(&wide).is_ok());
    }
}
