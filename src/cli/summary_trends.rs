//! How groups develop over time: sparklines, and a table of groups and periods.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write};

use finsent_jobs::summary::{GroupKey, PeriodStart, Summary, SummaryRow, SummaryShape};

use super::console::{Style, paint};
use super::summary_cells::{MISSING, cells, group_widths, signed};
use super::width::pad_start;

/// Periods of a table that need not fit a terminal.
const MAX_PERIODS: usize = 31;
/// Width of a mean sentiment score: `+0.12`.
const MEAN_WIDTH: usize = 5;

/// The mean sentiment scores of groups in periods.
pub(super) struct Trends<'a> {
    periods: Vec<PeriodStart>,
    groups: BTreeMap<&'a [Option<String>], BTreeMap<PeriodStart, f64>>,
    /// The largest mean, without its sign.
    largest: f64,
}

impl<'a> Trends<'a> {
    /// The trends of a summary by time; `None` if it has no sentiment scores in periods.
    pub(super) fn new(summary: &'a Summary, shape: &SummaryShape<'_>) -> Option<Self> {
        let (mut periods, mut groups) = (BTreeSet::new(), BTreeMap::<_, BTreeMap<_, _>>::new());
        for (key, group) in summary.groups() {
            if let (Some(period), Some(mean)) = (key.period, group.sentiment_score(shape.labels)) {
                periods.insert(period);
                groups.entry(key.values.as_slice()).or_default().insert(period, mean);
            }
        }
        let largest =
            groups.values().flat_map(BTreeMap::values).fold(0.0, |largest: f64, mean| largest.max(mean.abs()));
        (!periods.is_empty()).then(|| Self { periods: periods.into_iter().collect(), groups, largest })
    }

    /// The number of periods.
    pub(super) fn len(&self) -> usize {
        self.periods.len()
    }

    /// The mean of a group's last period minus that of the one before, of those that it has.
    pub(super) fn change(&self, key: &GroupKey) -> Option<f64> {
        let mut means = self.groups.get(key.values.as_slice())?.values().rev();
        Some(means.next()? - means.next()?)
    }

    fn mean(&self, key: &GroupKey, period: PeriodStart) -> Option<f64> {
        self.groups.get(key.values.as_slice())?.get(&period).copied()
    }

    /// The means of the last periods as columns of eight heights, the same for all groups. The middle is 0.
    pub(super) fn sparkline(&self, key: &GroupKey, width: usize) -> String {
        let column = |&period: &PeriodStart| match self.mean(key, period) {
            None => ' ',
            Some(mean) => height(mean, self.largest),
        };
        self.last(width).iter().map(column).collect()
    }

    fn last(&self, periods: usize) -> &[PeriodStart] {
        &self.periods[self.periods.len().saturating_sub(periods)..]
    }

    /// Writes a table with a line for each row's group and a column for each of the last periods that fit into `room` columns.
    pub(super) fn write(
        &self,
        rows: &[SummaryRow<'_>],
        shape: &SummaryShape<'_>,
        out: &mut impl Write,
        room: Option<usize>,
        colors: bool,
    ) -> io::Result<()> {
        let Some(periods) = &shape.periods else { return Ok(()) };
        let widths = group_widths(rows, shape);
        let names: Vec<String> = self.periods.iter().map(|&period| periods.format(period)).collect();
        let width = names.iter().map(String::len).max().unwrap_or(0).max(MEAN_WIDTH);
        let left =
            room.map(|room| room.saturating_sub(widths.iter().sum::<usize>() + 2 * widths.len().saturating_sub(1)));
        let fitting = left.map_or(MAX_PERIODS, |left| left / (width + 2)).clamp(1, MAX_PERIODS);
        let shown = self.last(fitting);
        let of = if shown.len() < self.len() {
            format!(", the last {} of {} periods", shown.len(), self.len())
        } else {
            String::new()
        };
        let title = format!("Sentiment by period{of}");
        writeln!(out, "\n{}", paint(&title, Style::Bold, colors))?;
        let mut header = cells(shape.groups.iter(), &widths);
        header.extend(names[names.len() - shown.len()..].iter().map(|name| pad_start(name, width)));
        writeln!(out, "{}", paint(&header.join("  "), Style::Dim, colors))?;
        for row in rows {
            let values = row.key.values.iter().map(|value| value.as_deref().unwrap_or(MISSING));
            let mut line = cells(values, &widths);
            line.extend(shown.iter().map(|&period| self.cell(row.key, period, width, colors)));
            writeln!(out, "{}", line.join("  ").trim_end())?;
        }
        Ok(())
    }

    fn cell(&self, key: &GroupKey, period: PeriodStart, width: usize, colors: bool) -> String {
        let mean = self.mean(key, period);
        // No mean is shown as -0.00.
        let shown = |mean: f64| signed(Some(if mean.abs() < 0.005 { 0.0 } else { mean }), 2);
        let cell = pad_start(&mean.map_or_else(String::new, shown), width);
        match mean {
            Some(mean) if mean > 0.0 => paint(&cell, Style::Green, colors),
            Some(mean) if mean < 0.0 => paint(&cell, Style::Red, colors),
            _ => cell,
        }
    }
}

/// A column whose height says where `mean` is between `-largest` and `largest`.
fn height(mean: f64, largest: f64) -> char {
    const HEIGHTS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    let share = if largest > 0.0 { (mean / largest + 1.0) / 2.0 } else { 0.5 };
    HEIGHTS[((share * 8.0) as usize).min(7)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heights_are_the_same_for_all_groups() {
        let heights = |means: [f64; 5]| means.map(|mean| height(mean, 0.8)).iter().collect::<String>();
        assert_eq!(heights([-0.8, -0.4, 0.0, 0.4, 0.8]), "▁▃▅▇█");
        assert_eq!(height(0.0, 0.0), '▅');
    }
}
