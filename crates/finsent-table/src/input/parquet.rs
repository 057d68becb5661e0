//! Rows of .parquet files.

use std::path::Path;
use std::sync::Arc;

use ::parquet::basic::ConvertedType;
use ::parquet::record::Field as Value;
use ::parquet::record::reader::{ReaderIter, TreeBuilder};
use ::parquet::schema::types::{SchemaDescPtr, SchemaDescriptor, Type, TypePtr};
use anyhow::{Context, Result, bail};
use finsent_model::Text;

use super::source::ReadStats;
use super::{ColumnSelection, Columns, Field, ItemError, Origin, Reading, Row, RowReader, list, utf8};
use crate::UsageError;
use crate::parquet::{self, Group, Table, careful};

/// A file of row groups, which are read one after the other.
pub(super) struct ParquetRows {
    table: Arc<Table>,
    /// The columns that are read.
    read: Vec<(Arc<str>, TypePtr)>,
    schema: SchemaDescPtr,
    columns: Columns,
    stats: Arc<ReadStats>,
    group: Option<OpenGroup>,
    next_group: usize,
    /// Rows of the file.
    rows: u64,
    /// Rows that were read or passed over.
    number: u64,
    /// Of those that were passed over, the last ones, which are still to be.
    to_skip: usize,
}

struct OpenGroup {
    group: Group,
    rows: ReaderIter,
    /// Rows of it that were read or passed over.
    at: usize,
}

impl ParquetRows {
    /// The reader and the columns of the file, also those that are not read.
    pub(super) fn open(path: &Path, reading: &Reading, stats: &Arc<ReadStats>) -> Result<(Self, Vec<Arc<str>>)> {
        let table = Table::open(path)?;
        let names: Vec<Arc<str>> = table.columns().iter().map(|column| column.name().into()).collect();
        if let Some(twice) = names.iter().enumerate().find(|(index, name)| names[..*index].contains(name)) {
            return Err(UsageError(format!("`{}` has the column `{}` twice", table.name(), twice.1)).into());
        }
        let all = || names.iter().cloned().zip(table.columns().iter().cloned());
        let strings: Vec<Arc<str>> =
            all().filter(|(_, column)| parquet::holds_strings(column)).map(|(name, _)| name).collect();
        let columns = reading.columns.clone().settle(table.name(), &names, &strings)?;

        let is_read = |name: &Arc<str>| match &reading.wanted {
            ColumnSelection::All => true,
            ColumnSelection::Columns(wanted) => {
                *name == columns.text || columns.id.as_ref() == Some(name) || wanted.iter().any(|one| **one == **name)
            }
        };
        let read: Vec<_> = all().filter(|(name, _)| is_read(name)).collect();
        for (name, column) in &read {
            check_type(table.name(), column)?;
            if *name == columns.text && !parquet::holds_bytes(column) {
                let strings = if strings.is_empty() { "none".into() } else { list(&strings) };
                return Err(UsageError(format!(
                    "`{}`: the column `{name}` holds no strings, which texts are; columns that do: {strings}",
                    table.name()
                ))
                .into());
            }
        }
        let fields = read.iter().map(|(_, column)| Arc::clone(column)).collect();
        let schema = careful(|| Type::group_type_builder(table.row_type().name()).with_fields(fields).build())?;
        let schema = Arc::new(SchemaDescriptor::new(Arc::new(schema)));
        let (stats, rows) = (Arc::clone(stats), table.groups().map(|group| group.rows() as u64).sum());
        let (group, next_group, number, to_skip) = (None, 0, 0, 0);
        Ok((Self { table, read, schema, columns, stats, group, next_group, rows, number, to_skip }, names))
    }

    pub(super) fn table(&self) -> Arc<Table> {
        Arc::clone(&self.table)
    }

