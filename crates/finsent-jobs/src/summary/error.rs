//! Why a summary cannot be computed or written.

use finsent_table::TableError;
use thiserror::Error;

use super::TimeError;

/// Why a summary cannot be computed or written.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum SummaryError {
    /// The summary would not fit into memory.
    #[error("there are more than {limit} groups; the column may be the wrong one")]
    TooManyGroups {
        /// Most groups.
        limit: usize,
    },
    /// The values of the groups would not fit into memory.
    #[error("the values of the groups have more than {limit} bytes; the column may be the wrong one")]
    LongGroups {
        /// Most bytes of all values.
        limit: usize,
    },
    /// The format is finBERT's, which has only sentences.
    #[error("a summary cannot be written as finbert-csv, only as text, json, jsonl, csv or parquet")]
    Format,
    /// The first rows show that the times cannot be read.
    #[error("{place}: cannot read the times in `{column}`: {error}")]
    Times {
        /// The place of the row.
        place: String,
        /// The column of the times.
        column: String,
        /// Why.
        error: TimeError,
    },
    /// A column does not exist, or the output cannot be written.
    #[error(transparent)]
    Table(#[from] TableError),
}

impl SummaryError {
    /// Whether the request is at fault, and not the system or the contents of a file.
    pub fn is_usage(&self) -> bool {
        match self {
            Self::TooManyGroups { .. } | Self::LongGroups { .. } => false,
            Self::Format | Self::Times { .. } => true,
            Self::Table(error) => error.is_usage(),
        }
    }
}
