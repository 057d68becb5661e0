//! A summary as a table with bars, for a terminal.

use std::io::{self, Write};

use finsent_jobs::summary::{Group, GroupKey, Periods, Summary, SummaryShape, Zone};
use unicode_width::UnicodeWidthStr;

use super::console::{Style, paint, printable};
use super::text_table::label_style;
use super::width::{cut, pad_end, pad_start};

/// Widest bar, and narrowest one that says something, in columns.
const BARS: [usize; 2] = [8, 4];
/// Width of a percentage: `100%`.
const PERCENT: usize = 4;
/// Shown for a missing value.
const MISSING: &str = "-";
/// Widest column of groups, and what is left of it before other columns are.
const GROUP_WIDTHS: [usize; 2] = [32, 12];
const COUNT_WIDTH: usize = 7;
const SENTIMENT_WIDTH: usize = 9;
const NET_WIDTH: usize = 6;

/// Writes all groups, in order. Where lines must fit into `room` columns, what says least is left out.
pub(super) fn write(
    summary: &Summary,
    shape: &SummaryShape<'_>,
    out: &mut impl Write,
    room: Option<usize>,
    colors: bool,
) -> io::Result<()> {
    let mut layout = Layout::new(summary, shape);
    if let Some(room) = room {
        layout = layout.fitted(room);
    }
    let table = SummaryTable { shape, layout, colors };
    writeln!(out, "\n{}", paint(table.header().trim_end(), Style::Dim, colors))?;
    summary.groups().try_for_each(|(key, group)| writeln!(out, "{}", table.line(key, group).trim_end()))
}

/// The widths of the columns.
#[derive(Debug, Clone)]
struct Layout {
    group: usize,
    /// `None` without periods.
    period: Option<usize>,
    has_sentiment: bool,
    has_net: bool,
    /// The widths of the labels that are shown.
    labels: Vec<usize>,
    /// 0 without bars.
    bar: usize,
}

impl Layout {
    /// The widths that show everything.
    fn new(summary: &Summary, shape: &SummaryShape<'_>) -> Self {
        let [most, _] = GROUP_WIDTHS;
        let widest = summary.groups().map(|(key, _)| name(key).width()).max().unwrap_or(0);
        let has_sentiment = shape.labels.has_sentiment_score();
        Self {
            group: widest.max(shape.group.width()).min(most),
            period: shape.periods.as_ref().map(period_width),
            has_sentiment,
            has_net: has_sentiment,
            labels: shape.labels.labels().iter().map(|label| printable(label).width()).collect(),
            bar: BARS[0],
        }
    }

    /// Narrower bars, then none; no net, which the shares say; narrower groups; at last fewer labels.
    fn fitted(mut self, room: usize) -> Self {
        while self.width() > room && self.bar > BARS[1] {
            self.bar -= 1;
        }
        if self.width() > room {
            self.bar = 0;
        }
        if self.width() > room {
            self.has_net = false;
        }
        while self.width() > room && self.group > GROUP_WIDTHS[1] {
            self.group -= 1;
        }
        while self.width() > room && self.labels.len() > 1 {
            self.labels.pop();
        }
        self
    }

    fn width(&self) -> usize {
        let column = |is_shown: bool, width: usize| if is_shown { 2 + width } else { 0 };
        self.group
            + self.period.map_or(0, |width| 2 + width)
            + 2
            + COUNT_WIDTH
            + column(self.has_sentiment, SENTIMENT_WIDTH)
            + self.labels.iter().map(|&label| 2 + self.label(label)).sum::<usize>()
            + column(self.has_net, NET_WIDTH)
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
    colors: bool,
}

impl SummaryTable<'_> {
    fn header(&self) -> String {
        let Layout { group, period, has_sentiment, has_net, ref labels, .. } = self.layout;
        let mut header = pad_end(&cut(&printable(self.shape.group), group), group);
        if let Some(width) = period {
            header += &format!("  {}", pad_end("period", width));
        }
        header += &format!("  {:>COUNT_WIDTH$}", "count");
        if has_sentiment {
            header += &format!("  {:>SENTIMENT_WIDTH$}", "sentiment");
        }
        for (label, &width) in self.shape.labels.labels().iter().zip(labels) {
            header += &format!("  {}", pad_end(&printable(label), self.layout.label(width)));
        }
        if has_net {
            header += &format!("  {:>NET_WIDTH$}", "net");
        }
        header
    }

    fn line(&self, key: &GroupKey, group: &Group) -> String {
        let (labels, layout) = (self.shape.labels, &self.layout);
        let mut line = pad_end(&cut(&name(key), layout.group), layout.group);
        if let (Some(periods), Some(width)) = (&self.shape.periods, layout.period) {
            let start = key.1.map_or_else(|| MISSING.to_owned(), |start| periods.format(start));
            line += &format!("  {}", pad_end(&start, width));
        }
        line += &format!("  {:>COUNT_WIDTH$}", group.count());
        if layout.has_sentiment {
            line += &format!("  {}", pad_start(&signed(group.sentiment_score(labels), 4), SENTIMENT_WIDTH));
        }
        let shares = group.shares();
        for (id, (label, &width)) in labels.labels().iter().zip(&layout.labels).enumerate() {
            line += &self.share(label, width, shares.as_ref().map(|shares| shares[id]));
        }
        if layout.has_net {
            line += &format!("  {}", pad_start(&signed(group.net(labels), 2), NET_WIDTH));
        }
        line
    }

    /// The share of a label, in percent and as a bar.
    fn share(&self, label: &str, width: usize, share: Option<f64>) -> String {
        let percent = share.map_or_else(|| MISSING.to_owned(), |share| format!("{:.0}%", 100.0 * share));
        let (percent, width) = (pad_start(&percent, PERCENT), self.layout.label(width));
        if self.layout.bar == 0 {
            return format!("  {}", pad_end(&percent, width));
        }
        let bar = share.map(|share| bar(share, self.layout.bar)).unwrap_or_default();
        let bar = pad_end(&bar, width - PERCENT - 1);
        format!("  {percent} {}", paint(&bar, label_style(label, self.shape.labels.has_sentiment_score()), self.colors))
    }
}

/// The value of a group.
fn name(key: &GroupKey) -> String {
    key.0.as_ref().map_or_else(|| MISSING.to_owned(), |name| printable(name))
}

/// Width of a date, or of a date and time with a zone.
fn period_width(periods: &Periods) -> usize {
    match periods.has_dates() {
        true => 10,
        false if periods.zone == Zone::default() => 20,
        false => 25,
    }
}

fn signed(number: Option<f64>, digits: usize) -> String {
    number.map_or_else(|| MISSING.to_owned(), |number| format!("{number:+.digits$}"))
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
        let layout =
            Layout { group: 32, period: Some(10), has_sentiment: true, has_net: true, labels: vec![8, 8, 7], bar: 8 };
        assert_eq!(layout.width(), 117);
        let fitted = layout.clone().fitted(110);
        assert_eq!((fitted.bar, fitted.group, fitted.width()), (5, 32, 108));
        let fitted = layout.clone().fitted(80);
        assert_eq!((fitted.bar, fitted.group, fitted.has_net), (0, 19, false), "{fitted:?}");
        assert!(fitted.width() <= 80);
        let many = Layout { labels: vec![12; 30], ..layout };
        assert!(many.fitted(80).width() <= 80);
    }
}
