//! Progress of a download: a bar on a terminal, a line now and then elsewhere.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use finsent_hub::DownloadProgress;
use indicatif::DecimalBytes;

use super::console::Console;
use super::progress::Bar;

/// Time between two lines about a file.
const INTERVAL: Duration = Duration::from_secs(10);

/// Shows the progress of downloads to the user.
pub(super) struct DownloadDisplay {
    console: Console,
    file: Mutex<Option<CurrentFile>>,
}

/// The file that is being downloaded.
struct CurrentFile {
    name: String,
    size: Option<u64>,
    /// Bytes that an earlier run had downloaded.
    resumed_at: u64,
    start: Instant,
    last_line: Instant,
    bar: Option<Bar>,
}

impl DownloadDisplay {
    pub(super) fn new(console: Console) -> Self {
        Self { console, file: Mutex::new(None) }
    }

    fn with_file<T>(&self, act: impl FnOnce(&mut Option<CurrentFile>) -> T) -> T {
        act(&mut self.file.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn start_bar(&self, done: u64, size: Option<u64>) -> Option<Bar> {
        let bar = self.console.draws_progress().then(|| Bar::new(size))?;
        bar.start_at(done);
        Some(bar)
    }
}

impl DownloadProgress for DownloadDisplay {
    fn begin(&self, file: &str, done: u64, size: Option<u64>) {
        let now = Instant::now();
        let bar = self.start_bar(done, size);
        let current = CurrentFile { name: file.into(), size, resumed_at: done, start: now, last_line: now, bar };
        let previous = self.with_file(|file| file.replace(current));
        // A retry from the beginning is not announced again.
        if previous.is_none_or(|previous| previous.name != file) || done > 0 {
            let from = if done > 0 { format!(", from {}", DecimalBytes(done)) } else { String::new() };
            let size = size.map(|size| format!(" ({})", DecimalBytes(size))).unwrap_or_default();
            self.note(&format!("downloading {file}{size}{from}"));
        }
    }

    fn advance(&self, done: u64) {
        let line = self.with_file(|file| file.as_mut().and_then(|file| file.advance(done)));
        if let Some(line) = line {
            self.console.note(&line);
        }
    }

    fn end(&self) {
        self.with_file(Option::take);
    }

    fn note(&self, message: &str) {
        self.with_file(|file| match file.as_ref().and_then(|file| file.bar.as_ref()) {
            Some(bar) => bar.suspend(|| self.console.note(message)),
            None => self.console.note(message),
        });
    }
}

impl CurrentFile {
    /// Moves the bar. Without a bar, returns a line if one is due.
    fn advance(&mut self, done: u64) -> Option<String> {
        let rate = (done - self.resumed_at.min(done)) as f64 / self.start.elapsed().as_secs_f64().max(0.1);
        if let Some(bar) = &self.bar {
            bar.update(done, format!("{}, {}/s", self.name, DecimalBytes(rate as u64)));
            return None;
        }
        if self.last_line.elapsed() < INTERVAL {
            return None;
        }
        self.last_line = Instant::now();
        let left = self.size.filter(|_| rate > 0.0).map(|size| size.saturating_sub(done) as f64 / rate);
        let left = left.map(|left| format!(", {left:.0} s left")).unwrap_or_default();
        let of = self.size.map(|size| format!(" of {}", DecimalBytes(size))).unwrap_or_default();
        Some(format!("{}: {}{of}, {}/s{left}", self.name, DecimalBytes(done), DecimalBytes(rate as u64)))
    }
}
