//! Writing a summary: JSON, JSON Lines, CSV, TSV, Parquet.

use std::cmp::Ordering;
use std::io::{self, Write};
use std::sync::Arc;

use finsent_model::LabelMap;
use finsent_table::{
    Cell, Delimiter, Destination, OutputFormat, ParquetColumn, PredictionColumns, TableError, no_formula, write_columns,
};
use serde::ser::{Serialize, SerializeMap, Serializer};

use super::{Group, Periods, QuotedText, SummaryError, SummaryRow};

/// What a summary is by; it determines its columns.
#[derive(Clone)]
pub struct SummaryShape<'a> {
    /// The columns whose values are the groups.
    pub groups: &'a [String],
    /// The periods, if it is by time.
    pub periods: Option<Periods>,
    /// Whether items have weights.
    pub is_weighted: bool,
    /// The labels of the model.
    pub labels: &'a LabelMap,
    /// Whether cells of CSV that a spreadsheet takes for formulas get an apostrophe.
    pub is_csv_safe: bool,
    /// Whether the change since the period before is shown.
    pub has_change: bool,
    /// Whether an earlier summary is shown beside it.
    pub has_before: bool,
    /// Most texts that are quoted of each end of a group.
    pub quotes: usize,
}

/// A value of a summary's row.
pub(super) enum SummaryValue {
    Text(Option<String>),
    Count(Option<u64>),
    Number(Option<f64>),
}

impl SummaryValue {
    pub(super) fn is_missing(&self) -> bool {
        matches!(self, Self::Text(None) | Self::Count(None) | Self::Number(None))
    }

    /// The order of values of one column, none of which is missing.
    pub(super) fn order(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Self::Text(left), Self::Text(right)) => left.cmp(right),
            (Self::Count(left), Self::Count(right)) => left.cmp(right),
            (Self::Number(Some(left)), Self::Number(Some(right))) => left.total_cmp(right),
            _ => Ordering::Equal,
        }
    }
}

/// Writes rows, in order, and returns the destination, which is to be finished.
///
/// # Errors
/// If the destination cannot be written, or the format is finBERT's.
pub fn write_summary(
    format: OutputFormat,
    rows: &[SummaryRow<'_>],
    shape: &SummaryShape<'_>,
    mut out: Destination,
) -> Result<Destination, SummaryError> {
    match format {
        OutputFormat::Parquet => return Ok(parquet(rows, shape, out)?),
        OutputFormat::Csv => records(Delimiter::Comma, rows, shape, &mut out)?,
        OutputFormat::Tsv => records(Delimiter::Tab, rows, shape, &mut out)?,
        OutputFormat::Jsonl => json_lines(rows, shape, &mut out).map_err(TableError::from)?,
        OutputFormat::Json => json(rows, shape, &mut out).map_err(TableError::from)?,
        OutputFormat::FinbertCsv => return Err(SummaryError::Format),
    }
    Ok(out)
}

fn json_lines(rows: &[SummaryRow<'_>], shape: &SummaryShape<'_>, out: &mut Destination) -> io::Result<()> {
    objects(rows, shape).try_for_each(|object| {
        serde_json::to_writer(&mut *out, &object)?;
        out.write_all(b"\n")
    })
}

fn json(rows: &[SummaryRow<'_>], shape: &SummaryShape<'_>, out: &mut Destination) -> io::Result<()> {
    serde_json::to_writer_pretty(&mut *out, &objects(rows, shape).collect::<Vec<_>>())?;
    out.write_all(b"\n")
}

/// A group as a JSON object: names and values, in order, and the texts that it quotes.
struct SummaryObject<'a> {
    values: Vec<(String, SummaryValue)>,
    texts: Vec<(&'static str, Vec<QuotedObject<'a>>)>,
}

/// A text that is quoted.
#[derive(serde::Serialize)]
struct QuotedObject<'a> {
    text: &'a str,
    label: &'a str,
    sentiment_score: f64,
    row: &'a str,
}

fn objects<'a>(rows: &'a [SummaryRow<'a>], shape: &'a SummaryShape<'_>) -> impl Iterator<Item = SummaryObject<'a>> {
    // In JSON, texts are lists.
    let plain = SummaryShape { quotes: 0, ..shape.clone() };
    let names = column_names(&plain);
    rows.iter().map(move |row| SummaryObject {
        values: names.iter().cloned().zip(values(&plain, row)).collect(),
        texts: if shape.quotes > 0 { quoted_objects(shape, row) } else { Vec::new() },
    })
}

fn quoted_objects<'a>(
    shape: &'a SummaryShape<'_>,
    row: &'a SummaryRow<'_>,
) -> Vec<(&'static str, Vec<QuotedObject<'a>>)> {
    let object = |quoted: &'a QuotedText| QuotedObject {
        text: &quoted.text,
        label: shape.labels.labels().get(quoted.label).map_or("", String::as_str),
        sentiment_score: quoted.sentiment_score,
        row: &quoted.place,
    };
    let list = |texts: &'a [QuotedText]| texts.iter().map(object).collect();
    let extremes = row.group.map(Group::extremes);
    let ends = extremes.map(|ends| [("top", list(&ends.highest)), ("bottom", list(&ends.lowest))]);
    ends.into_iter().flatten().collect()
}

