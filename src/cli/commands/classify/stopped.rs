//! What a run says when it is interrupted and keeps no journal.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use finsent_table::Destination;

use crate::cli::args::ClassifyArgs;
use crate::cli::console::Console;
use crate::cli::quantity::quantity;

/// The number of rows that are written, which an interrupt may ask for at any time.
#[derive(Debug, Clone, Default)]
pub(super) struct Written(Arc<AtomicU64>);

impl Written {
    pub(super) fn set(&self, rows: u64) {
        self.0.store(rows, Relaxed);
    }

    /// A function that prints how far the run has come and what is kept of it.
    pub(super) fn note(&self, args: &ClassifyArgs, console: Console) -> impl Fn() + Send + 'static {
        let (rows, can_resume) = (Arc::clone(&self.0), !args.input.is_empty());
        let output = args.output.clone();
        let file = output.as_deref().and_then(Destination::file);
        move || {
            let rows = rows.load(Relaxed);
            if rows > 0 {
                console.note(&message(rows, output.clone().filter(|_| file.is_some()), can_resume));
            }
        }
    }
}

fn message(rows: u64, file: Option<PathBuf>, can_resume: bool) -> String {
    let rows = quantity(rows, "text");
    let Some(file) = file else {
        return format!("stopped after {rows}, the predictions of which are written");
    };
    let state = if file.exists() { "is as it was before" } else { "was not written" };
    let tip = if can_resume { ". To keep progress the next time: --resume" } else { "" };
    format!("stopped after {rows}; nothing of this run is kept, {} {state}{tip}", file.display())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_is_said() {
        let kept = |file: Option<&str>| message(12_000, file.map(PathBuf::from), file.is_some());
        assert_eq!(kept(None), "stopped after 12,000 texts, the predictions of which are written");
        assert!(kept(Some("/nowhere/s.csv")).contains("nothing of this run is kept, /nowhere/s.csv was not written"));
        assert!(kept(Some("/dev/null")).contains("/dev/null is as it was before. To keep progress"));
    }
}
