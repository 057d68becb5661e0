//! How files are read.

use super::columns::{ColumnChoice, ColumnSelection};
use super::encoding::Encoding;

/// How files are read.
#[derive(Debug, Clone, Default)]
pub struct Reading {
    /// The encoding of text files; UTF-8, or UTF-16 with a byte order mark, unless it is set.
    pub encoding: Option<Encoding>,
    /// The columns that the user named.
    pub columns: ColumnChoice,
    /// The columns whose values are wanted.
    pub selection: ColumnSelection,
}
