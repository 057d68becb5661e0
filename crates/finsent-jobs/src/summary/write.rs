//! Writing a summary: JSON, JSON Lines, CSV, TSV, Parquet.

use std::io::{self, Write};
use std::sync::Arc;

use finsent_model::LabelMap;
use finsent_table::{
    Cell, Delimiter, Destination, OutputFormat, ParquetColumn, PredictionColumns, TableError, no_formula, write_columns,
};
use serde::ser::{Serialize, SerializeMap, Serializer};

use super::{Group, GroupKey, Periods, Summary, SummaryError};

/// What a summary is by; it determines its columns.
pub struct SummaryShape<'a> {
    /// The column whose values are the groups.
    pub group: &'a str,
    /// The periods, if it is by time.
    pub periods: Option<Periods>,
    /// Whether items have weights.
    pub is_weighted: bool,
    /// The labels of the model.
    pub labels: &'a LabelMap,
    /// Whether cells of CSV that a spreadsheet takes for formulas get an apostrophe.
    pub is_csv_safe: bool,
}

/// A value of a summary's row.
enum SummaryValue {
    Text(Option<String>),
    Count(u64),
    Number(Option<f64>),
}

/// Writes all groups, in order, and returns the destination, which is to be finished.
///
/// # Errors
/// If the destination cannot be written, or the format is finBERT's.
pub fn write_summary(
    format: OutputFormat,
    summary: &Summary,
    shape: &SummaryShape<'_>,
    mut out: Destination,
) -> Result<Destination, SummaryError> {
    match format {
        OutputFormat::Parquet => return Ok(parquet(summary, shape, out)?),
        OutputFormat::Csv => records(Delimiter::Comma, summary, shape, &mut out)?,
        OutputFormat::Tsv => records(Delimiter::Tab, summary, shape, &mut out)?,
        OutputFormat::Jsonl => json_lines(summary, shape, &mut out).map_err(TableError::from)?,
        OutputFormat::Json => json(summary, shape, &mut out).map_err(TableError::from)?,
        OutputFormat::FinbertCsv => return Err(SummaryError::Format),
    }
    Ok(out)
}

fn json_lines(summary: &Summary, shape: &SummaryShape<'_>, out: &mut Destination) -> io::Result<()> {
    objects(summary, shape).try_for_each(|object| {
        serde_json::to_writer(&mut *out, &object)?;
        out.write_all(b"\n")
    })
}

fn json(summary: &Summary, shape: &SummaryShape<'_>, out: &mut Destination) -> io::Result<()> {
    serde_json::to_writer_pretty(&mut *out, &objects(summary, shape).collect::<Vec<_>>())?;
    out.write_all(b"\n")
}

/// A group as a JSON object: names and values, in order.
struct SummaryObject(Vec<(String, SummaryValue)>);

fn objects<'a>(summary: &'a Summary, shape: &'a SummaryShape<'_>) -> impl Iterator<Item = SummaryObject> {
    let names = names(shape);
    summary
        .groups()
        .map(move |(key, group)| SummaryObject(names.iter().cloned().zip(values(shape, key, group)).collect()))
}

/// The names of the columns: that of the groups, and the summary's own, with a prefix if one is the same.
fn names(shape: &SummaryShape<'_>) -> Vec<String> {
    let labels = shape.labels;
    let mut ours: Vec<&str> = Vec::new();
    ours.extend(shape.periods.as_ref().map(|_| "period"));
    ours.extend(["count", "failed"]);
    ours.extend(shape.is_weighted.then_some("weight"));
    ours.extend(labels.has_sentiment_score().then_some("sentiment_score"));
    ours.extend(labels.labels().iter().map(String::as_str));
    ours.extend(labels.has_sentiment_score().then_some("net"));
    let columns = PredictionColumns::beside(&[Arc::from(shape.group)], ours.into_iter().map(String::from).collect());
    std::iter::once(shape.group.to_owned()).chain(columns.prefixed()).collect()
}

fn values(shape: &SummaryShape<'_>, key: &GroupKey, group: &Group) -> Vec<SummaryValue> {
    let labels = shape.labels;
    let has_sentiment = labels.has_sentiment_score();
    let mut values = vec![SummaryValue::Text(key.0.clone())];
    values.extend(shape.periods.as_ref().map(|periods| SummaryValue::Text(key.1.map(|start| periods.format(start)))));
    values.extend([SummaryValue::Count(group.count()), SummaryValue::Count(group.failed())]);
    values.extend(shape.is_weighted.then(|| SummaryValue::Number(Some(group.weight()))));
    values.extend(has_sentiment.then(|| SummaryValue::Number(group.sentiment_score(labels))));
    let shares = group.shares();
    values.extend(
        (0..labels.labels().len()).map(|label| SummaryValue::Number(shares.as_ref().map(|shares| shares[label]))),
    );
    values.extend(has_sentiment.then(|| SummaryValue::Number(group.net(labels))));
    values
}

impl Serialize for SummaryObject {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (name, value) in &self.0 {
            match value {
                SummaryValue::Text(text) => map.serialize_entry(name, text)?,
                SummaryValue::Count(count) => map.serialize_entry(name, count)?,
                SummaryValue::Number(number) => map.serialize_entry(name, number)?,
            }
        }
        map.end()
    }
}

fn records(
    delimiter: Delimiter,
    summary: &Summary,
    shape: &SummaryShape<'_>,
    out: &mut Destination,
) -> Result<(), TableError> {
    let text = |cell: String| if shape.is_csv_safe { no_formula(cell) } else { cell };
    let mut header = delimiter.header(&mut *out);
    header.write_record(names(shape).into_iter().map(text))?;
    header.flush()?;
    drop(header);
    let mut writer = delimiter.records(out);
    for (key, group) in summary.groups() {
        writer.write_record(values(shape, key, group).into_iter().map(|value| match value {
            SummaryValue::Text(value) => value.map(text).unwrap_or_default(),
            SummaryValue::Count(count) => count.to_string(),
            SummaryValue::Number(number) => number.map(|number| number.to_string()).unwrap_or_default(),
        }))?;
    }
    Ok(writer.flush()?)
}

fn parquet(summary: &Summary, shape: &SummaryShape<'_>, out: Destination) -> Result<Destination, TableError> {
    // The types of the values are the same for all groups.
    let mut columns: Vec<ParquetColumn> = values(shape, &GroupKey::default(), &Group::default())
        .iter()
        .map(|value| match value {
            SummaryValue::Text(_) => ParquetColumn::texts(),
            SummaryValue::Count(_) => ParquetColumn::integers(),
            SummaryValue::Number(_) => ParquetColumn::doubles(),
        })
        .collect();
    for (key, group) in summary.groups() {
        for (column, value) in columns.iter_mut().zip(values(shape, key, group)) {
            column.push(match &value {
                SummaryValue::Text(Some(text)) => Cell::Text(text),
                SummaryValue::Count(count) => Cell::Integer(i64::try_from(*count).unwrap_or(i64::MAX)),
                SummaryValue::Number(Some(number)) => Cell::Double(*number),
                SummaryValue::Text(None) | SummaryValue::Number(None) => Cell::Null,
            })?;
        }
    }
    write_columns(&names(shape), columns, out)
}
