//! Rows of texts in, rows of predictions out: plain text, CSV, TSV, JSON and Parquet, compressed or not.
//!
//! [`Input`] reads files, arguments and standard input as [`Row`]s; [`writer`] writes them with their predictions to a
//! [`Destination`]. Files and folders get their names when they are complete.
#![warn(missing_docs)]

mod atomic;
mod column_names;
mod error;
mod input;
mod item_error;
mod output;
mod parquet;
mod platform;
mod row;

pub use atomic::{AtomicDirectory, TemporaryName, unfinished, with_suffix};
pub use error::{DirectoryProblem, ParquetFailure, TableError};
pub use input::{
    ColumnChoice, ColumnSelection, ColumnTypes, DialectChoice, Encoding, EncodingErrors, FileFormat, Input, InputKind,
    InputProgress, LateNotes, Quote, Reading, Shard, ShardError, check_rereadable, encoding, expand, list_files,
    text_by_name,
};
pub use item_error::{ItemError, NotUtf8};
pub use output::{
    Cell, Delimiter, Destination, Outcome, OutputFormat, OutputRecord, PREDICTION_PREFIX, ParquetColumn,
    PredictionColumns, RecordValue, RowWriter, Shape, check_once, check_outputs, check_shape, no_formula,
    write_columns, writer,
};
pub use parquet::ParquetFile;
pub use row::{Field, Origin, Row, RowReader};
