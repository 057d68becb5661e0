//! CSV with a header: the input's columns, then the prediction's, with one per label.

use std::io::Write;
use std::sync::Arc;

use super::columns::PredictionColumns;
use super::destination::Destination;
use super::record;
use super::row_writer::{Outcome, RowWriter, Shape};
use crate::error::TableError;
use crate::item_error::ItemError;
use crate::row::Row;

/// Writes each row as a record.
pub(super) struct CsvWriter {
    records: Records,
    input: Vec<Arc<str>>,
    prediction: PredictionColumns,
    writes_id: bool,
}

/// The records of a CSV file, after its header.
pub(super) struct Records {
    out: Destination,
    /// `None` once it is written, or if an earlier shard has it.
    header: Option<Vec<String>>,
}

impl Records {
    pub(super) fn new(out: Destination, header: Vec<String>, is_beginning: bool) -> Self {
        Self { out, header: is_beginning.then_some(header) }
    }

    pub(super) fn write(&mut self, record: impl IntoIterator<Item = impl AsRef<[u8]>>) -> Result<(), TableError> {
        let mut writer = csv::Writer::from_writer(&mut self.out);
        if let Some(header) = self.header.take() {
            writer.write_record(header)?;
        }
        writer.write_record(record)?;
        Ok(writer.flush()?)
    }

    pub(super) fn flush(&mut self) -> Result<(), TableError> {
        Ok(self.out.flush()?)
    }

    pub(super) fn finish(mut self) -> Result<Destination, TableError> {
        if let Some(header) = self.header.take() {
            csv::Writer::from_writer(&mut self.out).write_record(header)?;
        }
        Ok(self.out)
    }
}

impl CsvWriter {
    pub(super) fn new(shape: &Shape<'_>, out: Destination) -> Self {
        let id = shape.writes_id.then_some("id").map(String::from);
        let own = record::columns(shape.granularity, shape.labels).into_iter().map(|(name, _)| name);
        let names = id.into_iter().chain(own).chain(["error".into()]).collect();
        let prediction = PredictionColumns::beside(shape.columns, names);
        let header = shape.columns.iter().map(|column| column.to_string()).chain(prediction.prefixed()).collect();
        let records = Records::new(out, header, shape.is_beginning);
        Self { records, input: shape.columns.to_vec(), prediction, writes_id: shape.writes_id }
    }

    fn record(&self, row: &Row, outcome: Outcome<'_>) -> Vec<String> {
        let cell = |column: &Arc<str>| {
            let field = row.fields.iter().find(|(name, _)| name == column);
            field.map(|(_, value)| value.to_cell()).unwrap_or_default()
        };
        let mut cells: Vec<String> = self.input.iter().map(cell).collect();
        if self.writes_id {
            cells.push(row.id.as_ref().map(|id| id.to_cell()).unwrap_or_default());
        }
        match outcome {
            Ok(record) => {
                cells.extend(record.columns().into_iter().flat_map(|(_, value)| value.cells()));
                cells.push(String::new());
            }
            Err(error) => {
                cells.resize(self.input.len() + self.prediction.names().len() - 1, String::new());
                cells.push(error.to_string());
            }
        }
        cells
    }
}

impl RowWriter for CsvWriter {
    /// Refuses a row with a field that the header, made from the first row, does not have.
    fn check(&self, row: &Row) -> Result<(), ItemError> {
        match row.fields.iter().find(|(name, _)| !self.input.contains(name)) {
            Some((name, _)) => Err(ItemError::NoColumn(name.clone())),
            None => Ok(()),
        }
    }

    fn write(&mut self, row: &Row, outcome: Outcome<'_>) -> Result<(), TableError> {
        let record = self.record(row, outcome);
        self.records.write(record)
    }

    fn flush(&mut self) -> Result<(), TableError> {
        self.records.flush()
    }

    fn finish(self: Box<Self>) -> Result<Destination, TableError> {
        self.records.finish()
    }
}
