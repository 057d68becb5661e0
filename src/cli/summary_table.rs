//! A summary as a table with bars, for a terminal.

use std::io::{self, Write};

use finsent_jobs::summary::{Group, Periods, SummaryRow, SummaryShape, Zone};
use unicode_width::UnicodeWidthStr;

use super::console::{Style, paint, printable};
use super::label_style::label_style;
use super::summary_cells::{GROUP_WIDTHS, MISSING, cells, group_widths, signed};
use super::summary_trends::Trends;
use super::width::{pad_end, pad_start};

/// Widest bar, and narrowest one that says something, in columns.
const BARS: [usize; 2] = [8, 4];
/// The same of sparklines.
const TRENDS: [usize; 2] = [24, 5];
/// Width of a percentage: `100%`.
const PERCENT: usize = 4;
const COUNT_WIDTH: usize = 7;
const SENTIMENT_WIDTH: usize = 9;
const CHANGE_WIDTH: usize = 8;
const NET_WIDTH: usize = 6;

/// Writes rows, in order, with the trends of their groups if there are some. Where lines must fit into `room` columns, what
/// says least is left out.
pub(super) fn write(
    rows: &[SummaryRow<'_>],
    shape: &SummaryShape<'_>,
    trends: Option<&Trends<'_>>,
    out: &mut impl Write,
    room: Option<usize>,
    colors: bool,
) -> io::Result<()> {
    let mut layout = Layout::new(rows, shape, trends);
    if let Some(room) = room {
        layout = layout.fitted(room);
    }
    let table = SummaryTable { shape, layout, trends, colors };
    writeln!(out, "\n{}", paint(table.header().trim_end(), Style::Dim, colors))?;
    rows.iter().try_for_each(|row| writeln!(out, "{}", table.line(row).trim_end()))
}

/// The widths of the columns.
#[derive(Debug, Clone)]
struct Layout {
    groups: Vec<usize>,
    /// `None` without periods.
    period: Option<usize>,
    has_sentiment: bool,
    /// Whether the change since the period before is shown.
    has_change: bool,
    /// Whether an earlier summary is shown.
    has_before: bool,
    has_net: bool,
    /// The widths of the labels that are shown.
    labels: Vec<usize>,
    /// 0 without bars.
    bar: usize,
    /// 0 without sparklines.
    trend: usize,
}

impl Layout {
    /// The widths that show everything.
    fn new(rows: &[SummaryRow<'_>], shape: &SummaryShape<'_>, trends: Option<&Trends<'_>>) -> Self {
        let has_sentiment = shape.labels.has_sentiment_score();
        Self {
            groups: group_widths(rows, shape),
            period: shape.periods.as_ref().map(period_width),
            has_sentiment,
            has_change: has_sentiment && shape.has_change,
            has_before: shape.has_before,
            has_net: has_sentiment,
            labels: shape.labels.labels().iter().map(|label| printable(label).width()).collect(),
            bar: BARS[0],
            trend: trends.map_or(0, |trends| trends.len().clamp(TRENDS[1], TRENDS[0])),
        }
    }

    /// Narrower bars and sparklines, then no bars; no net, which the shares say; narrower groups; at last no sparklines and
    /// fewer labels.
    fn fitted(mut self, room: usize) -> Self {
        while self.width() > room && self.bar > BARS[1] {
            self.bar -= 1;
        }
        while self.width() > room && self.trend > TRENDS[1] {
            self.trend -= 1;
        }
        if self.width() > room {
            self.bar = 0;
        }
        if self.width() > room {
            self.has_net = false;
        }
        while self.width() > room {
            let Some(widest) = self.groups.iter_mut().max().filter(|width| **width > GROUP_WIDTHS[1]) else { break };
            *widest -= 1;
        }
        if self.width() > room {
            self.trend = 0;
        }
        while self.width() > room && self.labels.len() > 1 {
            self.labels.pop();
        }
        self
    }

    fn width(&self) -> usize {
        let column = |is_shown: bool, width: usize| if is_shown { 2 + width } else { 0 };
        let groups = self.groups.iter().map(|width| width + 2).sum::<usize>();
        // The first column has no space before it.
        groups
            + self.period.map_or(0, |width| 2 + width)
            + COUNT_WIDTH
            + column(self.has_before, COUNT_WIDTH)
            + column(self.has_sentiment, SENTIMENT_WIDTH)
            + column(self.has_sentiment && self.has_before, SENTIMENT_WIDTH)
            + column(self.shows_change(), CHANGE_WIDTH)
            + self.labels.iter().map(|&label| 2 + self.label(label)).sum::<usize>()
            + column(self.has_net, NET_WIDTH)
            + column(self.trend > 0, self.trend)
    }

    fn shows_change(&self) -> bool {
        self.has_sentiment && (self.has_change || self.has_before)
    }

    /// The width of the column of a label of this width.
    fn label(&self, label: usize) -> usize {
        let share = if self.bar == 0 { PERCENT } else { PERCENT + 1 + self.bar };
        label.max(share)
    }
}

struct SummaryTable<'a> {
    shape: &'a SummaryShape<'a>,
    layout: Layout,
    trends: Option<&'a Trends<'a>>,
    colors: bool,
}

impl SummaryTable<'_> {
    fn header(&self) -> String {
        let layout = &self.layout;
        let mut cells = cells(self.shape.groups.iter(), &layout.groups);
        cells.extend(layout.period.map(|width| pad_end("period", width)));
        let mut right = |is_shown: bool, name: &str, width: usize| {
            cells.extend(is_shown.then(|| pad_start(name, width)));
        };
        right(true, "count", COUNT_WIDTH);
        right(layout.has_before, "was", COUNT_WIDTH);
        right(layout.has_sentiment, "sentiment", SENTIMENT_WIDTH);
        right(layout.has_sentiment && layout.has_before, "was", SENTIMENT_WIDTH);
        right(layout.shows_change(), "change", CHANGE_WIDTH);
        for (label, &width) in self.shape.labels.labels().iter().zip(&layout.labels) {
            cells.push(pad_end(&printable(label), layout.label(width)));
        }
        cells.extend(layout.has_net.then(|| pad_start("net", NET_WIDTH)));
        cells.extend((layout.trend > 0).then(|| "trend".to_owned()));
        cells.join("  ")
    }

    fn line(&self, row: &SummaryRow<'_>) -> String {
        let (labels, layout) = (self.shape.labels, &self.layout);
        let values = row.key.values.iter().map(|value| value.as_deref().unwrap_or(MISSING));
        let mut cells = cells(values, &layout.groups);
        if let (Some(periods), Some(width)) = (&self.shape.periods, layout.period) {
            let start = row.key.period.map_or_else(|| MISSING.to_owned(), |start| periods.format(start));
            cells.push(pad_end(&start, width));
        }
        let count = |group: Option<&Group>| format!("{:>COUNT_WIDTH$}", group.map_or(0, Group::count));
        let sentiment = |group: Option<&Group>| {
            let score = group.and_then(|group| group.sentiment_score(labels));
            pad_start(&signed(score, 4), SENTIMENT_WIDTH)
        };
        cells.push(count(row.group));
        cells.extend(layout.has_before.then(|| count(row.before)));
        if layout.has_sentiment {
            cells.push(sentiment(row.group));
            cells.extend(layout.has_before.then(|| sentiment(row.before)));
        }
        let change = if layout.has_before { row.sentiment_change(labels) } else { row.change };
        cells.extend(layout.shows_change().then(|| self.change(change)));
        for (id, (label, &width)) in labels.labels().iter().zip(&layout.labels).enumerate() {
            cells.push(self.share(label, width, row.group.and_then(|group| group.share(id))));
        }
        let net = || signed(row.group.and_then(|group| group.net(labels)), 2);
        cells.extend(layout.has_net.then(|| pad_start(&net(), NET_WIDTH)));
        let trend = self.trends.filter(|_| layout.trend > 0);
        cells.extend(trend.map(|trends| trends.sparkline(row.key, layout.trend)));
        cells.join("  ")
    }

    /// A change, in the color of its direction.
    fn change(&self, change: Option<f64>) -> String {
        let cell = pad_start(&signed(change, 4), CHANGE_WIDTH);
        match change {
            Some(change) if change > 0.0 => paint(&cell, Style::Green, self.colors),
            Some(change) if change < 0.0 => paint(&cell, Style::Red, self.colors),
            _ => cell,
        }
    }

    /// The share of a label, in percent and as a bar.
    fn share(&self, label: &str, width: usize, share: Option<f64>) -> String {
        let percent = share.map_or_else(|| MISSING.to_owned(), |share| format!("{:.0}%", 100.0 * share));
        let (percent, width) = (pad_start(&percent, PERCENT), self.layout.label(width));
        if self.layout.bar == 0 {
            return pad_end(&percent, width);
        }
        let bar = share.map(|share| bar(share, self.layout.bar)).unwrap_or_default();
        let bar = pad_end(&bar, width - PERCENT - 1);
        format!("{percent} {}", paint(&bar, label_style(label, self.shape.labels.has_sentiment_score()), self.colors))
    }
}