    /// Makes the group the open one that has the next row; false at the end of the file.
    fn advance(&mut self) -> Result<bool> {
        loop {
            if let Some(open) = &mut self.group {
                let passed = self.to_skip.min(open.group.rows() - open.at);
                for _ in 0..passed {
                    careful(|| open.rows.next().transpose())?;
                }
                open.at += passed;
                self.to_skip -= passed;
                if open.at < open.group.rows() {
                    return Ok(true);
                }
                self.group = None;
            }
            let Some(group) = self.table.group(self.next_group) else { return Ok(false) };
            self.next_group += 1;
            if self.to_skip >= group.rows() {
                self.to_skip -= group.rows();
                self.stats.add(group.bytes());
                continue;
            }
            let rows = careful(|| TreeBuilder::new().as_iter(Arc::clone(&self.schema), &group))?;
            self.group = Some(OpenGroup { group, rows, at: 0 });
        }
    }

    fn next_values(&mut self) -> Result<Option<(Origin, Vec<Value>)>> {
        if !self.advance()? {
            return Ok(None);
        }
        let Some(open) = &mut self.group else { return Ok(None) };
        let origin = Origin { group: open.group.clone(), row: open.at };
        let Some(row) = careful(|| open.rows.next().transpose())? else { bail!("a row group ends early") };
        let values = row.into_columns().into_iter().map(|(_, value)| value).collect();
        // What the group has in bytes is counted with its rows, the rest of a division with the first.
        let (bytes, rows) = (open.group.bytes(), open.group.rows() as u64);
        self.stats.add(bytes / rows + if open.at == 0 { bytes % rows } else { 0 });
        open.at += 1;
        Ok(Some((origin, values)))
    }

    fn row(&self, origin: Origin, values: Vec<Value>) -> Row {
        let of = |name: &Arc<str>| self.read.iter().position(|(read, _)| read == name);
        let text = of(&self.columns.text).map_or(&Value::Null, |column| &values[column]);
        let text = match text {
            Value::Null => Err(ItemError::Null(self.columns.text.clone())),
            Value::Str(text) => Text::parse(text.as_str()).map_err(ItemError::from),
            Value::Bytes(bytes) => {
                utf8(bytes.data()).map_err(ItemError::from).and_then(|text| Text::parse(text).map_err(ItemError::from))
            }
            _ => Err(ItemError::NotAString(self.columns.text.clone())),
        };
        let fields: Vec<(Arc<str>, Field)> = self
            .read
            .iter()
            .zip(values)
            .map(|((name, column), value)| (Arc::clone(name), parquet::to_field(value, column)))
            .collect();
        let id = self.columns.id.as_ref().and_then(of).map(|column| fields[column].1.clone());
        Row { place: format!("row {}", self.number), text, id, fields, origin: Some(origin) }
    }
}

impl RowReader for ParquetRows {
    fn next_row(&mut self) -> Result<Option<Row>> {
        let place = self.number + 1;
        let read = self.next_values().with_context(|| format!("cannot read `{}` row {place}", self.table.name()))?;
        let Some((origin, values)) = read else { return Ok(None) };
        self.number += 1;
        Ok(Some(self.row(origin, values)))
    }

    fn skip_row(&mut self) -> Result<bool> {
        if self.number == self.rows {
            return Ok(false);
        }
        self.number += 1;
        self.to_skip += 1;
        Ok(true)
    }
}

