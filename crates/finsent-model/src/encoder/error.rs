//! Why an encoder cannot be built, or fails.

use std::error::Error as StdError;

use finsent_kernels::IsaError;
use thiserror::Error;

use crate::checkpoint::CheckpointError;

/// Why an encoder cannot be built, or fails.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum EncoderError {
    /// The checkpoint lacks what the configuration describes.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// This CPU cannot run the kernels that were requested.
    #[error(transparent)]
    Isa(#[from] IsaError),
    /// The batch has an id that the model does not know.
    #[error("`{name}` has the id {id}, but the model's table has {rows} rows")]
    Id {
        /// The field of the batch.
        name: &'static str,
        /// The id.
        id: u32,
        /// Rows of the table.
        rows: usize,
    },
    /// candle refused an operation.
    #[error("the encoder failed: {0}")]
    Candle(Box<dyn StdError + Send + Sync>),
}

impl EncoderError {
    /// Without the backtrace that candle adds if `RUST_BACKTRACE` is set: the message goes to clients of the service,
    /// and paths of source files do not concern them.
    pub(super) fn candle(error: candle_core::Error) -> Self {
        match error {
            candle_core::Error::WithBacktrace { inner, .. } => Self::candle(*inner),
            error => Self::Candle(Box::new(error)),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::backtrace::Backtrace;

    use super::*;

    #[test]
    fn an_error_of_candle_has_no_backtrace() {
        let inner = Box::new(candle_core::Error::Msg("two shapes differ".into()));
        let backtrace = Box::new(Backtrace::force_capture());
        let error = candle_core::Error::WithBacktrace { inner, backtrace };
        assert_ne!(error.to_string(), "two shapes differ");
        assert_eq!(EncoderError::candle(error).to_string(), "the encoder failed: two shapes differ");
    }
}
