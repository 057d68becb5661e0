//! What became of the rows of a run.

use std::cmp::Ordering;
use std::time::Instant;

use super::quantity::{grouped, quantity};

/// Notes of one kind that are printed one by one.
const MAX_NOTES: u64 = 10;

/// The rows that were read, failed and were truncated, and the time since the start.
#[derive(Debug)]
pub(super) struct Tally {
    pub(super) rows: u64,
    pub(super) failed: LimitedNotes,
    pub(super) truncated: u64,
    start: Instant,
}

impl Tally {
    pub(super) fn start() -> Self {
        Self { rows: 0, failed: LimitedNotes::default(), truncated: 0, start: Instant::now() }
    }

    /// Rows per second.
    pub(super) fn rate(&self) -> f64 {
        self.rows as f64 / self.start.elapsed().as_secs_f64()
    }

    /// `2 texts in 0.1 s (20 per second), none failed`; `noun` is what a row is.
    pub(super) fn summary(&self, noun: &str) -> String {
        let failed = match self.failed.count() {
            0 => "none".to_owned(),
            failed => grouped(failed),
        };
        let (rows, seconds) = (quantity(self.rows, noun), self.start.elapsed().as_secs_f64());
        format!("{rows} in {seconds:.1} s ({:.0} per second), {failed} failed", self.rate())
    }

    /// `2 texts in 0.1 s, 20 per second`; `noun` is what a row is.
    pub(super) fn speed(&self, noun: &str) -> String {
        let (rows, seconds) = (quantity(self.rows, noun), self.start.elapsed().as_secs_f64());
        format!("{rows} in {seconds:.1} s, {:.0} per second", self.rate())
    }

    /// The note about truncated texts of a model that reads `window` tokens; `None` if there are none. `remedy` is what
    /// scores all of a text, if there is such a thing here.
    pub(super) fn truncation(&self, window: usize, remedy: Option<&str>) -> Option<String> {
        let (were, their, them) = match self.truncated {
            0 => return None,
            1 => ("was", "its", "it"),
            _ => ("were", "their", "them"),
        };
        let texts = quantity(self.truncated, "text");
        let note = format!("{texts} {were} longer than {window} tokens; only {their} start was scored");
        Some(remedy.map_or_else(|| note.clone(), |remedy| format!("{note}. To score all of {them}: {remedy}")))
    }
}

/// Counts notes of one kind, of which only the first are printed.
#[derive(Debug, Default)]
pub(super) struct LimitedNotes(u64);

impl LimitedNotes {
    /// Counts one. Returns what to print: `note` for the first ones, then once `more`.
    pub(super) fn count_one(&mut self, note: impl FnOnce() -> String, more: &str) -> Option<String> {
        self.0 += 1;
        match self.0.cmp(&(MAX_NOTES + 1)) {
            Ordering::Less => Some(note()),
            Ordering::Equal => Some(more.to_owned()),
            Ordering::Greater => None,
        }
    }

    pub(super) fn count(&self) -> u64 {
        self.0
    }

    /// Whether some were not printed.
    pub(super) fn are_more(&self) -> bool {
        self.0 > MAX_NOTES
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ten_notes_are_printed_and_then_that_there_are_more() {
        let mut notes = LimitedNotes::default();
        let printed: Vec<String> =
            (0..30).filter_map(|number| notes.count_one(|| number.to_string(), "more")).collect();
        assert_eq!((printed.len(), printed[9].as_str(), printed[10].as_str()), (11, "9", "more"));
        assert_eq!(notes.count(), 30);
    }

    #[test]
    fn the_note_about_truncated_texts_agrees_with_their_number() {
        let note = |truncated, remedy| Tally { truncated, ..Tally::start() }.truncation(512, remedy);
        assert_eq!(note(0, None), None);
        assert_eq!(note(1, None).unwrap(), "1 text was longer than 512 tokens; only its start was scored");
        let all = note(2, Some("--granularity document")).unwrap();
        assert!(all.ends_with("only their start was scored. To score all of them: --granularity document"), "{all}");
    }
}
