//! A progress bar on standard error, for work that takes longer than a second.

use std::time::{Duration, Instant};

use finsent_table::InputProgress;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// Shorter work gets no bar.
const MIN_TIME: Duration = Duration::from_secs(1);
const BYTES: &str = "{wide_bar} {decimal_bytes} of {decimal_total_bytes}, {msg}, {eta} left";
const ROWS: &str = "{wide_bar} {pos} of {len} texts, {msg}, {eta} left";

/// A bar; dropping it removes it from the terminal.
pub(super) struct Bar {
    /// Whether to draw it at all.
    is_wanted: bool,
    bar: ProgressBar,
    start: Instant,
}

impl Bar {
    /// A bar for `total` bytes; one without a total is never drawn.
    pub(super) fn new(total: Option<u64>) -> Self {
        Self::with_template(BYTES, total)
    }

    /// A bar in the unit of `progress`.
    pub(super) fn of(progress: &InputProgress) -> Self {
        match progress {
            InputProgress::Bytes { total, .. } => Self::new(Some(*total)),
            InputProgress::Rows(total) => Self::with_template(ROWS, Some(*total)),
        }
    }

    fn with_template(template: &str, total: Option<u64>) -> Self {
        let style = ProgressStyle::with_template(template).expect("the templates are valid");
        let bar = ProgressBar::with_draw_target(total, ProgressDrawTarget::hidden()).with_style(style);
        Self { is_wanted: total.is_some(), bar, start: Instant::now() }
    }

    /// Starts after `done` bytes, which do not count for the speed.
    pub(super) fn start_at(&self, done: u64) {
        self.bar.set_position(done);
        self.bar.reset_eta();
    }

    /// Shows that `done` bytes or rows are done, and a message about the work.
    pub(super) fn update(&self, done: u64, message: String) {
        if !self.is_wanted || self.start.elapsed() < MIN_TIME {
            return;
        }
        if self.bar.is_hidden() {
            self.bar.set_draw_target(ProgressDrawTarget::stderr());
        }
        self.bar.set_message(message);
        self.bar.set_position(done);
    }

    /// Calls `print`, which writes to standard error, while the bar is hidden.
    pub(super) fn suspend(&self, print: impl FnOnce()) {
        self.bar.suspend(print);
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}
