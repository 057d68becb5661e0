//! Workbooks.
#![no_main]

use finsent_fuzz::read_rows;
use finsent_table::Reading;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| read_rows("a.xlsx", bytes, &Reading::default()));
