//! The fields of a footer, and of what type each is (github.com/apache/parquet-format, src/main/thrift/parquet.thrift).
//!
//! The library reads a field that it knows as the type that the format defines, whatever type the footer says, and skips
//! others. It takes no bytes for each boolean that it skips in a list, so that seven bytes can claim two billion of them, which
//! take a second. So a footer is read here first: no field may have another type than the format says, and no list or map
//! of booleans may be skipped.

use super::compact::Compact;

/// The type of a value.
enum Kind {
    Integer,
    Byte,
    Boolean,
    Double,
    Bytes,
    List(&'static Self),
    /// A struct, or a union, with these fields. Others are skipped.
    Struct(&'static [(i64, Self)]),
}

use Kind::{Boolean, Byte, Bytes, Double, Integer, List, Struct};

const FILE: Kind = Struct(&[
    (1, Integer),
    (2, List(&SCHEMA_ELEMENT)),
    (3, Integer),
    (4, List(&ROW_GROUP)),
    (5, List(&KEY_VALUE)),
    (6, Bytes),
    (7, List(&EMPTY_UNION)),
    (8, ENCRYPTION),
    (9, Bytes),
]);
const SCHEMA_ELEMENT: Kind = Struct(&[
    (1, Integer),
    (2, Integer),
    (3, Integer),
    (4, Bytes),
    (5, Integer),
    (6, Integer),
    (7, Integer),
    (8, Integer),
    (9, Integer),
    (10, LOGICAL_TYPE),
]);
const LOGICAL_TYPE: Kind = Struct(&[
    (1, EMPTY),
    (2, EMPTY),
    (3, EMPTY),
    (4, EMPTY),
    (5, Struct(&[(1, Integer), (2, Integer)])),
    (6, EMPTY),
    (7, TIME),
    (8, TIME),
    (10, Struct(&[(1, Byte), (2, Boolean)])),
    (11, EMPTY),
    (12, EMPTY),
    (13, EMPTY),
    (14, EMPTY),
    (15, EMPTY),
    (16, Struct(&[(1, Byte)])),
    (17, Struct(&[(1, Bytes)])),
    (18, Struct(&[(1, Bytes), (2, Integer)])),
]);
const EMPTY: Kind = Struct(&[]);
/// A union whose members are empty.
const EMPTY_UNION: Kind = Struct(&[(1, EMPTY), (2, EMPTY), (3, EMPTY)]);
/// Whether it is adjusted to UTC, and the unit.
const TIME: Kind = Struct(&[(1, Boolean), (2, EMPTY_UNION)]);
const KEY_VALUE: Kind = Struct(&[(1, Bytes), (2, Bytes)]);
const ENCRYPTION: Kind = Struct(&[(1, CIPHER), (2, CIPHER)]);
const CIPHER: Kind = Struct(&[(1, Bytes), (2, Bytes), (3, Boolean)]);
const ROW_GROUP: Kind = Struct(&[
    (1, List(&COLUMN_CHUNK)),
    (2, Integer),
    (3, Integer),
    (4, List(&Struct(&[(1, Integer), (2, Boolean), (3, Boolean)]))),
    (5, Integer),
    (6, Integer),
    (7, Integer),
]);
const COLUMN_CHUNK: Kind = Struct(&[
    (1, Bytes),
    (2, Integer),
    (3, COLUMN_METADATA),
    (4, Integer),
    (5, Integer),
    (6, Integer),
    (7, Integer),
    (8, Struct(&[(1, EMPTY), (2, Struct(&[(1, List(&Bytes)), (2, Bytes)]))])),
    (9, Bytes),
]);
const COLUMN_METADATA: Kind = Struct(&[
    (1, Integer),
    (2, List(&Integer)),
    (3, List(&Bytes)),
    (4, Integer),
    (5, Integer),
    (6, Integer),
    (7, Integer),
    (8, List(&KEY_VALUE)),
    (9, Integer),
    (10, Integer),
    (11, Integer),
    (12, STATISTICS),
    (13, List(&Struct(&[(1, Integer), (2, Integer), (3, Integer)]))),
    (14, Integer),
    (15, Integer),
    (16, Struct(&[(1, Integer), (2, List(&Integer)), (3, List(&Integer))])),
    (17, Struct(&[(1, BOUNDS), (2, List(&Integer))])),
]);
const STATISTICS: Kind = Struct(&[
    (1, Bytes),
    (2, Bytes),
    (3, Integer),
    (4, Integer),
    (5, Bytes),
    (6, Bytes),
    (7, Boolean),
    (8, Boolean),
    (9, Integer),
]);
const BOUNDS: Kind =
    Struct(&[(1, Double), (2, Double), (3, Double), (4, Double), (5, Double), (6, Double), (7, Double), (8, Double)]);

/// Whether the fields of a footer have the types that the format says.
pub(super) fn fit(footer: &[u8]) -> bool {
    follow(&mut Compact(footer), Compact::STRUCT, &FILE).is_some()
}

/// Reads a value that says it has this type. `None` if that is not the type it should have, or the bytes end.
fn follow(bytes: &mut Compact<'_>, of_type: u8, kind: &Kind) -> Option<()> {
    match (kind, of_type) {
        (Integer, Compact::I16 | Compact::I32 | Compact::I64)
        | (Byte, Compact::BYTE)
        | (Boolean, Compact::TRUE | Compact::FALSE)
        | (Double, Compact::DOUBLE)
        | (Bytes, Compact::BINARY) => bytes.skip(of_type, 0),
        (List(element), Compact::LIST) => {
            let (count, of_type) = bytes.list()?;
            (0..count).try_for_each(|_| follow(bytes, of_type, element))
        }
        (Struct(fields), Compact::STRUCT) => {
            let mut id = 0;
            while let Some(of_type) = bytes.field(&mut id)? {
                match fields.iter().find(|(known, _)| *known == id) {
                    Some((_, kind)) => follow(bytes, of_type, kind)?,
                    None => bytes.skip(of_type, 0)?,
                }
            }
            Some(())
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Version 2; a schema of one element, whose name is `s`.
    const FOOTER: [u8; 9] = [0x15, 4, 0x19, 0x1c, 0x48, 1, b's', 0, 0];

    #[test]
    fn fields_of_the_format_and_unknown_ones_fit() {
        assert!(fit(&FOOTER));
        // Field 32,767, by its full id: a list of two integers.
        let unknown = [&FOOTER[..8], &[0x09, 0xfe, 0xff, 0x03, 0x25, 2, 4, 0]].concat();
        assert!(fit(&unknown));
    }

    #[test]
    fn a_field_of_another_type_does_not_fit() {
        // The version is a list of two integers.
        assert!(!fit(&[&[0x19, 0x25, 2, 4], &FOOTER[2..]].concat()));
        // The schema is a list of integers.
        assert!(!fit(&[0x29, 0x15, 2, 0]));
        for length in 0..FOOTER.len() {
            assert!(!fit(&FOOTER[..length]), "{length}");
        }
    }

    #[test]
    fn lists_and_maps_of_booleans_do_not_fit() {
        // Field 10 is a list of 2^31 - 1 booleans; then a map of as many pairs of them.
        let count = [0xff, 0xff, 0xff, 0xff, 0x07];
        assert!(!fit(&[&FOOTER[..8], &[0x89, 0xf1], &count[..], &[0]].concat()));
        assert!(!fit(&[&FOOTER[..8], &[0x8b], &count[..], &[0x11, 0]].concat()));
    }
}
