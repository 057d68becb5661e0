//! Parquet files: the schema, the pages of the text's column, and the values of the others.
#![no_main]

use finsent_fuzz::read_rows;
use finsent_table::Reading;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|file: &[u8]| read_rows("a.parquet", file, &Reading::default()));
