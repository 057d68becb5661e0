//! A summary as a table with bars, for a terminal.

use std::io::{self, Write};

use finsent_jobs::summary::{Every, Key, Summary, SummaryShape};
use unicode_width::UnicodeWidthStr;

use super::console::{Style, paint, printable};
use super::text_table::label_style;
use super::width::{cut, pad_end, pad_start};

/// Letters of a bar.
const BAR: usize = 8;
/// What is shown for a value that is missing.
const MISSING: &str = "-";
/// Widest column of groups.
const MOST_GROUP_WIDTH: usize = 32;

/// Writes all groups, in order.
pub(super) fn write(summary: &Summary, shape: &SummaryShape<'_>, out: &mut impl Write, colors: bool) -> io::Result<()> {
    let name = |key: &Key| key.0.as_ref().map_or_else(|| MISSING.to_owned(), |name| printable(name));
    let widest = summary.groups().map(|(key, _)| name(key).width()).max().unwrap_or(0);
    let group_width = widest.max(shape.group.width()).min(MOST_GROUP_WIDTH);
    let period_width = shape.every.map_or(0, |every| if matches!(every, Every::Minutes(_)) { 20 } else { 10 });
    let labels = shape.labels;
    let label_width = |label: &str| label.width().max(BAR + 5);

    let mut header = pad_end(&printable(shape.group), group_width);
    if shape.every.is_some() {
        header += &format!("  {}", pad_end("period", period_width));
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
    writeln!(out, "\n{}", paint(header.trim_end(), Style::Dim, colors))?;

    for (key, group) in summary.groups() {
        let mut line = pad_end(&cut(&name(key), group_width), group_width);
        if let Some(every) = shape.every {
            let start = key.1.map_or_else(|| MISSING.to_owned(), |start| every.format(start));
            line += &format!("  {}", pad_end(&start, period_width));
        }
        line += &format!("  {:>7}", group.count());
        if labels.has_sentiment_score() {
            line += &format!("  {}", pad_start(&signed(group.sentiment_score(labels), 4), 9));
        }
        for (id, label) in labels.labels().iter().enumerate() {
            let share = group.shares().map(|shares| shares[id]);
            let bar = share.map(bar).unwrap_or_default();
            let bar =
                paint(&pad_end(&bar, label_width(label) - 5), label_style(label, labels.has_sentiment_score()), colors);
            let share = share.map_or_else(|| MISSING.to_owned(), |share| format!("{:.0}%", 100.0 * share));
            line += &format!("  {} {bar}", pad_start(&share, 4));
        }
        if labels.has_sentiment_score() {
            line += &format!("  {}", pad_start(&signed(group.net(labels), 2), 6));
        }
        writeln!(out, "{}", line.trim_end())?;
    }
    Ok(())
}

fn signed(number: Option<f64>, digits: usize) -> String {
    number.map_or_else(|| MISSING.to_owned(), |number| format!("{number:+.digits$}"))
}

/// A bar of up to [`BAR`] letters, in eighths of one.
fn bar(share: f64) -> String {
    const EIGHTHS: [&str; 8] = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"];
    let eighths = (share.clamp(0.0, 1.0) * (8 * BAR) as f64).round() as usize;
    "█".repeat(eighths / 8) + EIGHTHS[eighths % 8]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_grows_by_eighths_of_a_letter() {
        assert_eq!([bar(0.0), bar(0.5), bar(1.0), bar(7.0)], ["", "████", "████████", "████████"]);
        assert_eq!((bar(1.0 / 64.0), bar(0.25 + 3.0 / 64.0)), ("▏".into(), "██▍".into()));
        assert!(bar(f64::NAN).is_empty());
    }
}