/// The names of the columns: those of the groups, and the summary's own, with a prefix if one is the same.
pub fn column_names(shape: &SummaryShape<'_>) -> Vec<String> {
    let labels = shape.labels;
    let mut ours: Vec<String> = Vec::new();
    let mut add = |is_shown: bool, names: &[&str]| {
        ours.extend(names.iter().filter(|_| is_shown).map(|&name| name.to_owned()));
    };
    let has_sentiment = labels.has_sentiment_score();
    add(shape.periods.is_some(), &["period"]);
    add(true, &["count", "failed"]);
    add(shape.is_weighted, &["weight"]);
    add(has_sentiment, &["sentiment_score"]);
    add(true, &labels.labels().iter().map(String::as_str).collect::<Vec<_>>());
    add(has_sentiment, &["net"]);
    add(has_sentiment && shape.has_change, &["change"]);
    add(shape.has_before, &["count_before"]);
    add(shape.has_before && has_sentiment, &["sentiment_score_before", "sentiment_score_change"]);
    add(shape.has_before && has_sentiment, &["net_before", "net_change"]);
    for end in ["top", "bottom"] {
        for number in 1..=shape.quotes {
            ours.extend([format!("{end}_{number}"), format!("{end}_{number}_score")]);
        }
    }
    let groups: Vec<Arc<str>> = shape.groups.iter().map(|group| group.as_str().into()).collect();
    let columns = PredictionColumns::beside(&groups, ours);
    shape.groups.iter().cloned().chain(columns.prefixed()).collect()
}

/// The values of a row, one for each of [`column_names`].
pub(super) fn values(shape: &SummaryShape<'_>, row: &SummaryRow<'_>) -> Vec<SummaryValue> {
    let labels = shape.labels;
    let has_sentiment = labels.has_sentiment_score();
    let number = |of: &dyn Fn(&Group) -> Option<f64>| SummaryValue::Number(row.group.and_then(of));
    let count = |of: fn(&Group) -> u64| SummaryValue::Count(Some(row.group.map_or(0, of)));
    let mut values: Vec<SummaryValue> = row.key.values.iter().cloned().map(SummaryValue::Text).collect();
    let period = |periods: &Periods| SummaryValue::Text(row.key.period.map(|start| periods.format(start)));
    values.extend(shape.periods.as_ref().map(period));
    values.extend([count(Group::count), count(Group::failed)]);
    values.extend(shape.is_weighted.then(|| SummaryValue::Number(Some(row.group.map_or(0.0, Group::weight)))));
    values.extend(has_sentiment.then(|| number(&|group| group.sentiment_score(labels))));
    values.extend((0..labels.labels().len()).map(|label| number(&|group| group.share(label))));
    values.extend(has_sentiment.then(|| number(&|group| group.net(labels))));
    values.extend((has_sentiment && shape.has_change).then_some(SummaryValue::Number(row.change)));
    if shape.has_before {
        values.extend(before(shape, row));
    }
    if shape.quotes > 0 {
        values.extend(quoted_cells(shape, row));
    }
    values
}

