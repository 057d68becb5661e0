//! Rows of texts in, rows of predictions out: plain text, CSV, TSV, JSON lines and Parquet, compressed or not; files and
//! folders that appear when they are complete.

mod atomic_directory;
mod input;
mod output;
mod parquet;
pub mod unfinished;

use thiserror::Error;

pub use atomic_directory::AtomicDirectory;
pub use input::{
    ColumnChoice, ColumnSelection, Encoding, Field, Input, InputKind, InputProgress, ItemError, NotUtf8, Reading, Row,
    RowReader, Shard, Typed, check_resuming, check_shards, encoding, expand, list,
};
pub use output::{
    Column, Destination, Outcome, OutputFormat, OutputRecord, PredictionColumns, RowWriter, Shape, TemporaryName,
    check_shape, with_suffix, write_columns, writer,
};
pub use parquet::Table;

/// The user asked for something that cannot be.
#[derive(Debug, Error)]
#[error("{0}")]
pub struct UsageError(pub String);
