//! The table of a page, and the small drawings in it.

use std::collections::BTreeMap;
use std::io::{self, Write};

use chrono::NaiveDateTime;

use super::super::{Group, GroupKey, SummaryRow};
use super::markup::{escaped, number};
use super::report::{Report, class, stack};

/// The size of the small drawings, in pixels.
const WIDTH: f64 = 120.0;
const HEIGHT: f64 = 18.0;

/// Means of a group by period.
type Means = BTreeMap<NaiveDateTime, f64>;

/// Writes the table, which is complete without a script.
pub(super) fn write(report: &Report<'_>, out: &mut impl Write) -> io::Result<()> {
    let columns = Columns::new(report);
    writeln!(out, "<section>\n<div class=\"head\"><h2>All groups</h2>")?;
    writeln!(
        out,
        "<input id=\"filter\" class=\"noprint\" type=\"search\" placeholder=\"Filter\" aria-label=\"Filter groups\" hidden></div>"
    )?;
    writeln!(
        out,
        "<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"Table of all groups\">\n<table id=\"groups\">\n<thead><tr>{}</tr></thead>\n<tbody>",
        columns.header()
    )?;
    let mut shown = 0;
    for row in report.rows {
        // The script knows the groups that have texts, in the same order.
        let group = row.group.map(|_| format!(" data-group=\"{shown}\"")).unwrap_or_default();
        shown += usize::from(row.group.is_some());
        writeln!(out, "<tr{group}>{}</tr>", columns.line(row))?;
    }
    writeln!(out, "</tbody>\n</table>\n</div>\n</section>")
}

struct Columns<'a> {
    report: &'a Report<'a>,
    has_failed: bool,
    means: BTreeMap<&'a [Option<String>], Means>,
    periods: Vec<NaiveDateTime>,
    /// The largest mean, without its sign.
    largest: f64,
}

impl<'a> Columns<'a> {
    fn new(report: &'a Report<'a>) -> Self {
        let mut means: BTreeMap<&[Option<String>], Means> = BTreeMap::new();
        for (key, group) in report.summary.groups() {
            if let (Some(period), Some(mean)) = (key.period, group.sentiment_score(report.shape.labels)) {
                means.entry(key.values.as_slice()).or_default().insert(period, mean);
            }
        }
        let mut periods: Vec<NaiveDateTime> = means.values().flat_map(Means::keys).copied().collect();
        periods.sort_unstable();
        periods.dedup();
        let largest = means.values().flat_map(Means::values).fold(0.0, |largest: f64, mean| largest.max(mean.abs()));
        let has_failed = report.rows.iter().any(|row| row.group.is_some_and(|group| group.failed() > 0));
        Self { report, has_failed, means, periods, largest }
    }

    fn has_trend(&self) -> bool {
        self.periods.len() > 1
    }

    fn header(&self) -> String {
        let shape = self.report.shape;
        let has_sentiment = shape.labels.has_sentiment_score();
        let name = if shape.groups.is_empty() { "group".to_owned() } else { shape.groups.join(", ") };
        let mut header = format!("<th scope=\"col\" class=\"t\">{}</th>", escaped(&name));
        let mut add = |is_shown: bool, name: &str| {
            if is_shown {
                header += &format!("<th scope=\"col\">{}</th>", escaped(name));
            }
        };
        add(true, "texts");
        add(shape.has_before, "was");
        add(self.has_failed, "failed");
        add(shape.is_weighted, "weight");
        add(has_sentiment, "sentiment");
        add(has_sentiment && shape.has_before, "was");
        add(has_sentiment && (shape.has_before || shape.has_change), "change");
        add(has_sentiment, "net");
        shape.labels.labels().iter().for_each(|label| add(true, label));
        add(true, "shares");
        add(self.has_trend(), "trend");
        header
    }