/// The columns of an earlier summary.
fn before(shape: &SummaryShape<'_>, row: &SummaryRow<'_>) -> Vec<SummaryValue> {
    let labels = shape.labels;
    let mut values = vec![SummaryValue::Count(Some(row.before.map_or(0, Group::count)))];
    if labels.has_sentiment_score() {
        values.extend(
            [
                row.before.and_then(|group| group.sentiment_score(labels)),
                row.sentiment_change(labels),
                row.before.and_then(|group| group.net(labels)),
                row.net_change(labels),
            ]
            .map(SummaryValue::Number),
        );
    }
    values
}

/// The texts at both ends and their scores, in columns.
fn quoted_cells(shape: &SummaryShape<'_>, row: &SummaryRow<'_>) -> Vec<SummaryValue> {
    let extremes = row.group.map(Group::extremes);
    let ends = [extremes.map(|ends| &ends.highest), extremes.map(|ends| &ends.lowest)];
    let cells = |texts: Option<&Vec<QuotedText>>, index: usize| {
        let quoted = texts.and_then(|texts| texts.get(index));
        let text = SummaryValue::Text(quoted.map(|quoted| quoted.text.clone()));
        [text, SummaryValue::Number(quoted.map(|quoted| quoted.sentiment_score))]
    };
    ends.into_iter().flat_map(|texts| (0..shape.quotes).flat_map(move |index| cells(texts, index))).collect()
}

impl Serialize for SummaryObject<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.values.len() + self.texts.len()))?;
        for (name, value) in &self.values {
            match value {
                SummaryValue::Text(text) => map.serialize_entry(name, text)?,
                SummaryValue::Count(count) => map.serialize_entry(name, count)?,
                SummaryValue::Number(number) => map.serialize_entry(name, number)?,
            }
        }
        self.texts.iter().try_for_each(|(name, texts)| map.serialize_entry(name, texts))?;
        map.end()
    }
}

fn records(
    delimiter: Delimiter,
    rows: &[SummaryRow<'_>],
    shape: &SummaryShape<'_>,
    out: &mut Destination,
) -> Result<(), TableError> {
    let text = |cell: String| if shape.is_csv_safe { no_formula(cell) } else { cell };
    let mut header = delimiter.header(&mut *out);
    header.write_record(column_names(shape).into_iter().map(text))?;
    header.flush()?;
    drop(header);
    let mut writer = delimiter.records(out);
    for row in rows {
        writer.write_record(values(shape, row).into_iter().map(|value| match value {
            SummaryValue::Text(value) => value.map(text).unwrap_or_default(),
            SummaryValue::Count(count) => count.map(|count| count.to_string()).unwrap_or_default(),
            SummaryValue::Number(number) => number.map(|number| number.to_string()).unwrap_or_default(),
        }))?;
    }
    Ok(writer.flush()?)
}

fn parquet(rows: &[SummaryRow<'_>], shape: &SummaryShape<'_>, out: Destination) -> Result<Destination, TableError> {
    // The types of the values are the same for all groups.
    let key = super::GroupKey { values: vec![None; shape.groups.len()], period: None };
    let any = SummaryRow { key: &key, group: None, change: None, before: None };
    let mut columns: Vec<ParquetColumn> = values(shape, &any)
        .iter()
        .map(|value| match value {
            SummaryValue::Text(_) => ParquetColumn::texts(),
            SummaryValue::Count(_) => ParquetColumn::integers(),
            SummaryValue::Number(_) => ParquetColumn::doubles(),
        })
        .collect();
    for row in rows {
        for (column, value) in columns.iter_mut().zip(values(shape, row)) {
            column.push(match &value {
                SummaryValue::Text(Some(text)) => Cell::Text(text),
                SummaryValue::Count(Some(count)) => Cell::Integer(i64::try_from(*count).unwrap_or(i64::MAX)),
                SummaryValue::Number(Some(number)) => Cell::Double(*number),
                SummaryValue::Text(None) | SummaryValue::Count(None) | SummaryValue::Number(None) => Cell::Null,
            })?;
        }
    }
    write_columns(&column_names(shape), columns, out)
}
