//! JSON: one array, or one object per line.

use std::io::Write;

use finsent_model::{Explanation, Granularity, LabelCounts};
use serde::Serialize;
use serde::ser::{SerializeMap, Serializer};

use super::columns::PredictionColumns;
use super::destination::Destination;
use super::record::{OutputRecord, RecordValue};
use super::row_writer::{Outcome, RowWriter, Shape};
use crate::error::TableError;
use crate::item_error::ItemError;
use crate::row::{Field, Row};

/// Writes each row as an object: the input's fields, then the prediction's.
pub(super) struct JsonWriter {
    out: Destination,
    columns: PredictionColumns,
    writes_id: bool,
    is_array: bool,
    rows: u64,
}

impl JsonWriter {
    pub(super) fn new(shape: &Shape<'_>, out: Destination, is_array: bool) -> Self {
        let names = ["label", "score", "scores", "sentiment_score", "error"];
        let of_granularity: &[_] = match shape.granularity {
            Granularity::Text => &["tokens", "truncated"],
            Granularity::Sentence => &["start", "end", "text", "tokens", "truncated", "windows"],
            Granularity::Document(_) => &["label_counts", "strongest", "sentences", "windows"],
        };
        let id = shape.writes_id.then_some("id");
        let explanation = shape.is_explained.then_some("explanation");
        let names =
            id.iter().chain(&names).chain(of_granularity).chain(&explanation).map(|&name| name.into()).collect();
        let columns = PredictionColumns::beside(shape.columns, names);
        Self { out, columns, writes_id: shape.writes_id, is_array, rows: 0 }
    }
}

impl RowWriter for JsonWriter {
    fn check(&self, row: &Row) -> Result<(), ItemError> {
        self.columns.check(row)
    }

    fn write(&mut self, row: &Row, outcome: Outcome<'_>) -> Result<(), TableError> {
        self.write_object(row, outcome, None)
    }

    fn write_explained(
        &mut self,
        row: &Row,
        record: OutputRecord<'_>,
        explanation: &Explanation,
    ) -> Result<(), TableError> {
        self.write_object(row, Ok(record), Some(explanation))
    }

    fn flush(&mut self) -> Result<(), TableError> {
        Ok(self.out.flush()?)
    }

    fn finish(mut self: Box<Self>) -> Result<Destination, TableError> {
        match (self.is_array, self.rows) {
            (true, 0) => self.out.write_all(b"[]\n")?,
            (true, _) => self.out.write_all(b"\n]\n")?,
            (false, _) => (),
        }
        Ok(self.out)
    }
}

impl JsonWriter {
    fn write_object(
        &mut self,
        row: &Row,
        outcome: Outcome<'_>,
        explanation: Option<&Explanation>,
    ) -> Result<(), TableError> {
        if self.is_array {
            self.out.write_all(if self.rows == 0 { b"[\n" } else { b",\n" })?;
        }
        self.rows += 1;
        let prefix = match self.check(row) {
            Ok(()) => self.columns.prefix().to_owned(),
            Err(_) => self.columns.prefix_beside(row),
        };
        let id = row.id.as_ref().filter(|_| self.writes_id);
        let object = Object { row, id, outcome, explanation, prefix: &prefix };
        serde_json::to_writer(&mut self.out, &object).map_err(std::io::Error::from)?;
        if !self.is_array {
            self.out.write_all(b"\n")?;
        }
        Ok(())
    }
}

struct Object<'a> {
    row: &'a Row,
    id: Option<&'a Field>,
    outcome: Outcome<'a>,
    explanation: Option<&'a Explanation>,
    prefix: &'a str,
}

impl Serialize for Object<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        for (name, value) in &self.row.fields {
            map.serialize_entry(&**name, value)?;
        }
        let name = |plain: &str| format!("{}{plain}", self.prefix);
        if let Some(id) = self.id {
            map.serialize_entry(&name("id"), id)?;
        }
        match self.outcome {
            Ok(record) => {
                for (plain, value) in record.columns() {
                    if let (OutputRecord::Document(document), "sentences") = (record, plain) {
                        map.serialize_entry(&name("label_counts"), &LabelCounts(document))?;
                        if let Some(strongest) = document.strongest() {
                            map.serialize_entry(&name("strongest"), &strongest)?;
                        }
                    }
                    // Nearly every sentence is one window.
                    let is_left_out =
                        matches!((record, plain, value), (OutputRecord::Sentence(_), "windows", RecordValue::Count(1)));
                    if !is_left_out {
                        map.serialize_entry(&name(plain), &value)?;
                    }
                }
            }
            Err(error) => map.serialize_entry(&name("error"), &error.to_string())?,
        }
        if let Some(explanation) = self.explanation {
            map.serialize_entry(&name("explanation"), explanation)?;
        }
        map.end()
    }
}
