//! What the targets share: a file in memory, and reading all of its rows.

use std::fs;
use std::path::{Path, PathBuf};

use finsent_table::{Input, Reading, RowReader};

/// Rows that are read of a file. A small compressed file can hold more rows than there is time for.
const MAX_ROWS: usize = 1 << 16;

/// Writes a file of this process into memory, and returns its path.
///
/// # Panics
/// When there is no room.
pub fn scratch_file(name: &str, bytes: &[u8]) -> PathBuf {
    let path = scratch_path(name);
    fs::write(&path, bytes).expect("there is room in /dev/shm");
    path
}

/// A path in memory for this process.
pub fn scratch_path(name: &str) -> PathBuf {
    Path::new("/dev/shm").join(format!("finsent-fuzz-{}-{name}", std::process::id()))
}

/// Reads a file of this name and content to its end or its first error. Every row is a text, or says why it is not.
///
/// # Panics
/// When counting the rows gives another number than reading them.
pub fn read_rows(name: &str, bytes: &[u8], reading: &Reading) {
    let path = scratch_file(name, bytes);
    let open = || Input::files(std::slice::from_ref(&path), reading).ok();
    let Some(read) = open().and_then(|mut input| read_all(&mut *input.rows)) else { return };
    let counted = open().and_then(|mut input| input.rows.count_rows().ok());
    assert_eq!(counted, Some(read as u64), "rows counted and rows read");
}

/// How many rows there are; `None` when one cannot be read, or there are too many.
fn read_all(rows: &mut dyn RowReader) -> Option<usize> {
    for count in 0..MAX_ROWS {
        let Some(row) = rows.next_row().ok()? else { return Some(count) };
        match &row.text {
            Ok(text) => assert!(!text.as_str().trim().is_empty(), "a blank text is an error"),
            Err(error) => assert!(!error.to_string().is_empty(), "an error says something"),
        }
        for (name, field) in &row.fields {
            assert!(row.cell(name).is_some(), "a field is a cell: {field:?}");
        }
    }
    None
}
