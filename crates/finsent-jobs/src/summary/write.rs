//! A summary out: JSON, JSON lines, CSV, Parquet.

use std::io::{self, Write};
use std::sync::Arc;

use anyhow::Result;
use finsent_model::LabelMap;
use finsent_table::{Column, Destination, OutputFormat, PredictionColumns, UsageError, write_columns};
use serde::ser::{Serialize, SerializeMap, Serializer};

use super::{Every, Group, Key, Summary};

/// What a summary is by.
pub struct SummaryShape<'a> {
    /// The column that its groups are values of.
    pub group: &'a str,
    pub every: Option<Every>,
    pub is_weighted: bool,
    pub labels: &'a LabelMap,
}

/// A value of a line.
enum Value {
    Text(Option<String>),
    Count(u64),
    Number(Option<f64>),
}

/// Writes all groups, in order.
pub fn write_summary(
    format: OutputFormat,
    summary: &Summary,
    shape: &SummaryShape<'_>,
    mut out: Destination,
) -> Result<Destination> {
    match format {
        OutputFormat::Parquet => return parquet(summary, shape, out),
        OutputFormat::Csv => csv(summary, shape, &mut out),
        OutputFormat::Jsonl => lines(summary, shape).try_for_each(|line| {
            serde_json::to_writer(&mut out, &line).map_err(io::Error::from)?;
            Ok(out.write_all(b"\n")?)
        }),
        OutputFormat::Json => {
            serde_json::to_writer_pretty(&mut out, &lines(summary, shape).collect::<Vec<_>>())
                .map_err(io::Error::from)?;
            Ok(out.write_all(b"\n")?)
        }
        OutputFormat::FinbertCsv => {
            Err(UsageError("a summary is text, json, jsonl, csv or parquet; name its file with --summary".into())
                .into())
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
    let columns = PredictionColumns::beside(&[Arc::from(shape.group)], ours.into_iter().map(String::from).collect());
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
