//! A progress bar on standard error, for work that takes longer than a second.

use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::rows::Progress;

/// Work shorter than this needs no bar.
const PATIENCE: Duration = Duration::from_secs(1);
const TEMPLATE: &str = "{wide_bar} {bytes} of {total_bytes}, {msg}, {eta} left";

/// The bar; it goes away when it is dropped.
pub(super) struct Bar {
    progress: Progress,
    bar: ProgressBar,
    start: Instant,
}

impl Bar {
    pub(super) fn new(progress: Progress) -> Self {
        let style = ProgressStyle::with_template(TEMPLATE).expect("the template is valid");
        let bar = ProgressBar::with_draw_target(Some(progress.total), ProgressDrawTarget::hidden()).with_style(style);
        Self { progress, bar, start: Instant::now() }
    }

    pub(super) fn update(&mut self, items: u64) {
        let elapsed = self.start.elapsed();
        if elapsed < PATIENCE {
            return;
        }
        if self.bar.is_hidden() {
            self.bar.set_draw_target(ProgressDrawTarget::stderr());
        }
        self.bar.set_message(format!("{:.0} texts a second", items as f64 / elapsed.as_secs_f64()));
        self.bar.set_position(self.progress.done());
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}