/// Width of a date, or of a date and time with a zone.
fn period_width(periods: &Periods) -> usize {
    match periods.has_dates() {
        true => 10,
        false if periods.zone == Zone::default() => 20,
        false => 25,
    }
}

/// A bar of up to `width` columns, in eighths of one.
fn bar(share: f64, width: usize) -> String {
    const EIGHTHS: [&str; 8] = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"];
    let eighths = (share.clamp(0.0, 1.0) * (8 * width) as f64).round() as usize;
    "█".repeat(eighths / 8) + EIGHTHS[eighths % 8]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_grows_by_eighths_of_a_column() {
        let bar = |share| super::bar(share, 8);
        assert_eq!([bar(0.0), bar(0.5), bar(1.0), bar(7.0)], ["", "████", "████████", "████████"]);
        assert_eq!((bar(1.0 / 64.0), bar(0.25 + 3.0 / 64.0)), ("▏".into(), "██▍".into()));
        assert!(bar(f64::NAN).is_empty());
    }

    #[test]
    fn a_layout_gives_up_bars_then_the_net_then_the_width_of_groups() {
        let layout = Layout {
            groups: vec![32],
            period: Some(10),
            has_sentiment: true,
            has_change: false,
            has_before: false,
            has_net: true,
            labels: vec![8, 8, 7],
            bar: 8,
            trend: 0,
        };
        assert_eq!(layout.width(), 117);
        let fitted = layout.clone().fitted(110);
        assert_eq!((fitted.bar, fitted.groups[0], fitted.width()), (5, 32, 108));
        let fitted = layout.clone().fitted(80);
        assert_eq!((fitted.bar, fitted.groups[0], fitted.has_net), (0, 19, false), "{fitted:?}");
        assert!(fitted.width() <= 80);
        let many = Layout { labels: vec![12; 30], ..layout };
        assert!(many.fitted(80).width() <= 80);
    }
}
