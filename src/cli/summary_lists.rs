//! The texts of a summary, for a terminal: the most positive and negative ones, and what changed.

use std::io::{self, Write};

use finsent_jobs::summary::{Extremes, Group, QuotedText, SummaryRow, SummaryShape, TextChanges};

use super::console::{Style, paint, printable};
use super::quantity::{grouped, quantity};
use super::summary_cells::{group_name, signed};
use super::width::cut;

/// Texts that are shown of those with another label.
const MAX_RELABELLED: usize = 5;

/// How texts are printed.
#[derive(Debug, Clone, Copy)]
pub(super) struct Lines {
    /// Columns that a line may have.
    pub(super) room: Option<usize>,
    pub(super) colors: bool,
}

impl Lines {
    /// The most positive and negative texts of each row.
    pub(super) fn texts(self, rows: &[SummaryRow<'_>], out: &mut impl Write) -> io::Result<()> {
        for row in rows {
            let Some(extremes) = row.group.map(Group::extremes).filter(|extremes| has_any(extremes)) else { continue };
            writeln!(out, "\n{}", paint(&group_name(row.key), Style::Bold, self.colors))?;
            self.extremes(extremes, out)?;
        }
        Ok(())
    }

    fn extremes(self, extremes: &Extremes, out: &mut impl Write) -> io::Result<()> {
        extremes.highest.iter().chain(&extremes.lowest).try_for_each(|text| writeln!(out, "{}", self.line(text)))
    }

    fn line(self, text: &QuotedText) -> String {
        let score = signed(Some(text.sentiment_score), 4);
        let style = if text.sentiment_score > 0.0 { Style::Green } else { Style::Red };
        format!("  {}  {}", paint(&score, style, self.colors), self.cut(&printable(&text.text), 2 + score.len() + 2))
    }

    fn cut(self, text: &str, taken: usize) -> String {
        self.room.map_or_else(|| text.to_owned(), |room| cut(text, room.saturating_sub(taken).max(1)))
    }

    /// Which texts are new, and which have another label.
    pub(super) fn changes(
        self,
        changes: &TextChanges,
        shape: &SummaryShape<'_>,
        out: &mut impl Write,
    ) -> io::Result<()> {
        writeln!(out, "\n{}", paint(&totals(changes), Style::Bold, self.colors))?;
        self.extremes(changes.strongest(), out)?;
        let (_, relabelled) = changes.relabelled();
        let name = |label: usize| shape.labels.labels().get(label).map_or("", String::as_str);
        for text in relabelled.iter().take(MAX_RELABELLED) {
            let [before, now] = text.labels.map(name);
            let labels = printable(&format!("{before} -> {now}"));
            writeln!(out, "  {labels}  {}", self.cut(&printable(&text.text), labels.len() + 4))?;
        }
        Ok(())
    }
}

fn has_any(extremes: &Extremes) -> bool {
    !extremes.highest.is_empty() || !extremes.lowest.is_empty()
}

/// `12 texts are new, 3 are gone, and 1 has another label`.
fn totals(changes: &TextChanges) -> String {
    let (relabelled, _) = changes.relabelled();
    let are = |count: u64| if count == 1 { "is" } else { "are" };
    let have = if relabelled == 1 { "has" } else { "have" };
    let (new, gone) = (changes.new_texts(), changes.gone());
    format!(
        "{} {} new, {} {} gone, and {} {have} another label",
        quantity(new, "text"),
        are(new),
        grouped(gone),
        are(gone),
        grouped(relabelled)
    )
}
