//! What a page shows, and how its labels look.

use super::super::{Summary, SummaryRow, SummaryShape, TextChanges};

/// What a page shows.
#[derive(Clone, Copy)]
pub struct Report<'a> {
    /// The title.
    pub title: &'a str,
    /// Where the figures come from.
    pub source: &'a str,
    /// The groups over all periods, in order.
    pub rows: &'a [SummaryRow<'a>],
    /// The groups by period, if the summary is by time.
    pub summary: &'a Summary,
    /// What the summary is by.
    pub shape: &'a SummaryShape<'a>,
    /// How the texts differ from earlier ones.
    pub changes: Option<&'a TextChanges>,
}

/// How a label is colored: as what it means, else by its number.
pub(super) fn class(report: &Report<'_>, label: usize) -> &'static str {
    let labels = report.shape.labels;
    match labels.sentiment_ids() {
        Some([positive, _]) if label == positive => "pos",
        Some([_, negative]) if label == negative => "neg",
        _ if labels.labels()[label].eq_ignore_ascii_case("neutral")
            || labels.labels()[label].eq_ignore_ascii_case("none") =>
        {
            "neu"
        }
        _ => ["l3", "l4", "l5", "pos", "neg"][label % 5],
    }
}

/// The labels in the order in which bars stack them: positive, the others, negative.
pub(super) fn stack(report: &Report<'_>) -> Vec<usize> {
    let mut order: Vec<usize> = (0..report.shape.labels.labels().len()).collect();
    if let Some([positive, negative]) = report.shape.labels.sentiment_ids() {
        order.sort_by_key(|&label| {
            if label == positive {
                0
            } else if label == negative {
                2
            } else {
                1
            }
        });
    }
    order
}
