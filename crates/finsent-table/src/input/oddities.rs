//! What is noticed in rows after the first ones, when it is too late to settle it: it is told at the end.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// Counts of what was noticed in the rows of all files.
#[derive(Debug, Default)]
pub(super) struct Oddities {
    /// Tab-separated rows with a value that begins with a quote, though quotes are read as a part of the values.
    pub(super) quotes: Oddity,
    /// Objects in which something that is not JSON was replaced.
    pub(super) repairs: Oddity,
}

/// How often something was noticed, and where first.
#[derive(Debug, Default)]
pub(super) struct Oddity {
    count: AtomicU64,
    first: OnceLock<String>,
}

impl Oddity {
    /// Counts one in the line `line` of `file`.
    pub(super) fn add(&self, file: &str, line: u64) {
        self.count.fetch_add(1, Relaxed);
        self.first.get_or_init(|| format!("{file} line {line}"));
    }

    /// `3 rows (the first is n.tsv line 120)`; `None` if there is nothing.
    fn describe(&self) -> Option<String> {
        let count = self.count.load(Relaxed);
        let first = self.first.get()?;
        Some(if count == 1 { format!("1 row ({first})") } else { format!("{count} rows (the first is {first})") })
    }
}

impl Oddities {
    /// What is to be told.
    pub(super) fn notes(&self) -> Vec<String> {
        let quotes = self.quotes.describe().map(|rows| {
            format!("quotes are read as a part of the values in {rows}; if they quote values, add --quote '\"'")
        });
        let repairs = self.repairs.describe().map(|rows| {
            format!("NaN and infinities are read as null, and halves of surrogate pairs as U+FFFD, in {rows}")
        });
        quotes.into_iter().chain(repairs).collect()
    }
}
