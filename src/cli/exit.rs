//! Exit codes, and which error has which.

use std::io;

use finsent_hub::{CatalogError, DigestError, HubError, ResolveError};
use finsent_jobs::evaluation::EvaluationError;
use finsent_jobs::summary::SummaryError;
use finsent_jobs::{JobError, JournalError};
use finsent_model::{EncoderError, IoError, LoadError};
use finsent_server::SelfTestError;
use finsent_table::TableError;
use thiserror::Error;

/// The command line asks for something that is not possible.
#[derive(Debug, Error)]
#[error("{0}")]
pub(super) struct UsageError(pub(super) String);

/// How the command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Exit {
    Done = 0,
    Failed = 1,
    Usage = 2,
    Model = 3,
    Network = 4,
    SomeItemsFailed = 5,
}

impl Exit {
    /// The code of an error: that of its outermost known cause.
    pub(super) fn of(error: &anyhow::Error) -> Self {
        error.chain().find_map(Self::of_cause).unwrap_or(Self::Failed)
    }

    fn of_cause(cause: &(dyn std::error::Error + 'static)) -> Option<Self> {
        if is_usage(cause) {
            return Some(Self::Usage);
        }
        if let Some(LoadError::Encoder(EncoderError::Isa(_))) = cause.downcast_ref() {
            return Some(Self::Usage);
        }
        if let Some(ResolveError::Hub(error)) = cause.downcast_ref() {
            return Some(Self::of_hub(error));
        }
        if cause.is::<ResolveError>()
            || cause.is::<LoadError>()
            || cause.is::<DigestError>()
            || cause.is::<SelfTestError>()
        {
            return Some(Self::Model);
        }
        // A broken pipe is not a failure: the reader, such as `head`, has closed the output.
        let kind = cause.downcast_ref::<io::Error>().map(io::Error::kind);
        let kind = kind.or_else(|| cause.downcast_ref::<IoError>().map(IoError::kind));
        (kind == Some(io::ErrorKind::BrokenPipe)).then_some(Self::Done)
    }

    fn of_hub(error: &HubError) -> Self {
        match error {
            HubError::Setting { .. } => Self::Usage,
            error if error.is_network() => Self::Network,
            _ => Self::Model,
        }
    }
}

/// Whether the command line, or a file that configures it, is at fault.
fn is_usage(cause: &(dyn std::error::Error + 'static)) -> bool {
    cause.is::<UsageError>()
        || cause.is::<CatalogError>()
        || cause.downcast_ref().is_some_and(TableError::is_usage)
        || cause.downcast_ref().is_some_and(JobError::is_usage)
        || cause.downcast_ref().is_some_and(JournalError::is_usage)
        || cause.downcast_ref().is_some_and(SummaryError::is_usage)
        || cause.downcast_ref().is_some_and(EvaluationError::is_usage)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pipe_that_was_closed_is_not_a_failure_at_any_depth() {
        let pipe = || io::Error::from(io::ErrorKind::BrokenPipe);
        let deep = JobError::from(TableError::Write { path: "-".into(), source: pipe().into() });
        assert_eq!(Exit::of(&anyhow::Error::from(pipe())), Exit::Done);
        assert_eq!(Exit::of(&anyhow::Error::from(deep).context("while writing")), Exit::Done);
    }

    #[test]
    fn the_crates_say_whether_usage_is_wrong() {
        assert_eq!(Exit::of(&anyhow::Error::from(TableError::StandardInputOnce)), Exit::Usage);
        assert_eq!(Exit::of(&anyhow::Error::from(JobError::from(SummaryError::Format)).context("c")), Exit::Usage);
        let missing = io::Error::from(io::ErrorKind::NotFound).into();
        assert_eq!(Exit::of(&TableError::Read { file: "n.csv".into(), source: missing }.into()), Exit::Failed);
    }
}
