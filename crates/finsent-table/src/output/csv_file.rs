//! CSV or TSV with a header: the input's columns, then the prediction's, with one per label.

use std::io::Write;

use super::columns::PredictionColumns;
use super::delimiter::Delimiter;
use super::destination::Destination;
use super::record::{self, RecordValue};
use super::row_writer::{Outcome, RowWriter, Shape};
use super::spreadsheet::no_formula;
use crate::column_names::ColumnPlaces;
use crate::error::TableError;
use crate::item_error::ItemError;
use crate::row::{Field, Row};

/// Writes each row as a record.
pub(super) struct CsvWriter {
    records: Records,
    input: ColumnPlaces,
    prediction: PredictionColumns,
    writes_id: bool,
}

/// The records of a CSV file, after its header.
pub(super) struct Records {
    out: Destination,
    delimiter: Delimiter,
    is_safe: bool,
    /// `None` once it is written, or if an earlier shard has it.
    header: Option<Vec<String>>,
}

impl Records {
    pub(super) fn new(shape: &Shape<'_>, out: Destination, delimiter: Delimiter, header: Vec<String>) -> Self {
        let mut records = Self { out, delimiter, is_safe: shape.is_csv_safe, header: None };
        let header: Vec<String> = header.into_iter().map(|name| records.text(name)).collect();
        records.header = shape.is_beginning.then_some(header);
        records
    }

    /// A cell with a text that finsent did not write: it comes from the input or the model.
    pub(super) fn text(&self, cell: String) -> String {
        if self.is_safe { no_formula(cell) } else { cell }
    }

    pub(super) fn write(&mut self, record: impl IntoIterator<Item = impl AsRef<[u8]>>) -> Result<(), TableError> {
        self.write_header()?;
        let mut writer = self.delimiter.records(&mut self.out);
        writer.write_record(record)?;
        Ok(writer.flush()?)
    }

    /// Writes the header, unless it is written. It reaches the reader of a pipe together with the first record.
    fn write_header(&mut self) -> Result<(), TableError> {
        let Some(header) = self.header.take() else { return Ok(()) };
        let mut writer = self.delimiter.header(Vec::new());
        writer.write_record(header)?;
        let header = writer.into_inner().map_err(csv::IntoInnerError::into_error)?;
        Ok(self.out.write_all(&header)?)
    }

    pub(super) fn flush(&mut self) -> Result<(), TableError> {
        Ok(self.out.flush()?)
    }

    pub(super) fn finish(mut self) -> Result<Destination, TableError> {
        self.write_header()?;
        Ok(self.out)
    }
}

impl CsvWriter {
    pub(super) fn new(shape: &Shape<'_>, out: Destination, delimiter: Delimiter) -> Self {
        let id = shape.writes_id.then_some("id").map(String::from);
        let own = record::columns(shape.granularity, shape.labels).into_iter().map(|(name, _)| name);
        let names = id.into_iter().chain(own).chain(["error".into()]).collect();
        let prediction = PredictionColumns::beside(shape.columns, names);
        let header = shape.columns.iter().map(|column| column.to_string()).chain(prediction.prefixed()).collect();
        let records = Records::new(shape, out, delimiter, header);
        Self { records, input: ColumnPlaces::of(shape.columns), prediction, writes_id: shape.writes_id }
    }

    fn record(&self, row: &Row, outcome: Outcome<'_>) -> Vec<String> {
        let fields = self.input.arrange(&row.fields);
        let text = |cell: String| self.records.text(cell);
        let cell = |field: Option<&Field>| field.map(|field| text(field.to_cell())).unwrap_or_default();
        let mut cells: Vec<String> = fields.into_iter().map(cell).collect();
        if self.writes_id {
            cells.push(cell(row.id.as_ref()));
        }
        match outcome {
            Ok(record) => {
                for (_, value) in record.columns() {
                    match value {
                        RecordValue::Text(value) => cells.push(text(value.to_owned())),
                        own => cells.extend(own.cells()),
                    }
                }
                cells.push(String::new());
            }
            Err(error) => {
                cells.resize(self.input.names().len() + self.prediction.names().len() - 1, String::new());
                cells.push(text(error.to_string()));
            }
        }
        cells
    }
}

impl RowWriter for CsvWriter {
    /// Refuses a row with a field that the header, made from the first row, does not have.
    fn check(&self, row: &Row) -> Result<(), ItemError> {
        let mut fields = row.fields.iter().enumerate();
        match fields.find(|(likely, (name, _))| self.input.find(name, *likely).is_none()) {
            Some((_, (name, _))) => Err(ItemError::NoColumn(name.clone())),
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
