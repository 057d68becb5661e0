//! How many threads compute.

use std::num::NonZeroUsize;
use std::thread;

use thiserror::Error;

/// The pool could not be made.
#[derive(Debug, Error)]
#[error("cannot start {threads} compute threads")]
pub(crate) struct ThreadsError {
    /// Threads asked for.
    threads: NonZeroUsize,
    source: rayon::ThreadPoolBuildError,
}

/// Sizes the one pool on which matrix products run, once for the process.
///
/// Without a number: as many threads as the process may use at a time by its affinity and by the CPU quota of its
/// cgroup (v1 or v2), both of which [`thread::available_parallelism`] honours.
///
/// # Errors
/// [`ThreadsError`] when the pool exists already or the system gives no threads.
pub(crate) fn start_team(threads: Option<NonZeroUsize>) -> Result<(), ThreadsError> {
    let threads = threads.or_else(|| thread::available_parallelism().ok()).unwrap_or(NonZeroUsize::MIN);
    tracing::debug!(threads, "compute threads");
    rayon::ThreadPoolBuilder::new()
        .num_threads(threads.get())
        .thread_name(|index| format!("compute-{index}"))
        .build_global()
        .map_err(|source| ThreadsError { threads, source })
}
