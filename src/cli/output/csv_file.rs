//! CSV with a header: the input's columns, then the verdict's, one for each class.

use std::io::Write;
use std::sync::Arc;

use anyhow::Result;

use super::columns::VerdictColumns;
use super::destination::Destination;
use super::finding;
use super::{Outcome, RowWriter, Shape};
use crate::cli::rows::{ItemError, Row};

/// Writes each row as a record.
pub(super) struct Csv {
    out: Destination,
    input: Vec<Arc<str>>,
    verdict: VerdictColumns,
    writes_id: bool,
    /// Whether the header is still to be written.
    header_is_due: bool,
}

impl Csv {
    pub(super) fn new(shape: &Shape<'_>, out: Destination) -> Self {
        let id = shape.writes_id.then_some("id").map(String::from);
        let own = finding::columns(shape.granularity, shape.labels).into_iter().map(|(name, _)| name);
        let names = id.into_iter().chain(own).chain(["error".into()]).collect();
        Self {
            out,
            input: shape.columns.to_vec(),
            verdict: VerdictColumns::beside(shape.columns, names),
            writes_id: shape.writes_id,
            header_is_due: shape.is_beginning,
        }
    }

    fn header(&self) -> Vec<String> {
        let verdict = self.verdict.names().iter().map(|name| format!("{}{name}", self.verdict.prefix()));
        self.input.iter().map(|column| column.to_string()).chain(verdict).collect()
    }

    fn write_header(&mut self) -> Result<()> {
        if std::mem::take(&mut self.header_is_due) {
            self.write_record(self.header())?;
        }
        Ok(())
    }

    fn write_record(&mut self, record: Vec<String>) -> Result<()> {
        let mut writer = csv::Writer::from_writer(&mut self.out);
        writer.write_record(record)?;
        Ok(writer.flush()?)
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
        self.write_header()?;
        self.write_record(self.record(row, outcome))
    }

    fn flush(&mut self) -> Result<()> {
        Ok(self.out.flush()?)
    }

    fn finish(mut self: Box<Self>) -> Result<Destination> {
        self.write_header()?;
        Ok(self.out)
    }
}
