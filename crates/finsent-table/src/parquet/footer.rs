//! A check of what the library trusts in a footer: the types of its fields, the depth of the schema, through which it
//! recurses, and the number of fields of a group, for which it allocates memory. A wrong value of these can end the process,
//! or keep it busy for good.
//!
//! The footer is a struct in Thrift's compact protocol. Its field 2 is the schema: a list of structs, whose field 5 is the
//! number of fields of a group. These fields follow it.

use parquet::errors::{ParquetError, Result};
use parquet::file::reader::{ChunkReader, Length};

use super::compact::{Compact, zigzag};
use super::file_bytes::FileBytes;
use super::footer_fields;

/// Deepest nesting of groups; Spark and Arrow stop at about 100.
const MAX_DEPTH: usize = 256;
/// Largest footer. The library takes several times as much memory; the footer of a file of 1,000 columns and 100 row groups
/// has about 15 MB.
const MAX_FOOTER_BYTES: u32 = 64 << 20;
/// Length of the footer and the magic bytes, which are the file's last.
const TAIL_BYTES: u64 = 8;
/// The magic bytes of a file whose footer is not encrypted.
const MAGIC: &[u8] = b"PAR1";

/// Refuses a footer that is too large, has a field of a wrong type, or a schema that is too deep or claims more fields than it
/// has. Other mistakes are left to the library.
///
/// # Errors
/// If that is so, or if the footer cannot be read.
pub(super) fn check(bytes: &FileBytes) -> Result<()> {
    let Some(start) = bytes.len().checked_sub(TAIL_BYTES) else { return Ok(()) };
    let tail = bytes.get_bytes(start, TAIL_BYTES as usize)?;
    if &tail[4..] != MAGIC {
        return Ok(());
    }
    let length = u32::from_le_bytes([tail[0], tail[1], tail[2], tail[3]]);
    let Some(start) = start.checked_sub(length.into()) else { return Ok(()) };
    if length > MAX_FOOTER_BYTES {
        return Err(ParquetError::General(format!("its footer has more than {MAX_FOOTER_BYTES} bytes")));
    }
    let footer = bytes.get_bytes(start, length as usize)?;
    if !footer_fields::fit(&footer) {
        return Err(ParquetError::General("its footer is damaged".into()));
    }
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
