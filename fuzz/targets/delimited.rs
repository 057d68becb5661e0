//! CSV, TSV and lines of text, in UTF-8, in UTF-16 with a byte order mark, and in an encoding that the user names.
//!
//! The first byte says which, the rest is the file.
#![no_main]

use finsent_fuzz::read_rows;
use finsent_table::{Reading, encoding};
use libfuzzer_sys::fuzz_target;

const NAMES: [&str; 3] = ["a.csv", "a.tsv", "a.txt"];
const ENCODINGS: [Option<&str>; 3] = [None, Some("latin1"), Some("shift_jis")];

fuzz_target!(|bytes: &[u8]| {
    let Some((&kind, file)) = bytes.split_first() else { return };
    let name = NAMES[usize::from(kind) % NAMES.len()];
    let label = ENCODINGS[usize::from(kind) / NAMES.len() % ENCODINGS.len()];
    let encoding = label.map(|label| encoding(label).expect("the encoding is known"));
    read_rows(name, file, &Reading { encoding, ..Reading::default() });
});
