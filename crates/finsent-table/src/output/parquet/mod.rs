//! Parquet: the columns of the input with their types, then the prediction's, with one per label.

mod column;
mod field_columns;
mod file_columns;

use std::collections::HashSet;
use std::sync::Arc;

use parquet::basic::Compression;
use parquet::file::metadata::KeyValue;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::types::{Type, TypePtr};

use self::column::cells;
pub use self::column::{Cell, ParquetColumn};
use self::field_columns::FieldColumns;
use self::file_columns::FileColumns;
use super::columns::PredictionColumns;
use super::destination::Destination;
use super::record::{self, CellType};
use super::row_writer::{Outcome, RowWriter, Shape};
use crate::error::{ParquetFailure, TableError};
use crate::item_error::ItemError;
use crate::parquet::guarded;
use crate::row::Row;

/// Most rows of a row group. A larger one of the input is split.
const MAX_GROUP_ROWS: usize = 1 << 20;
/// Most cells of a row group whose columns are not copied: each takes memory, though it may be empty.
const MAX_GROUP_CELLS: usize = 1 << 22;
/// Approximate bytes of rows that fill a row group, unless it is one of the input's.
const GROUP_BYTES: usize = 32 << 20;

/// The writer of rows.
pub(super) fn writer(shape: &Shape<'_>, out: Destination) -> Box<dyn RowWriter> {
    let id = shape.writes_id.then_some(("id".to_owned(), CellType::Text));
    let own = record::columns(shape.granularity, shape.labels);
    let columns: Vec<_> = id.into_iter().chain(own).chain([("error".to_owned(), CellType::Text)]).collect();
    let names = columns.iter().map(|(name, _)| name.clone()).collect();
    let input = match shape.parquet {
        Some(file) => InputColumns::Copied(FileColumns::of(file)),
        None => InputColumns::Fields(FieldColumns::new(shape.columns)),
    };
    Box::new(ParquetWriter {
        unopened: Some(out),
        file: None,
        names: PredictionColumns::beside(shape.columns, names),
        input,
        partitions: partitions(shape),
        prediction: columns.into_iter().map(|(_, cell_type)| ParquetColumn::of(cell_type)).collect(),
        writes_id: shape.writes_id,
        records: 0,
        bytes: 0,
    })
}

struct ParquetWriter {
    /// The destination, until the first rows are written: they settle the schema.
    unopened: Option<Destination>,
    file: Option<SerializedFileWriter<Destination>>,
    input: InputColumns,
    /// Columns that rows have and their files do not.
    partitions: Vec<(Arc<str>, ParquetColumn)>,
    names: PredictionColumns,
    /// A column for each of `names`.
    prediction: Vec<ParquetColumn>,
    writes_id: bool,
    /// Records of the next row group, and their bytes.
    records: usize,
    bytes: usize,
}

/// The columns that the names of folders stand for, if the others are copied.
fn partitions(shape: &Shape<'_>) -> Vec<(Arc<str>, ParquetColumn)> {
    let Some(file) = shape.parquet else { return Vec::new() };
    let own: HashSet<&str> = file.columns().iter().map(|column| column.name()).collect();
    let names = shape.columns.iter().filter(|name| !own.contains(&***name));
    names.map(|name| (name.clone(), ParquetColumn::texts())).collect()
}

/// The columns of the input.
enum InputColumns {
    /// The fields of the rows.
    Fields(FieldColumns),
    /// The columns of Parquet files, which the rows do not have.
    Copied(FileColumns),
}

impl RowWriter for ParquetWriter {
    fn check(&self, row: &Row) -> Result<(), ItemError> {
        match &self.input {
            InputColumns::Fields(fields) => fields.check(row),
            InputColumns::Copied(_) => Ok(()),
        }
    }

    fn write(&mut self, row: &Row, outcome: Outcome<'_>) -> Result<(), TableError> {
        if self.ends_group(row) {
            self.write_group()?;
        }
        match (&mut self.input, &row.origin) {
            (InputColumns::Fields(fields), _) => {
                fields.push(row);
                self.bytes += row.value_bytes();
            }
            (InputColumns::Copied(file), Some(origin)) => file.count(origin),
            (InputColumns::Copied(_), None) => {
                return Err(ParquetFailure::Library("a row is not of a Parquet file".into()).into());
            }
        }
        Ok(self.push(row, outcome)?)
    }

    /// Does nothing: a file without its footer cannot be read.
    fn flush(&mut self) -> Result<(), TableError> {
        Ok(())
    }

    fn finish(mut self: Box<Self>) -> Result<Destination, TableError> {
        self.write_group()?;
        self.open()?;
        let file = self.file.take().ok_or_else(given_up)?;
        Ok(guarded(|| file.into_inner())?)
    }
}

