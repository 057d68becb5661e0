//! JSON lines.
#![no_main]

use finsent_fuzz::read_rows;
use finsent_table::Reading;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|file: &[u8]| read_rows("a.jsonl", file, &Reading::default()));