    fn line(&self, row: &SummaryRow<'_>) -> String {
        let (shape, labels) = (self.report.shape, self.report.shape.labels);
        let has_sentiment = labels.has_sentiment_score();
        let name = group_name(row.key);
        let mut line = format!("<td class=\"t\" data-v=\"{0}\" title=\"{0}\">{0}</td>", escaped(&name));
        let mut add = |is_shown: bool, value: Option<f64>, cell: String| {
            if is_shown {
                let value = value.map(|value| value.to_string()).unwrap_or_default();
                line += &format!("<td data-v=\"{value}\">{cell}</td>");
            }
        };
        let group = |of: &dyn Fn(&Group) -> Option<f64>| row.group.and_then(of);
        let count = |group: Option<&Group>| group.map_or(0, Group::count);
        let (now, was) = (count(row.group), count(row.before));
        add(true, Some(now as f64), number(now));
        add(shape.has_before, Some(was as f64), number(was));
        let failed = row.group.map_or(0, Group::failed);
        add(self.has_failed, Some(failed as f64), number(failed));
        let weight = row.group.map_or(0.0, Group::weight);
        add(shape.is_weighted, Some(weight), format!("{weight:.1}"));
        let mean = group(&|group| group.sentiment_score(labels));
        add(has_sentiment, mean, signed(mean));
        let before = row.before.and_then(|group| group.sentiment_score(labels));
        add(has_sentiment && shape.has_before, before, signed(before));
        let change = if shape.has_before { row.sentiment_change(labels) } else { row.change };
        add(has_sentiment && (shape.has_before || shape.has_change), change, changed(change));
        let net = group(&|group| group.net(labels));
        add(has_sentiment, net, signed(net));
        for id in 0..labels.labels().len() {
            let share = group(&|group| group.share(id));
            add(true, share, share.map_or_else(|| "–".into(), |share| format!("{:.0}%", 100.0 * share)));
        }
        let first = stack(self.report).first().and_then(|&id| group(&|group| group.share(id)));
        add(true, first, self.bar(row.group));
        let trend = self.means.get(row.key.values.as_slice());
        add(self.has_trend(), change, trend.map(|means| self.spark(means)).unwrap_or_default());
        line
    }

    /// The shares of the labels as one bar.
    fn bar(&self, group: Option<&Group>) -> String {
        let mut bar = drawing("");
        let mut from = 0.0;
        for label in stack(self.report) {
            let width = WIDTH * group.and_then(|group| group.share(label)).unwrap_or(0.0);
            if width > 0.0 {
                let class = class(self.report, label);
                bar += &format!("<rect class=\"{class}\" x=\"{from:.1}\" y=\"3\" width=\"{width:.1}\" height=\"12\"/>");
            }
            from += width;
        }
        bar + "</svg>"
    }

    /// The means as a line, on the same scale for all groups, with a line for 0.
    fn spark(&self, means: &Means) -> String {
        let y = |mean: f64| {
            HEIGHT / 2.0 - if self.largest > 0.0 { mean / self.largest * (HEIGHT / 2.0 - 2.0) } else { 0.0 }
        };
        let step = (WIDTH - 8.0) / (self.periods.len() - 1) as f64;
        let at = |period: &NaiveDateTime| 4.0 + step * self.periods.binary_search(period).unwrap_or(0) as f64;
        let points: Vec<String> =
            means.iter().map(|(period, &mean)| format!("{:.1},{:.1}", at(period), y(mean))).collect();
        let end = means.iter().next_back().map(|(period, &mean)| {
            format!(
                "<circle class=\"{}\" cx=\"{:.1}\" cy=\"{:.1}\" r=\"3\"/>",
                if mean < 0.0 { "neg" } else { "pos" },
                at(period),
                y(mean)
            )
        });
        format!(
            "{}<line class=\"grid\" x1=\"0\" x2=\"{WIDTH}\" y1=\"9\" y2=\"9\"/><polyline class=\"spark\" points=\"{}\"/>{}</svg>",
            drawing(""),
            points.join(" "),
            end.unwrap_or_default()
        )
    }
}

fn drawing(attributes: &str) -> String {
    format!(
        "<svg width=\"{WIDTH}\" height=\"{HEIGHT}\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" aria-hidden=\"true\"{attributes}>"
    )
}

/// The values of a group in one line.
pub(super) fn group_name(key: &GroupKey) -> String {
    let values: Vec<&str> = key.values.iter().map(|value| value.as_deref().unwrap_or("(none)")).collect();
    if values.is_empty() { "all".into() } else { values.join(", ") }
}

/// A number with its sign, as text.
pub(super) fn signed(number: Option<f64>) -> String {
    let Some(number) = number else { return "–".into() };
    let shown = format!("{:.2}", number.abs());
    let sign = if number < 0.0 && shown != "0.00" { '−' } else { '+' };
    format!("{sign}{shown}")
}

/// A change, with an arrow, so that color is not all that says its direction.
fn changed(change: Option<f64>) -> String {
    let (class, arrow) = match change {
        Some(change) if change >= 0.005 => ("up", "▲ "),
        Some(change) if change <= -0.005 => ("down", "▼ "),
        _ => ("dim", ""),
    };
    format!("<span class=\"{class}\">{arrow}{}</span>", signed(change))
}
