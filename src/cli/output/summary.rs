//! A summary out: a table with bars for people, JSON, JSON lines, CSV.

use std::io::{self, Write};
use std::sync::Arc;

use anyhow::Result;
use serde::ser::{Serialize, SerializeMap, Serializer};
use unicode_width::UnicodeWidthStr;

use super::columns::VerdictColumns;
use super::destination::Destination;
use super::parquet::{Column, write_columns};
use super::table::label_style;
use crate::cli::args::Format;
use crate::cli::console::{Console, Style, paint, printable};
use crate::cli::exit::Usage;
use crate::cli::width::{cut, pad_end, pad_start};
use crate::summary::{Every, Group, Key, Summary};
use crate::verdict::LabelMap;

/// What a summary is by.
pub(in crate::cli) struct SummaryShape<'a> {
    /// The column that its groups are values of.
    pub(in crate::cli) group: &'a str,
    pub(in crate::cli) every: Option<Every>,
    pub(in crate::cli) is_weighted: bool,
    pub(in crate::cli) labels: &'a LabelMap,
}

/// A value of a line.
enum Value {
    Text(Option<String>),
    Count(u64),
    Number(Option<f64>),
}

/// Letters of a bar.
const BAR: usize = 8;
/// What is shown for a value that is missing.
const MISSING: &str = "-";
/// Widest column of groups.
const MOST_GROUP_WIDTH: usize = 32;

/// Writes all groups, in order.
pub(in crate::cli) fn write_summary(
    format: Format,
    summary: &Summary,
    shape: &SummaryShape<'_>,
    mut out: Destination,
    console: Console,
) -> Result<Destination> {
    match format {
        Format::Parquet => return parquet(summary, shape, out),
        Format::Text => table(summary, shape, &mut out, console.colors(&io::stdout())),
        Format::Csv => csv(summary, shape, &mut out),
        Format::Jsonl => lines(summary, shape).try_for_each(|line| {
            serde_json::to_writer(&mut out, &line).map_err(io::Error::from)?;
            Ok(out.write_all(b"\n")?)
        }),
        Format::Json => {
            serde_json::to_writer_pretty(&mut out, &lines(summary, shape).collect::<Vec<_>>())
                .map_err(io::Error::from)?;
            Ok(out.write_all(b"\n")?)
        }
        Format::FinbertCsv => {
            Err(Usage("a summary is text, json, jsonl, csv or parquet; name its file with --summary".into()).into())
        }
    }?;
    Ok(out)
}

/// A group as a line: its names and values, in order.
struct Line(Vec<(String, Value)>);

fn lines<'a>(summary: &'a Summary, shape: &'a SummaryShape<'_>) -> impl Iterator<Item = Line> {
    let names = names(shape);
    summary.groups().map(move |(key, group)| Line(names.iter().cloned().zip(values(shape, key, group)).collect()))
}

/// The group's column under its own name, and ours so that none is the same.
fn names(shape: &SummaryShape<'_>) -> Vec<String> {
    let labels = shape.labels;
    let mut ours: Vec<&str> = Vec::new();
    ours.extend(shape.every.map(|_| "period"));
    ours.extend(["count", "failed"]);
    ours.extend(shape.is_weighted.then_some("weight"));
    ours.extend(labels.has_sentiment_score().then_some("sentiment_score"));
    ours.extend(labels.labels().iter().map(String::as_str));
    ours.extend(labels.has_sentiment_score().then_some("net"));
    let columns = VerdictColumns::beside(&[Arc::from(shape.group)], ours.into_iter().map(String::from).collect());
    let prefixed = columns.names().iter().map(|name| format!("{}{name}", columns.prefix()));
    std::iter::once(shape.group.to_owned()).chain(prefixed).collect()
}

fn values(shape: &SummaryShape<'_>, key: &Key, group: &Group) -> Vec<Value> {
    let labels = shape.labels;
    let has_sentiment = labels.has_sentiment_score();
    let mut values = vec![Value::Text(key.0.clone())];
    values.extend(shape.every.map(|every| Value::Text(key.1.map(|start| every.format(start)))));
    values.extend([Value::Count(group.count()), Value::Count(group.failed())]);
    values.extend(shape.is_weighted.then(|| Value::Number(Some(group.weight()))));
    values.extend(has_sentiment.then(|| Value::Number(group.sentiment_score(labels))));
    let shares = group.shares();
    values.extend((0..labels.labels().len()).map(|label| Value::Number(shares.as_ref().map(|shares| shares[label]))));
    values.extend(has_sentiment.then(|| Value::Number(group.net(labels))));
    values
}

impl Serialize for Line {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (name, value) in &self.0 {
            match value {
                Value::Text(text) => map.serialize_entry(name, text)?,
                Value::Count(count) => map.serialize_entry(name, count)?,
                Value::Number(number) => map.serialize_entry(name, number)?,
            }
        }
        map.end()
    }
}

fn csv(summary: &Summary, shape: &SummaryShape<'_>, out: &mut Destination) -> Result<()> {
    let mut writer = csv::Writer::from_writer(out);
    writer.write_record(names(shape))?;
    for (key, group) in summary.groups() {
        writer.write_record(values(shape, key, group).into_iter().map(|value| match value {
            Value::Text(text) => text.unwrap_or_default(),
            Value::Count(count) => count.to_string(),
            Value::Number(number) => number.map(|number| number.to_string()).unwrap_or_default(),
        }))?;
    }
    Ok(writer.flush()?)
}

fn parquet(summary: &Summary, shape: &SummaryShape<'_>, out: Destination) -> Result<Destination> {
    let kinds = values(shape, &Key::default(), &Group::default());
    let mut columns: Vec<Column> = kinds
        .iter()
        .map(|value| match value {
            Value::Text(_) => Column::texts(),
            Value::Count(_) => Column::integers(),
            Value::Number(_) => Column::doubles(),
        })
        .collect();
    for (key, group) in summary.groups() {
        for (column, value) in columns.iter_mut().zip(values(shape, key, group)) {
            match value {
                Value::Text(Some(text)) => column.push_text(&text),
                Value::Count(count) => column.push_integer(i64::try_from(count)?),
                Value::Number(Some(number)) => column.push_double(number),
                Value::Text(None) | Value::Number(None) => column.push_null(),
            }
        }
    }
    write_columns(&names(shape), columns, out)
}

fn table(summary: &Summary, shape: &SummaryShape<'_>, out: &mut Destination, colors: bool) -> Result<()> {
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
