//! Why a row is counted as failed.

use thiserror::Error;

use super::TimeError;

/// Why a row with a prediction is counted as failed in the summary.
#[derive(Debug, Error, PartialEq)]
#[non_exhaustive]
pub enum LeftOut {
    /// Its time cannot be read.
    #[error(transparent)]
    Time(#[from] TimeError),
    /// Its weight is not a number from 0.
    #[error("`{0}` is not a weight; expected a number from 0")]
    Weight(String),
    /// Its sentiment score is not one; the column and the cell.
    #[error("`{cell}` in `{column}` is not a sentiment score; expected a number from -1 to 1")]
    Score {
        /// The column.
        column: String,
        /// The cell.
        cell: String,
    },
    /// It has no label, although no error says why.
    #[error("it has no prediction: `{0}` is blank")]
    NoLabel(String),
    /// It cannot be read.
    #[error("{0}")]
    Unreadable(String),
}
