//! A progress bar on standard error, for work that takes longer than a second.

use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::rows::Progress;

/// Work shorter than this needs no bar.
const PATIENCE: Duration = Duration::from_secs(1);
const TEMPLATE: &str = "{wide_bar} {bytes} of {total_bytes}, {msg}, {eta} left";

/// The bar; it goes away when it is dropped.
pub(super) struct Bar {
    /// What there is to show, if the user is to see it.
    progress: Option<Progress>,
    bar: ProgressBar,
    start: Instant,
}

impl Bar {
    pub(super) fn new(progress: Option<Progress>) -> Self {
        let style = ProgressStyle::with_template(TEMPLATE).expect("the template is valid");
        let total = progress.as_ref().map(|progress| progress.total);
        let bar = ProgressBar::with_draw_target(total, ProgressDrawTarget::hidden()).with_style(style);
        Self { progress, bar, start: Instant::now() }
    }

    pub(super) fn update(&self, items: u64) {
        let elapsed = self.start.elapsed();
        let Some(progress) = self.progress.as_ref().filter(|_| elapsed > PATIENCE) else { return };
        if self.bar.is_hidden() {
            self.bar.set_draw_target(ProgressDrawTarget::stderr());
        }
        self.bar.set_message(format!("{:.0} texts a second", items as f64 / elapsed.as_secs_f64()));
        self.bar.set_position(progress.done());
    }

    /// Calls `speak`, which writes to standard error, with the bar out of the way.
    pub(super) fn suspend(&self, speak: impl FnOnce()) {
        self.bar.suspend(speak);
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}
