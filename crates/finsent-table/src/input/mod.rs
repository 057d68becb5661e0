//! Rows in: arguments, standard input and files become texts with their columns.

mod arguments;
mod columns;
mod compression;
mod concat;
mod delimited;
mod encoding;
mod format;
mod json_lines;
mod line_reader;
mod open;
mod open_file;
mod parquet;
mod pattern;
mod read_stats;
mod reading;
mod reread;
mod shard;
mod source;
mod text_lines;

pub use columns::{ColumnChoice, ColumnSelection};
pub use encoding::{Encoding, encoding};
pub use open::{ColumnTypes, Input, InputKind, InputProgress};
pub use pattern::expand;
pub use read_stats::ReadStats;
pub use reading::Reading;
pub use reread::check_rereadable;
pub use shard::{Shard, ShardError};
