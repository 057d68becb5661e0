//! A progress bar on standard error, for work that takes longer than a second.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::time::{Duration, Instant};

use finsent_table::InputProgress;
use indicatif::{HumanDuration, ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::quantity::grouped;

/// Shorter work gets no bar.
const MIN_TIME: Duration = Duration::from_secs(1);
const BYTES: &str = "{wide_bar} {decimal_bytes} of {decimal_total_bytes}, {msg}, {eta} left";
const ROWS: &str = "{wide_bar} {msg}";
/// The time left comes from the speed in the last updates, at least of this time.
const RECENT: Duration = Duration::from_secs(20);

/// A bar; dropping it removes it from the terminal.
pub(super) struct Bar {
    /// Whether to draw it at all.
    is_wanted: bool,
    bar: ProgressBar,
    /// The number of texts, if it counts texts.
    texts: Option<InputProgress>,
    start: Instant,
    speed: RefCell<Speed>,
}

impl Bar {
    /// A bar for `total` bytes; one without a total is never drawn.
    pub(super) fn new(total: Option<u64>) -> Self {
        Self::with_template(BYTES, total, None)
    }

    /// A bar for the texts of an input. Their number may be an estimate, which gets better.
    pub(super) fn of(progress: &InputProgress) -> Self {
        Self::with_template(ROWS, Some(0), Some(progress.clone()))
    }

    fn with_template(template: &str, total: Option<u64>, texts: Option<InputProgress>) -> Self {
        let style = ProgressStyle::with_template(template).expect("the templates are valid");
        let bar = ProgressBar::with_draw_target(total, ProgressDrawTarget::hidden()).with_style(style);
        let start = Instant::now();
        Self { is_wanted: total.is_some(), bar, texts, start, speed: RefCell::new(Speed::since(start)) }
    }

    /// Starts after `done` bytes, which do not count for the speed.
    pub(super) fn start_at(&self, done: u64) {
        self.bar.set_position(done);
        self.bar.reset_eta();
    }

    /// Shows that `done` bytes or texts are done, and a message about the work.
    pub(super) fn update(&self, done: u64, message: String) {
        if !self.is_wanted {
            return;
        }
        let message = match &self.texts {
            None => message,
            Some(texts) => {
                let (total, about) = total(texts, done);
                let left = self.speed.borrow_mut().time_left(Instant::now(), done, total);
                self.bar.set_length(total);
                format!("{} of {about}{} texts, {message}, {left:#} left", grouped(done), grouped(total))
            }
        };
        self.bar.set_message(message);
        self.bar.set_position(done);
        if self.bar.is_hidden() && self.start.elapsed() >= MIN_TIME {
            self.bar.set_draw_target(ProgressDrawTarget::stderr());
        }
    }

    /// Calls `print`, which writes to standard error, while the bar is hidden.
    pub(super) fn suspend(&self, print: impl FnOnce()) {
        self.bar.suspend(print);
    }

    /// A function that removes the bar from the terminal for good.
    pub(super) fn remover(&self) -> impl Fn() + Send + 'static {
        let bar = self.bar.clone();
        move || bar.finish_and_clear()
    }
}

/// How much was done at which time, lately.
#[derive(Debug)]
struct Speed(VecDeque<(Instant, u64)>);

impl Speed {
    fn since(start: Instant) -> Self {
        Self(VecDeque::from([(start, 0)]))
    }

    /// The time until all is done at the speed of the last updates.
    fn time_left(&mut self, now: Instant, done: u64, total: u64) -> HumanDuration {
        self.0.push_back((now, done));
        while self.0.len() > 2 && now - self.0[1].0 >= RECENT {
            self.0.pop_front();
        }
        let (since, before) = self.0[0];
        let per_text = (now - since).as_secs_f64() / done.saturating_sub(before).max(1) as f64;
        let seconds = per_text * total.saturating_sub(done) as f64;
        HumanDuration(Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX))
    }
}

/// The number of texts when `done` of them are done, and a word before it if it is an estimate.
fn total(texts: &InputProgress, done: u64) -> (u64, &'static str) {
    let (rows, is_estimate) = texts.rows();
    (rows.max(done), if is_estimate { "about " } else { "" })
}

impl Drop for Bar {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_left_follows_from_the_last_updates() {
        let start = Instant::now();
        let mut speed = Speed::since(start);
        let mut left =
            |seconds: u64, done| format!("{:#}", speed.time_left(start + Duration::from_secs(seconds), done, 3000));
        assert_eq!(left(1, 1000), "2s");
        assert_eq!(left(11, 1100), "19s");
        assert_eq!(left(41, 1400), "3m");
        assert_eq!(left(42, 3000), "0s");
    }
}
