//! Logs, on standard error.

use std::io;

use tracing::level_filters::LevelFilter;

/// Starts logging, as one JSON object a line or as text for people; later calls change nothing.
pub(crate) fn init(json: bool, level: LevelFilter, ansi: bool) {
    let builder = tracing_subscriber::fmt().with_max_level(level).with_writer(io::stderr).with_ansi(ansi);
    let started = if json { builder.json().try_init() } else { builder.with_target(false).try_init() };
    // An error means that a log has been started before, which is then the one that is wanted.
    started.unwrap_or_default();
}
