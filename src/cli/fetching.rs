//! How a fetch goes on: a bar on a terminal, a line now and then elsewhere.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use finsent_hub::DownloadProgress;
use indicatif::DecimalBytes;

use super::console::Console;
use super::progress::Bar;

/// Time between two lines about a file.
const INTERVAL: Duration = Duration::from_secs(10);

/// Tells the user about a fetch.
pub(super) struct Fetching {
    console: Console,
    file: Mutex<Option<Current>>,
}

/// The file that is being fetched.
struct Current {
    name: String,
    size: Option<u64>,
    /// Bytes that were here before.
    before: u64,
    start: Instant,
    told: Instant,
    bar: Option<Bar>,
}

impl Fetching {
    pub(super) fn new(console: Console) -> Self {
        Self { console, file: Mutex::new(None) }
    }

    fn with<T>(&self, act: impl FnOnce(&mut Option<Current>) -> T) -> T {
        act(&mut self.file.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl DownloadProgress for Fetching {
    fn begin(&self, file: &str, done: u64, size: Option<u64>) {
        let now = Instant::now();
        let bar = self.console.draws_progress().then(|| Bar::new(size));
        if let Some(bar) = &bar {
            bar.start_at(done);
        }
        let current = Current { name: file.into(), size, before: done, start: now, told: now, bar };
        let previous = self.with(|file| file.replace(current));
        let goes_on = if done > 0 { format!(", from {} on", DecimalBytes(done)) } else { String::new() };
        let size = size.map(|size| format!(", {}", DecimalBytes(size))).unwrap_or_default();
        if previous.is_none_or(|previous| previous.name != file) || done > 0 {
            self.console.note(&format!("fetching {file}{size}{goes_on}"));
        }
    }

    fn advance(&self, done: u64) {
        let line = self.with(|file| file.as_mut().and_then(|file| file.advance(done)));
        if let Some(line) = line {
            self.console.note(&line);
        }
    }

    fn end(&self) {
        self.with(Option::take);
    }

    fn note(&self, message: &str) {
        self.with(|file| match file.as_ref().and_then(|file| file.bar.as_ref()) {
            Some(bar) => bar.suspend(|| self.console.note(message)),
            None => self.console.note(message),
        });
    }
}

impl Current {
    /// Moves the bar; without one, the line that is due.
    fn advance(&mut self, done: u64) -> Option<String> {
        let seconds = self.start.elapsed().as_secs_f64();
        let rate = (done - self.before.min(done)) as f64 / seconds.max(0.1);
        if let Some(bar) = &self.bar {
            bar.update(done, format!("{}, {}/s", self.name, DecimalBytes(rate as u64)));
            return None;
        }
        if self.told.elapsed() < INTERVAL {
            return None;
        }
        self.told = Instant::now();
        let left = self.size.filter(|_| rate > 0.0).map(|size| size.saturating_sub(done) as f64 / rate);
        let left = left.map(|left| format!(", {left:.0} s left")).unwrap_or_default();
        let of = self.size.map(|size| format!(" of {}", DecimalBytes(size))).unwrap_or_default();
        Some(format!("{}: {}{of}, {}/s{left}", self.name, DecimalBytes(done), DecimalBytes(rate as u64)))
    }
}
