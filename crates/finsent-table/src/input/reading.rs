//! How files are read.

use super::columns::{ColumnChoice, ColumnSelection};
use super::dialect::DialectChoice;
use super::encoding::Encoding;
use super::encoding_errors::EncodingErrors;
use super::format::FileFormat;

/// How files are read.
#[derive(Debug, Clone, Default)]
pub struct Reading {
    /// The encoding of text files; UTF-8, or UTF-16 with a byte order mark, unless it is set.
    pub encoding: Option<Encoding>,
    /// What becomes of bytes that are not in the encoding.
    pub encoding_errors: EncodingErrors,
    /// The format; what the name of a file says, unless it is set.
    pub format: Option<FileFormat>,
    /// Whether each file is one text, whatever its name.
    pub whole_files: bool,
    /// The sheet of a workbook; the first that is shown, unless it is set.
    pub sheet: Option<String>,
    /// What the user says of the dialect of separated values.
    pub dialect: DialectChoice,
    /// Whether the columns of all rows must be known before the first is read. JSON is then read twice, from standard input
    /// after its end.
    pub all_columns: bool,
    /// The columns that the user named.
    pub columns: ColumnChoice,
    /// The columns whose values are wanted.
    pub selection: ColumnSelection,
}
