//! What the library takes on trust of a footer: how deep its schema is, for which it calls itself, and how many fields a
//! group has, for which it takes memory. Either can end the process, so both are looked at before.
//!
//! The footer is a struct in Thrift's compact protocol (github.com/apache/thrift, doc/specs/thrift-compact-protocol.md), its
//! field 2 the schema: a list of structs, of which the field 5 is the number of fields that a group has, which follow it.

use parquet::errors::{ParquetError, Result};
use parquet::file::reader::{ChunkReader, Length};

use super::source::Source;

/// Groups within groups; Spark and Arrow stop at about a hundred.
const MAX_DEPTH: usize = 256;
/// Length of the footer and the magic bytes, which are the file's last.
const TAIL_BYTES: u64 = 8;

/// Refuses a footer whose schema is deeper than any, or claims more fields than it has. What is wrong otherwise the
/// library tells better.
///
/// # Errors
/// When it cannot be read, or is like that.
pub(super) fn check(source: &Source) -> Result<()> {
    let Some(start) = source.len().checked_sub(TAIL_BYTES) else { return Ok(()) };
    let tail = source.get_bytes(start, TAIL_BYTES as usize)?;
    let length = u32::from_le_bytes([tail[0], tail[1], tail[2], tail[3]]);
    let Some(start) = start.checked_sub(length.into()) else { return Ok(()) };
    let footer = source.get_bytes(start, length as usize)?;
    match children(&footer) {
        Some(children) => check_tree(&children),
        None => Ok(()),
    }
}

/// Of each node of the schema, in order, the number of its fields. `None` where the bytes are no footer.
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
    // Fields that are still to come, of each group that is open.
    let mut open: Vec<usize> = Vec::new();
    for (index, &fields) in children.iter().enumerate() {
        while open.last() == Some(&0) {
            open.pop();
        }
        if let Some(left) = open.last_mut() {
            *left -= 1;
        }
        if fields > children.len() - index - 1 {
            return Err(ParquetError::General("its schema has fewer fields than it says".into()));
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
    const I32: u8 = 5;
    const LIST: u8 = 9;
    const STRUCT: u8 = 12;
    /// Most structs within each other that are passed over.
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

    /// The type of the struct's next field, whose id is put where that of the one before was; `Some(None)` at the end.
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

    fn skip(&mut self, kind: u8, nested: usize) -> Option<()> {
        if nested > Self::MAX_NESTED {
            return None;
        }
        match kind {
            // A flag is the type itself.
            1 | 2 => (),
            3 => drop(self.byte()?),
            4..=6 => drop(self.varint()?),
            7 => self.0 = self.0.get(8..)?,
            8 => {
                let length = usize::try_from(self.varint()?).ok()?;
                self.0 = self.0.get(length..)?;
            }
            9 | 10 => {
                let (count, of) = self.list()?;
                for _ in 0..count {
                    // In a list, a flag is a byte.
                    self.skip(if of <= 2 { 3 } else { of }, nested + 1)?;
                }
            }
            11 => {
                let count = self.varint()?;
                let kinds = if count > 0 { self.byte()? } else { 0 };
                for _ in 0..count {
                    self.skip(kinds >> 4, nested + 1)?;
                    self.skip(kinds & 0x0f, nested + 1)?;
                }
            }
            12 => {
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
    fn the_numbers_of_fields_are_found() {
        // Field 1, an i32 of 2; field 2, two structs: fields 4, a string `s`, and 5, an i32 of 1; 1, an i32; 4, a string `x`.
        let footer = [0x15, 4, 0x19, 0x2c, 0x48, 1, b's', 0x15, 2, 0, 0x15, 12, 0x38, 1, b'x', 0, 0x16, 0];
        assert_eq!(children(&footer), Some(vec![1, 0]));
        for length in 0..footer.len() - 2 {
            assert_eq!(children(&footer[..length]), None);
        }
    }

    #[test]
    fn a_schema_is_a_tree_of_bounded_depth() {
        assert!(check_tree(&[2, 1, 0, 0]).is_ok());
        assert!(check_tree(&[i32::MAX as usize, 0]).is_err());
        let deep = |depth: usize| [vec![1; depth], vec![0]].concat();
        assert!(check_tree(&deep(MAX_DEPTH)).is_ok());
        assert!(check_tree(&deep(MAX_DEPTH + 1)).is_err());
        let wide = [vec![1000], vec![0; 1000]].concat();
        assert!(check_tree(&wide).is_ok());
    }
}
