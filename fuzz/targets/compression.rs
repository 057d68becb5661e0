//! Compressed files of lines. The first byte says which compression, the rest is the file.
#![no_main]

use finsent_fuzz::read_rows;
use finsent_table::Reading;
use libfuzzer_sys::fuzz_target;

const NAMES: [&str; 4] = ["a.txt.gz", "a.txt.zst", "a.csv.gz", "a.jsonl.zst"];

fuzz_target!(|bytes: &[u8]| {
    let Some((&kind, file)) = bytes.split_first() else { return };
    read_rows(NAMES[usize::from(kind) % NAMES.len()], file, &Reading::default());
});
