//! Calls into the Parquet library.

use finsent_model::catch_panic;

use crate::error::ParquetFailure;

/// Calls `work`, and turns the library's panics into failures: it panics on some damaged files.
pub(crate) fn guarded<T>(work: impl FnOnce() -> parquet::errors::Result<T>) -> Result<T, ParquetFailure> {
    match catch_panic(work) {
        Ok(result) => Ok(result?),
        Err(message) => Err(ParquetFailure::Library(format!("the Parquet library failed: {message}"))),
    }
}
