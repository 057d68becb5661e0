//! Logs, on standard error.

use std::io;

use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::{Layer, SubscriberExt};
use tracing_subscriber::util::SubscriberInitExt;

/// Starts logging, as one JSON object a line or as text for people; later calls change nothing. Of what the libraries
/// say, only warnings are shown.
pub(crate) fn init(json: bool, level: LevelFilter, ansi: bool) {
    let layer = tracing_subscriber::fmt::layer().with_writer(io::stderr).with_ansi(ansi).with_target(json);
    let layer = if json { layer.json().boxed() } else { layer.boxed() };
    let ours = Targets::new().with_target("finsent", level).with_target("ground", level);
    let filter = ours.with_default(level.min(LevelFilter::WARN));
    // An error means that a log has been started before, which is then the one that is wanted.
    tracing_subscriber::registry().with(layer.with_filter(filter)).try_init().unwrap_or_default();
}
