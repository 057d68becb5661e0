//! Exit codes, and which error has which.

use std::io;

use finsent_hub::{CatalogError, DigestError, HubError, ResolveError};
use finsent_model::{EncoderError, LoadError};
use finsent_server::SelfTestError;
use finsent_table::UsageError;

/// How the command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Exit {
    Done = 0,
    Failed = 1,
    UsageError = 2,
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
        if cause.is::<UsageError>() || cause.is::<CatalogError>() {
            return Some(Self::UsageError);
        }
        if let Some(LoadError::Encoder(EncoderError::Isa(_))) = cause.downcast_ref() {
            return Some(Self::UsageError);
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
        // A broken pipe is not a failure: the reader has closed the output.
        let io = cause.downcast_ref::<io::Error>();
        io.is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe).then_some(Self::Done)
    }

    fn of_hub(error: &HubError) -> Self {
        match error {
            HubError::Setting { .. } => Self::UsageError,
            error if error.is_network() => Self::Network,
            _ => Self::Model,
        }
    }
}
