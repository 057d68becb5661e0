//! How many threads compute, and the one team that they are.

mod team;

use std::num::NonZeroUsize;
use std::sync::OnceLock;
use std::{io, thread};

use thiserror::Error;

pub use team::Team;

static TEAM: OnceLock<Team> = OnceLock::new();

/// The team could not be made.
#[derive(Debug, Error)]
pub enum ThreadsError {
    /// The system gives no more threads.
    #[error("cannot start {threads} compute threads")]
    Spawn {
        /// Threads asked for.
        threads: NonZeroUsize,
        /// What the system said.
        source: io::Error,
    },
    /// The process has its team already, of another size.
    #[error("{running} compute threads are running already, {asked} were asked for")]
    Running {
        /// Threads of the team.
        running: usize,
        /// Threads asked for.
        asked: NonZeroUsize,
    },
}

/// Starts the team, once for the process.
///
/// Without a number: as many threads as the process may use at a time by its affinity and by the CPU quota of its
/// cgroup (v1 or v2), both of which [`thread::available_parallelism`] honours.
///
/// # Errors
/// [`ThreadsError`] when a team of another size is running or the system gives no threads.
pub fn start_team(threads: Option<NonZeroUsize>) -> Result<&'static Team, ThreadsError> {
    let threads = threads.or_else(|| thread::available_parallelism().ok()).unwrap_or(NonZeroUsize::MIN);
    if TEAM.get().is_none() {
        let team = Team::start(threads).map_err(|source| ThreadsError::Spawn { threads, source })?;
        // Where two threads start it at once, the first one's stays and the other ends.
        if TEAM.set(team).is_ok() {
            tracing::debug!(threads, "compute threads");
        }
    }
    match TEAM.get() {
        Some(team) if team.threads() == threads.get() => Ok(team),
        running => Err(ThreadsError::Running { running: running.map_or(0, Team::threads), asked: threads }),
    }
}

/// The team: of the size that [`start_team`] gave it, else of the default one.
///
/// # Errors
/// [`ThreadsError::Spawn`] when it must be started and the system gives no threads.
pub fn team() -> Result<&'static Team, ThreadsError> {
    TEAM.get().map_or_else(|| start_team(None), Ok)
}
