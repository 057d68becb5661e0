//! Rows of texts in, rows of predictions out: plain text, CSV, TSV, JSON lines and Parquet, compressed or not; files and
//! folders that appear when they are complete.

mod input;
mod new_directory;
mod output;
mod parquet;
pub mod unfinished;

use thiserror::Error;

pub use input::{
    ColumnChoice, Encoding, Field, Input, InputKind, ItemError, NotUtf8, Progress, Reading, Row, RowReader, Shard,
    Typed, Wanted, check_resuming, check_shards, encoding, expand, list,
};
pub use new_directory::NewDirectory;
pub use output::{
    Column, Destination, Finding, Interim, Outcome, OutputFormat, RowWriter, Shape, VerdictColumns, check_shape,
    with_suffix, write_columns, writer,
};
pub use parquet::Table;

/// The user asked for something that cannot be.
#[derive(Debug, Error)]
#[error("{0}")]
pub struct Usage(pub String);
