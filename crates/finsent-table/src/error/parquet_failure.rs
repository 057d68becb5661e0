//! Failures inside Parquet files.

use std::io;

use finsent_model::IoError;
use parquet::errors::ParquetError;
use thiserror::Error;

/// Why the contents of a Parquet file cannot be read or written.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ParquetFailure {
    /// The system refused to read or write.
    #[error(transparent)]
    System(IoError),
    /// The contents are not as the format has them, or not supported.
    #[error("{0}")]
    Library(String),
}

impl From<ParquetError> for ParquetFailure {
    fn from(error: ParquetError) -> Self {
        match error {
            ParquetError::General(message) | ParquetError::EOF(message) => Self::Library(message),
            ParquetError::External(error) => match error.downcast::<io::Error>() {
                Ok(error) => Self::System((*error).into()),
                Err(error) => Self::Library(error.to_string()),
            },
            other => Self::Library(other.to_string()),
        }
    }
}
