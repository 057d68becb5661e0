//! The log, on standard error.

use std::io;

use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::{Layer, SubscriberExt};
use tracing_subscriber::util::SubscriberInitExt;

/// Starts the log: a JSON object per line, or text for people. Dependencies log warnings and errors only.
pub(super) fn start(json: bool, level: LevelFilter, ansi: bool) {
    let layer = tracing_subscriber::fmt::layer().with_writer(io::stderr).with_ansi(ansi).with_target(json);
    let layer = if json { layer.json().boxed() } else { layer.boxed() };
    // A target covers all targets that start with it, so also finsent_server.
    let ours = Targets::new().with_target("finsent", level);
    let filter = ours.with_default(level.min(LevelFilter::WARN));
    // Ignore the error of a second start: the first log stays.
    tracing_subscriber::registry().with(layer.with_filter(filter)).try_init().unwrap_or_default();
}
