//! CSV with a header: the input's columns, then the verdict's, one for each class.

use std::io::Write;
use std::sync::Arc;

use anyhow::Result;

use super::columns::VerdictColumns;
use super::destination::Destination;
use super::finding;
use super::{Outcome, RowWriter, Shape};
use crate::input::{ItemError, Row};

/// Writes each row as a record.
pub struct Csv {
    records: Records,
    input: Vec<Arc<str>>,
    verdict: VerdictColumns,
    writes_id: bool,
}

/// The records of a CSV, behind its header.
pub struct Records {
    out: Destination,
    /// None when it is written, or is an earlier shard's.
    header: Option<Vec<String>>,
}

impl Records {
    pub fn new(out: Destination, header: Vec<String>, is_beginning: bool) -> Self {
        Self { out, header: is_beginning.then_some(header) }
    }

    pub fn write(&mut self, record: impl IntoIterator<Item = impl AsRef<[u8]>>) -> Result<()> {
        let mut writer = csv::Writer::from_writer(&mut self.out);
        if let Some(header) = self.header.take() {
            writer.write_record(header)?;
        }
        writer.write_record(record)?;
        Ok(writer.flush()?)
    }

    pub fn flush(&mut self) -> Result<()> {
        Ok(self.out.flush()?)
    }

    pub fn finish(mut self) -> Result<Destination> {
        if let Some(header) = self.header.take() {
            csv::Writer::from_writer(&mut self.out).write_record(header)?;
        }
        Ok(self.out)
    }
}

impl Csv {
    pub fn new(shape: &Shape<'_>, out: Destination) -> Self {
        let id = shape.writes_id.then_some("id").map(String::from);
        let own = finding::columns(shape.granularity, shape.labels).into_iter().map(|(name, _)| name);
        let names = id.into_iter().chain(own).chain(["error".into()]).collect();
        let verdict = VerdictColumns::beside(shape.columns, names);
        let own = verdict.names().iter().map(|name| format!("{}{name}", verdict.prefix()));
        let header = shape.columns.iter().map(|column| column.to_string()).chain(own).collect();
        let records = Records::new(out, header, shape.is_beginning);
        Self { records, input: shape.columns.to_vec(), verdict, writes_id: shape.writes_id }
    }

    fn record(&self, row: &Row, outcome: Outcome<'_>) -> Vec<String> {
        let cell = |column: &Arc<str>| {
            let field = row.fields.iter().find(|(name, _)| name == column);
            field.map(|(_, value)| value.to_cell()).unwrap_or_default()
        };
        let mut record: Vec<String> = self.input.iter().map(cell).collect();
        if self.writes_id {
            record.push(row.id.as_ref().map(|id| id.to_cell()).unwrap_or_default());
        }
        match outcome {
            Ok(finding) => {
                record.extend(finding.columns().into_iter().flat_map(|(_, value)| value.cells()));
                record.push(String::new());
            }
            Err(error) => {
                record.resize(self.input.len() + self.verdict.names().len() - 1, String::new());
                record.push(error.to_string());
            }
        }
        record
    }
}

impl RowWriter for Csv {
    /// Refuses a row that has a field which the header, made from the first row, has no column for.
    fn check(&self, row: &Row) -> Result<(), ItemError> {
        match row.fields.iter().find(|(name, _)| !self.input.contains(name)) {
            Some((name, _)) => Err(ItemError::NoColumn(name.clone())),
            None => Ok(()),
        }
    }

    fn write(&mut self, row: &Row, outcome: Outcome<'_>) -> Result<()> {
        let record = self.record(row, outcome);
        self.records.write(record)
    }

    fn flush(&mut self) -> Result<()> {
        self.records.flush()
    }

    fn finish(self: Box<Self>) -> Result<Destination> {
        self.records.finish()
    }
}
