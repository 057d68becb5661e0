//! Why a run cannot be resumed, or its progress cannot be kept.

use std::path::PathBuf;

use finsent_model::IoError;
use thiserror::Error;

/// Why a journal cannot be used.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum JournalError {
    /// Another process has the journal.
    #[error("another run is writing `{}`; wait until it is done", output.display())]
    Busy {
        /// The output of both runs.
        output: PathBuf,
    },
    /// The file with the journal's name is something else.
    #[error("`{}` is not the journal of an interrupted run; move it away, because the journal needs this name", path.display())]
    NotAJournal {
        /// The file.
        path: PathBuf,
    },
    /// The interrupted run had other settings or another model.
    #[error(
        "the run of `{}` cannot be resumed like this: {}. Run it as before, or remove the journal to start again",
        path.display(),
        differences.join("; ")
    )]
    OtherRun {
        /// The journal.
        path: PathBuf,
        /// Each difference: `its precision was X and is now Y`.
        differences: Vec<String>,
    },
    /// The input is not the one that the interrupted run read.
    #[error("{change}: the input has changed since the run was interrupted. To start again, remove `{}`", path.display())]
    InputChanged {
        /// The journal.
        path: PathBuf,
        /// What shows the change.
        change: String,
    },
    /// The journal cannot be read.
    #[error("cannot read `{}`", path.display())]
    Read {
        /// The journal.
        path: PathBuf,
        /// Why.
        source: IoError,
    },
    /// The journal cannot be written.
    #[error("cannot write `{}`", path.display())]
    Write {
        /// The journal.
        path: PathBuf,
        /// Why.
        source: IoError,
    },
}

impl JournalError {
    /// Whether the request is at fault, and not the system or the contents of the input.
    pub fn is_usage(&self) -> bool {
        matches!(self, Self::NotAJournal { .. } | Self::OtherRun { .. })
    }
}
