//! Rows in: arguments, standard input and files become texts with their columns.

mod arguments;
mod columns;
mod compression;
mod concat;
mod delimited;
mod dialect;
#[cfg(test)]
mod dialect_tests;
mod encoding;
mod encoding_errors;
mod first_rows;
mod format;
mod header_names;
mod json_framing;
mod json_object;
mod json_repair;
mod json_rows;
mod json_values;
mod line_reader;
mod open;
mod open_file;
mod parquet;
mod pattern;
mod read_stats;
mod reading;
mod reread;
mod sample;
mod shape;
mod shard;
mod sniff;
mod source;
mod standard_input;
mod swallowed;
mod text_lines;

pub use columns::{ColumnChoice, ColumnSelection};
pub use dialect::{DialectChoice, Quote};
pub use encoding::{Encoding, encoding};
pub use encoding_errors::EncodingErrors;
pub use format::FileFormat;
pub use open::{ColumnTypes, Input, InputKind, InputProgress};
pub use pattern::expand;
pub use read_stats::ReadStats;
pub use reading::Reading;
pub use reread::check_rereadable;
pub use shard::{Shard, ShardError};
