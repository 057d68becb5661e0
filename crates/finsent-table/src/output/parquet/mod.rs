//! Parquet: the columns of the input with their types, then the prediction's, one for each class.

mod column;
mod fields;

use std::io::Write;
use std::mem;
use std::sync::Arc;

use anyhow::{Context, Result};
use parquet::basic::Compression;
use parquet::file::metadata::KeyValue;
use parquet::file::properties::WriterProperties;
use parquet::file::reader::RowGroupReader;
use parquet::file::writer::{SerializedFileWriter, SerializedRowGroupWriter};
use parquet::schema::types::{Type, TypePtr};

pub use self::column::Column;
use self::fields::Fields;
use super::columns::PredictionColumns;
use super::destination::Destination;
use super::record;
use super::{Outcome, RowWriter, Shape};
use crate::input::{ItemError, Origin, Row};
use crate::parquet::{Group, Lines, Table, careful, copy_column, key_values_with};

/// Most rows of a row group. A larger one of the input becomes several.
const MAX_GROUP_ROWS: usize = 1 << 20;
/// Bytes of rows, near enough, that fill a row group where none of the input's does.
const GROUP_BYTES: usize = 32 << 20;

/// The writer of rows.
pub(super) fn writer(shape: &Shape<'_>, out: Destination) -> Box<dyn RowWriter> {
    let id = shape.writes_id.then_some(("id".to_owned(), record::Kind::Text));
    let own = record::columns(shape.granularity, shape.labels);
    let columns: Vec<_> = id.into_iter().chain(own).chain([("error".to_owned(), record::Kind::Text)]).collect();
    let names = columns.iter().map(|(name, _)| name.clone()).collect();
    let input = match shape.table {
        Some(table) => Input::Table(TableColumns::of(table)),
        None => Input::Fields(Fields::new(shape.columns)),
    };
    Box::new(Rows {
        file: File::Waiting(out),
        names: PredictionColumns::beside(shape.columns, names),
        input,
        prediction: columns.into_iter().map(|(_, kind)| Column::of(kind)).collect(),
        writes_id: shape.writes_id,
        lines: 0,
        bytes: 0,
    })
}

struct Rows {
    file: File,
    input: Input,
    names: PredictionColumns,
    /// A column for each of `names`.
    prediction: Vec<Column>,
    writes_id: bool,
    /// Lines that are gathered, and bytes of them.
    lines: usize,
    bytes: usize,
}

/// The columns that the rows bring.
enum Input {
    /// Those that were read.
    Fields(Fields),
    /// Those of Parquet files, which were not.
    Table(TableColumns),
}

/// The output: its schema is known when the first rows are to be written.
enum File {
    Waiting(Destination),
    Open(SerializedFileWriter<Destination>),
    /// Between the two, and after an error.
    Broken,
}

impl RowWriter for Rows {
    fn check(&self, row: &Row) -> Result<(), ItemError> {
        match &self.input {
            Input::Fields(fields) => fields.check(row),
            Input::Table(_) => Ok(()),
        }
    }

    fn write(&mut self, row: &Row, outcome: Outcome<'_>) -> Result<()> {
        if self.ends_group(row) {
            self.write_group()?;
        }
        match &mut self.input {
            Input::Fields(fields) => {
                fields.push(row);
                self.bytes += row.bytes();
            }
            Input::Table(table) => table.count(row.origin.as_ref().context("a row is not of the file")?),
        }
        self.push(row, outcome);
        Ok(())
    }

    /// A file that has no end yet cannot be read.
    fn flush(&mut self) -> Result<()> {
        Ok(())
    }

    fn finish(mut self: Box<Self>) -> Result<Destination> {
        self.write_group()?;
        self.open()?;
        match self.file {
            File::Open(file) => careful(|| file.into_inner()),
            File::Waiting(_) | File::Broken => unreachable!("the file is open"),
        }
    }
}

impl Rows {
    /// Whether the rows that are gathered are to be a row group without this one.
    fn ends_group(&self, row: &Row) -> bool {
        let is_full = self.lines >= MAX_GROUP_ROWS || self.bytes >= GROUP_BYTES;
        match (&self.input, &row.origin) {
            (Input::Fields(_), _) | (_, None) => is_full,
            (Input::Table(table), Some(origin)) => {
                table.is_of_another_group(origin) || is_full && table.is_another_row(origin)
            }
        }
    }

    /// Appends a line to the prediction's columns.
    fn push(&mut self, row: &Row, outcome: Outcome<'_>) {
        self.lines += 1;
        let mut columns = self.prediction.iter_mut();
        if self.writes_id {
            let column = columns.next().expect("the id has a column");
            match row.id.as_ref().filter(|id| !id.is_null()) {
                Some(id) => column.push_text(&id.to_cell()),
                None => column.push_null(),
            }
        }
        if let Ok(record) = outcome {
            self.bytes += record.text().map_or(0, str::len);
            record.columns().into_iter().for_each(|(_, value)| Column::push_value(&mut columns, value));
        }
        let mut rest: Vec<&mut Column> = columns.collect();
        let error = rest.pop().expect("the error has a column");
        match outcome {
            Ok(_) => error.push_null(),
            Err(reason) => error.push_text(&reason.to_string()),
        }
        rest.into_iter().for_each(Column::push_null);
    }

