//! A summary as a table with bars, for a terminal.

use std::io::{self, Write};

use finsent_jobs::summary::{Group, GroupKey, Periods, Summary, SummaryShape, Zone};
use unicode_width::UnicodeWidthStr;

use super::console::{Style, paint, printable};
use super::text_table::label_style;
use super::width::{cut, pad_end, pad_start};

/// Width of a bar in columns.
const BAR: usize = 8;
/// Shown for a missing value.
const MISSING: &str = "-";
/// Widest column of groups.
const MAX_GROUP_WIDTH: usize = 32;

/// Writes all groups, in order.
pub(super) fn write(summary: &Summary, shape: &SummaryShape<'_>, out: &mut impl Write, colors: bool) -> io::Result<()> {
    let table = SummaryTable::new(summary, shape, colors);
    writeln!(out, "\n{}", paint(table.header().trim_end(), Style::Dim, colors))?;
    summary.groups().try_for_each(|(key, group)| writeln!(out, "{}", table.line(key, group).trim_end()))
}

struct SummaryTable<'a> {
    shape: &'a SummaryShape<'a>,
    group_width: usize,
    period_width: usize,
    colors: bool,
}

impl<'a> SummaryTable<'a> {
    fn new(summary: &Summary, shape: &'a SummaryShape<'a>, colors: bool) -> Self {
        let widest = summary.groups().map(|(key, _)| name(key).width()).max().unwrap_or(0);
        Self {
            shape,
            group_width: widest.max(shape.group.width()).min(MAX_GROUP_WIDTH),
            period_width: shape.periods.map_or(0, period_width),
            colors,
        }
    }

    fn header(&self) -> String {
        let labels = self.shape.labels;
        let mut header = pad_end(&printable(self.shape.group), self.group_width);
        if self.shape.periods.is_some() {
            header += &format!("  {}", pad_end("period", self.period_width));
        }
        header += &format!("  {:>7}", "count");
        if labels.has_sentiment_score() {
            header += &format!("  {:>9}", "sentiment");
        }
        for label in labels.labels() {
            header += &format!("  {}", pad_end(&printable(label), label_width(label)));
        }
        if labels.has_sentiment_score() {
            header += &format!("  {:>6}", "net");
        }
        header
    }

    fn line(&self, key: &GroupKey, group: &Group) -> String {
        let labels = self.shape.labels;
        let mut line = pad_end(&cut(&name(key), self.group_width), self.group_width);
        if let Some(periods) = self.shape.periods {
            let start = key.1.map_or_else(|| MISSING.to_owned(), |start| periods.format(start));
            line += &format!("  {}", pad_end(&start, self.period_width));
        }
        line += &format!("  {:>7}", group.count());
        if labels.has_sentiment_score() {
            line += &format!("  {}", pad_start(&signed(group.sentiment_score(labels), 4), 9));
        }
        let shares = group.shares();
        for (id, label) in labels.labels().iter().enumerate() {
            line += &self.share(label, shares.as_ref().map(|shares| shares[id]));
        }
        if labels.has_sentiment_score() {
            line += &format!("  {}", pad_start(&signed(group.net(labels), 2), 6));
        }
        line
    }

    /// The share of a label, in percent and as a bar.
    fn share(&self, label: &str, share: Option<f64>) -> String {
        let bar = pad_end(&share.map(bar).unwrap_or_default(), label_width(label) - 5);
        let bar = paint(&bar, label_style(label, self.shape.labels.has_sentiment_score()), self.colors);
        let share = share.map_or_else(|| MISSING.to_owned(), |share| format!("{:.0}%", 100.0 * share));
        format!("  {} {bar}", pad_start(&share, 4))
    }
}

/// The value of a group.
fn name(key: &GroupKey) -> String {
    key.0.as_ref().map_or_else(|| MISSING.to_owned(), |name| printable(name))
}

/// Width of a date, or of a date and time with a zone.
fn period_width(periods: Periods) -> usize {
    match periods.has_dates() {
        true => 10,
        false if periods.zone == Zone::default() => 20,
        false => 25,
    }
}

fn label_width(label: &str) -> usize {
    label.width().max(BAR + 5)
}

fn signed(number: Option<f64>, digits: usize) -> String {
    number.map_or_else(|| MISSING.to_owned(), |number| format!("{number:+.digits$}"))
}

/// A bar of up to [`BAR`] columns, in eighths of one.
fn bar(share: f64) -> String {
    const EIGHTHS: [&str; 8] = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"];
    let eighths = (share.clamp(0.0, 1.0) * (8 * BAR) as f64).round() as usize;
    "█".repeat(eighths / 8) + EIGHTHS[eighths % 8]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_grows_by_eighths_of_a_column() {
        assert_eq!([bar(0.0), bar(0.5), bar(1.0), bar(7.0)], ["", "████", "████████", "████████"]);
        assert_eq!((bar(1.0 / 64.0), bar(0.25 + 3.0 / 64.0)), ("▏".into(), "██▍".into()));
        assert!(bar(f64::NAN).is_empty());
    }
}