/// Refuses a type that the library gives no values of.
fn check_type(file: &str, column: &Type) -> Result<(), UsageError> {
    if column.get_basic_info().converted_type() == ConvertedType::INTERVAL {
        return Err(UsageError(format!(
            "`{file}`: the column `{}` holds intervals, which cannot be shown; with --format parquet it passes through",
            column.name()
        )));
    }
    let fields = if column.is_primitive() { &[][..] } else { column.get_fields() };
    fields.iter().try_for_each(|field| check_type(file, field))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use ::parquet::data_type::{ByteArray, ByteArrayType, Int32Type};
    use ::parquet::file::properties::WriterProperties;
    use ::parquet::file::writer::SerializedFileWriter;
    use ::parquet::schema::parser::parse_message_type;

    use super::*;

    /// A small file of three row groups with strings, nulls, a list and a dictionary.
    fn file() -> Vec<u8> {
        let schema = "message row {
            optional binary text (utf8);
            optional group tags (list) { repeated group list { optional int32 element; } }
        }";
        let schema = Arc::new(parse_message_type(schema).unwrap());
        let properties = WriterProperties::builder().set_compression(::parquet::basic::Compression::SNAPPY).build();
        let mut file = SerializedFileWriter::new(Vec::new(), schema, Arc::new(properties)).unwrap();
        for _ in 0..3 {
            let mut group = file.next_row_group().unwrap();
            let mut text = group.next_column().unwrap().unwrap();
            let values = [ByteArray::from("Profit rose"), ByteArray::from("Loss widened")];
            text.typed::<ByteArrayType>().write_batch(&values, Some(&[1, 0, 1]), None).unwrap();
            text.close().unwrap();
            let mut tags = group.next_column().unwrap().unwrap();
            tags.typed::<Int32Type>().write_batch(&[1, 2], Some(&[3, 2, 0, 3]), Some(&[0, 1, 0, 0])).unwrap();
            tags.close().unwrap();
            group.close().unwrap();
        }
        file.into_inner().unwrap()
    }

    fn read(bytes: &[u8]) -> Result<Vec<Row>> {
        let file = tempfile::Builder::new().suffix(".parquet").tempfile()?;
        fs::write(file.path(), bytes)?;
        let (mut rows, _) = ParquetRows::open(file.path(), &Reading::default(), &Arc::default())?;
        let mut read = Vec::new();
        while let Some(row) = rows.next_row()? {
            read.push(row);
        }
        Ok(read)
    }

    #[test]
    fn rows_have_their_texts_and_fields() {
        let rows = read(&file()).unwrap();
        let texts: Vec<_> = rows.iter().map(|row| row.text.as_ref().map(|text| text.as_str().to_owned())).collect();
        assert_eq!(texts.len(), 9);
        assert_eq!(texts[3].as_deref().unwrap(), "Profit rose");
        assert_eq!(texts[4].as_ref().unwrap_err().to_string(), "the field `text` is null");
        let tags: Vec<_> = rows.iter().map(|row| row.cell("tags").unwrap()).collect();
        assert_eq!(tags[3..6], ["[1,null]", "", "[2]"]);
        assert_eq!((rows[8].place.as_str(), rows[8].origin.as_ref().unwrap().row), ("row 9", 2));
    }

    #[test]
    fn rows_that_are_passed_over_are_those_in_front() {
        let file = {
            let named = tempfile::Builder::new().suffix(".parquet").tempfile().unwrap();
            fs::write(named.path(), file()).unwrap();
            named
        };
        for passed in 0..=9 {
            let (mut rows, _) = ParquetRows::open(file.path(), &Reading::default(), &Arc::default()).unwrap();
            assert!((0..passed).all(|_| rows.skip_row().unwrap()));
            let next = rows.next_row().unwrap().map(|row| row.place);
            assert_eq!(next, (passed < 9).then(|| format!("row {}", passed + 1)));
            assert_eq!(rows.count_rows().unwrap(), 8_u64.saturating_sub(passed));
        }
    }

    #[test]
    fn a_file_that_is_cut_off_is_an_error() {
        let bytes = file();
        for length in 0..bytes.len() {
            let error = read(&bytes[..length]).unwrap_err();
            assert!(error.to_string().contains("is no Parquet file, or is not complete"), "{length}: {error:#}");
        }
    }

    /// A damaged file may be taken for another one. It ends in an error, or in rows, and in nothing worse.
    #[test]
    fn a_damaged_byte_is_no_panic() {
        let bytes = file();
        let mut errors = 0;
        for place in 0..bytes.len() {
            for change in [0x01, 0xff] {
                let mut damaged = bytes.clone();
                damaged[place] ^= change;
                errors += u32::from(read(&damaged).is_err());
            }
        }
        assert!(errors > 0);
    }
}