impl ParquetWriter {
    /// Whether the records so far are a row group, and the row belongs to the next one.
    fn ends_group(&self, row: &Row) -> bool {
        let is_full = self.records >= MAX_GROUP_ROWS || self.bytes >= GROUP_BYTES;
        match (&self.input, &row.origin) {
            (InputColumns::Fields(fields), _) => {
                is_full || self.records.saturating_mul(fields.len()) >= MAX_GROUP_CELLS
            }
            (_, None) => is_full,
            (InputColumns::Copied(file), Some(origin)) => {
                file.is_of_another_group(origin) || is_full && file.is_another_row(origin)
            }
        }
    }

    /// Appends a record to the prediction's columns.
    fn push(&mut self, row: &Row, outcome: Outcome<'_>) -> Result<(), ParquetFailure> {
        self.records += 1;
        for (name, column) in &mut self.partitions {
            let field = row.fields.iter().find(|(field, _)| field == name).map(|(_, field)| field);
            column
                .push(text_or_null(field.filter(|field| !field.is_null()).map(|field| field.to_cell()).as_deref()))?;
        }
        let id = row.id.as_ref().filter(|id| !id.is_null()).map(|id| id.to_cell());
        let error = outcome.as_ref().err().map(ToString::to_string);
        let mut values: Vec<Cell<'_>> = Vec::with_capacity(self.prediction.len());
        values.extend(self.writes_id.then_some(text_or_null(id.as_deref())));
        if let Ok(record) = outcome {
            self.bytes += record.text().map_or(0, str::len);
            values.extend(record.columns().into_iter().flat_map(|(_, value)| cells(value)));
        }
        values.resize(self.prediction.len() - 1, Cell::Null);
        values.push(text_or_null(error.as_deref()));
        self.prediction.iter_mut().zip(values).try_for_each(|(column, value)| column.push(value))
    }

    /// Writes the records so far as a row group.
    fn write_group(&mut self) -> Result<(), TableError> {
        if self.records == 0 {
            return Ok(());
        }
        self.open()?;
        let file = self.file.as_mut().ok_or_else(given_up)?;
        let mut group = guarded(|| file.next_row_group())?;
        match &mut self.input {
            InputColumns::Fields(fields) => fields.write(&mut group)?,
            InputColumns::Copied(file) => file.write(&mut group)?,
        }
        self.partitions.iter_mut().try_for_each(|(_, column)| column.write(&mut group))?;
        self.prediction.iter_mut().try_for_each(|column| column.write(&mut group))?;
        guarded(|| group.close().map(drop))?;
        (self.records, self.bytes) = (0, 0);
        Ok(())
    }

    /// Begins the file, whose schema is known now, if it is not begun.
    fn open(&mut self) -> Result<(), TableError> {
        let Some(out) = self.unopened.take() else { return Ok(()) };
        let partitions = self.partitions.iter().map(|(name, column)| column.schema(name));
        let prediction = self.prediction.iter().zip(self.names.prefixed()).map(|(column, name)| column.schema(&name));
        let own: Vec<TypePtr> = partitions.chain(prediction).collect::<Result<_, _>>()?;
        let (mut columns, key_values, root) = match &mut self.input {
            InputColumns::Fields(fields) => (fields.settle()?, Vec::new(), "schema".to_owned()),
            InputColumns::Copied(file) => file.schema_with(&own),
        };
        columns.extend(own);
        self.file = Some(begin(&root, columns, key_values, out)?);
        Ok(())
    }
}

fn text_or_null(text: Option<&str>) -> Cell<'_> {
    text.map_or(Cell::Null, Cell::Text)
}

/// The error of a writer that is used after an error.
fn given_up() -> ParquetFailure {
    ParquetFailure::Library("the file was given up after an error".into())
}

/// Begins a file with these columns.
fn begin(
    root: &str,
    columns: Vec<TypePtr>,
    key_values: Vec<KeyValue>,
    out: Destination,
) -> Result<SerializedFileWriter<Destination>, ParquetFailure> {
    let schema = guarded(|| Type::group_type_builder(root).with_fields(columns).build())?;
    let properties = WriterProperties::builder()
        .set_created_by(concat!("finsent version ", env!("CARGO_PKG_VERSION")).into())
        .set_compression(Compression::SNAPPY)
        .set_key_value_metadata((!key_values.is_empty()).then_some(key_values));
    guarded(|| SerializedFileWriter::new(out, Arc::new(schema), Arc::new(properties.build())))
}

/// Writes a file with these columns, which have the same number of values; returns the destination, which is to be finished.
///
/// # Errors
/// If the destination cannot be written.
pub fn write_columns(
    names: &[String],
    mut columns: Vec<ParquetColumn>,
    out: Destination,
) -> Result<Destination, TableError> {
    let schemas = columns.iter().zip(names).map(|(column, name)| column.schema(name)).collect::<Result<_, _>>()?;
    let mut file = begin("schema", schemas, Vec::new(), out)?;
    let mut group = guarded(|| file.next_row_group())?;
    columns.iter_mut().try_for_each(|column| column.write(&mut group))?;
    guarded(|| group.close().map(drop))?;
    Ok(guarded(|| file.into_inner())?)
}
