//! Parquet files: the schema, the pages of the text's column, and the values of the others.
#![no_main]

use finsent_fuzz::read_rows;
use finsent_model::silence_caught_panics;
use finsent_table::Reading;
use libfuzzer_sys::fuzz_target;

// Panics of the parquet library are caught and become errors. Any other one ends the run.
fuzz_target!(init: silence_caught_panics(), |file: &[u8]| read_rows("a.parquet", file, &Reading::default()));
