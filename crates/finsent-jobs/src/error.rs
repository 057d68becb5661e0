//! What can go wrong in long runs.

use finsent_model::IoError;
use finsent_table::TableError;
use thiserror::Error;

use crate::journal::JournalError;
use crate::summary::SummaryError;

/// Why a run over a table failed.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum JobError {
    /// The input cannot be read, or the output cannot be written.
    #[error(transparent)]
    Table(#[from] TableError),
    /// The run cannot be resumed, or its progress cannot be kept.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// The summary cannot be computed or written.
    #[error(transparent)]
    Summary(#[from] SummaryError),
    /// The system has no more threads.
    #[error("cannot start a thread")]
    Thread(#[source] IoError),
}

impl JobError {
    /// Whether the request is at fault, and not the system or the contents of a file: running it again cannot help.
    pub fn is_usage(&self) -> bool {
        match self {
            Self::Table(error) => error.is_usage(),
            Self::Journal(error) => error.is_usage(),
            Self::Summary(error) => error.is_usage(),
            Self::Thread(_) => false,
        }
    }
}
