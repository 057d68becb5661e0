//! What is said about rows that are not in a summary's sums.

use finsent_jobs::summary::{LeftOut, TIME_EXAMPLES};
use finsent_table::Row;

use super::hints;
use super::quantity::{grouped, quantity};
use super::tally::LimitedNotes;

/// Counts rows that are not in the sums.
#[derive(Debug, Default)]
pub(super) struct LeftOutRows {
    notes: LimitedNotes,
    /// Those whose time cannot be read.
    without_time: u64,
}

impl LeftOutRows {
    /// Counts a row. Returns what to print about it.
    pub(super) fn add(&mut self, row: &Row, reason: &LeftOut) -> Option<String> {
        self.without_time += u64::from(matches!(reason, LeftOut::Time(_)));
        let hint = hints::for_left_out(reason).map(|hint| format!("; {hint}")).unwrap_or_default();
        let note = || format!("{}: not in the summary: {reason}{hint}", row.place);
        self.notes.count_one(note, "more rows are not in the summary")
    }

    /// Their number.
    pub(super) fn count(&self) -> u64 {
        self.notes.count()
    }

    /// The note at the end, of `scored` rows with a prediction in a summary that is by the times of this column.
    pub(super) fn note(&self, scored: u64, time_column: Option<&str>) -> Option<String> {
        match (self.count(), time_column) {
            (0, _) => None,
            (_, Some(column)) if self.without_time == scored => Some(format!(
                "no row has a readable time in `{column}`, so the summary has no scores. Times look like {TIME_EXAMPLES}"
            )),
            (left_out, _) => {
                let are = if left_out == 1 { "is" } else { "are" };
                let (left_out, scored) = (quantity(left_out, "row"), grouped(scored));
                Some(format!("{left_out} of {scored} {are} counted as failed in the summary"))
            }
        }
    }
}