    /// Writes what is gathered as a row group.
    fn write_group(&mut self) -> Result<()> {
        if self.lines == 0 {
            return Ok(());
        }
        self.open()?;
        let Self { file: File::Open(file), input, prediction, .. } = self else { unreachable!("the file is open") };
        let mut group = careful(|| file.next_row_group())?;
        match input {
            Input::Fields(fields) => fields.write(&mut group)?,
            Input::Table(table) => table.write(&mut group)?,
        }
        prediction.iter_mut().try_for_each(|column| column.write(&mut group))?;
        careful(|| group.close().map(drop))?;
        (self.lines, self.bytes) = (0, 0);
        Ok(())
    }

    /// The output with its schema.
    fn open(&mut self) -> Result<&mut SerializedFileWriter<Destination>> {
        self.file = match mem::replace(&mut self.file, File::Broken) {
            File::Waiting(out) => File::Open(self.begin(out)?),
            file => file,
        };
        match &mut self.file {
            File::Open(file) => Ok(file),
            File::Waiting(_) | File::Broken => unreachable!("a writer is dropped after an error"),
        }
    }

    fn begin(&mut self, out: Destination) -> Result<SerializedFileWriter<Destination>> {
        let name = |plain: &String| format!("{}{plain}", self.names.prefix());
        let names = self.names.names().iter().map(name);
        let own: Vec<TypePtr> =
            self.prediction.iter().zip(names).map(|(column, name)| column.of_name(&name)).collect::<Result<_>>()?;
        let (mut columns, key_values, root) = match &mut self.input {
            Input::Fields(fields) => (fields.settle()?, Vec::new(), "schema".to_owned()),
            Input::Table(table) => {
                (table.columns.clone(), key_values_with(&table.key_values, &own), table.root.clone())
            }
        };
        columns.extend(own);
        file(&root, columns, key_values, out)
    }
}

/// Begins a file of these columns.
fn file(
    root: &str,
    columns: Vec<TypePtr>,
    key_values: Vec<KeyValue>,
    out: Destination,
) -> Result<SerializedFileWriter<Destination>> {
    let schema = careful(|| Type::group_type_builder(root).with_fields(columns).build())?;
    let properties = WriterProperties::builder()
        .set_created_by(concat!("finsent version ", env!("CARGO_PKG_VERSION")).into())
        .set_compression(Compression::SNAPPY)
        .set_key_value_metadata((!key_values.is_empty()).then_some(key_values));
    careful(|| SerializedFileWriter::new(out, Arc::new(schema), Arc::new(properties.build())))
}

/// Writes a file of these columns, all of them as long; gives back where it went.
pub fn write_columns(names: &[String], mut columns: Vec<Column>, out: Destination) -> Result<Destination> {
    let types = columns.iter().zip(names).map(|(column, name)| column.of_name(name)).collect::<Result<_>>()?;
    let mut file = file("schema", types, Vec::new(), out)?;
    let mut group = careful(|| file.next_row_group())?;
    columns.iter_mut().try_for_each(|column| column.write(&mut group))?;
    careful(|| group.close().map(drop))?;
    careful(|| file.into_inner())
}

/// The columns of Parquet files, which are copied when a row group is complete.
struct TableColumns {
    root: String,
    columns: Vec<TypePtr>,
    key_values: Vec<KeyValue>,
    /// The row group whose rows are counted.
    group: Option<Group>,
    /// Rows of it that are written.
    before: usize,
    /// Lines of each row behind them.
    lines: Vec<usize>,
}

impl TableColumns {
    fn of(table: &Table) -> Self {
        Self {
            root: table.row_type().name().to_owned(),
            columns: table.columns().to_vec(),
            key_values: table.key_values().to_vec(),
            group: None,
            before: 0,
            lines: Vec::new(),
        }
    }

    fn is_of_another_group(&self, origin: &Origin) -> bool {
        self.group.as_ref().is_some_and(|group| !group.is(&origin.group))
    }

    fn is_another_row(&self, origin: &Origin) -> bool {
        self.before + self.lines.len() != origin.row + 1
    }

    /// Counts a line of a row.
    fn count(&mut self, origin: &Origin) {
        if self.group.as_ref().is_none_or(|group| !group.is(&origin.group)) {
            self.group = Some(origin.group.clone());
            self.before = 0;
        }
        self.lines.resize(origin.row + 1 - self.before, 0);
        *self.lines.last_mut().expect("the row is one of them") += 1;
    }

    fn write<W: Write + Send>(&mut self, to: &mut SerializedRowGroupWriter<'_, W>) -> Result<()> {
        let Some(group) = &self.group else { return Ok(()) };
        let lines = Lines { before: self.before, of_rows: &self.lines };
        for column in 0..group.num_columns() {
            copy_column(group, column, &lines, to)
                .with_context(|| format!("cannot copy a column of `{}`", group.table().name()))?;
        }
        self.before += self.lines.len();
        self.lines.clear();
        Ok(())
    }
}
