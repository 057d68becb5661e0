//! Rows of .parquet files.

mod json;
#[cfg(test)]
mod shard_tests;

use std::path::Path;
use std::sync::Arc;

use ::parquet::basic::ConvertedType;
use ::parquet::record::Field as ParquetValue;
use ::parquet::record::reader::{ReaderIter, TreeBuilder};
use ::parquet::schema::types::{SchemaDescPtr, SchemaDescriptor, Type, TypePtr};
use finsent_model::Text;

use self::json::to_field;
use super::columns::{ColumnSelection, ItemColumns};
use super::read_stats::ReadStats;
use super::reading::Reading;
use crate::column_names::check_names;
use crate::error::{ParquetFailure, TableError};
use crate::item_error::{ItemError, utf8};
use crate::parquet::{self, MAX_ROW_BYTES, ParquetFile, RowGroup, guarded};
use crate::row::{Field, Origin, Row, RowReader};

/// Rows of single values that are decoded at once.
const ROWS_AT_ONCE: usize = 1024;

/// A file of row groups, which are read one after the other.
pub(super) struct ParquetRows {
    file: Arc<ParquetFile>,
    /// The columns that are read.
    read: Vec<(Arc<str>, TypePtr)>,
    /// The schema of these columns.
    schema: SchemaDescPtr,
    columns: ItemColumns,
    stats: Arc<ReadStats>,
    group: Option<OpenGroup>,
    next_group: usize,
    /// Rows of the file.
    rows: u64,
    /// Rows that were read or skipped.
    number: u64,
    /// Of the rows that were skipped, the last ones, which the library has not skipped yet.
    to_skip: usize,
}

struct OpenGroup {
    group: RowGroup,
    rows: ReaderIter,
    /// Rows of it that were read or skipped.
    at: usize,
}

impl ParquetRows {
    /// The reader, and the names of all columns of the file.
    pub(super) fn open(
        path: &Path,
        reading: &Reading,
        stats: &Arc<ReadStats>,
    ) -> Result<(Self, Vec<Arc<str>>), TableError> {
        let file = ParquetFile::open(path)?;
        let names = names(&file)?;
        let all = || names.iter().cloned().zip(file.columns().iter().cloned());
        let strings: Vec<Arc<str>> =
            all().filter(|(_, column)| parquet::holds_strings(column)).map(|(name, _)| name).collect();
        let columns = reading.columns.settle(file.name(), &names, &strings)?;
        let read: Vec<_> = all().filter(|(name, _)| is_read(name, &columns, &reading.selection)).collect();
        for (name, column) in &read {
            check_type(file.name(), column)?;
            if *name == columns.text && !parquet::holds_bytes(column) {
                let (file, column) = (file.name().to_owned(), name.to_string());
                return Err(TableError::NotStrings { file, column, candidates: strings });
            }
        }
        let is_needed = |name: &str| reading.all_columns || read.iter().any(|(read, _)| **read == *name);
        if let Some((column, compression)) = file.unsupported_compression(is_needed) {
            let file = file.name().to_owned();
            return Err(TableError::UnsupportedCompression { file, column, compression });
        }
        let schema =
            schema(&file, &read).map_err(|source| TableError::NotParquet { file: file.name().to_owned(), source })?;
        let (stats, rows) = (Arc::clone(stats), file.rows());
        let (group, next_group, number, to_skip) = (None, 0, 0, 0);
        Ok((Self { file, read, schema, columns, stats, group, next_group, rows, number, to_skip }, names))
    }

    pub(super) fn file(&self) -> Arc<ParquetFile> {
        Arc::clone(&self.file)
    }

    /// Opens the group that has the next row; false at the end of the file.
    fn advance(&mut self) -> Result<bool, ParquetFailure> {
        loop {
            if let Some(open) = &mut self.group {
                self.to_skip -= open.skip(self.to_skip)?;
                if open.at < open.group.rows() {
                    return Ok(true);
                }
                self.group = None;
            }
            let Some(group) = self.file.group(self.next_group) else { return Ok(false) };
            self.next_group += 1;
            if self.to_skip >= group.rows() {
                self.to_skip -= group.rows();
                self.stats.add(group.bytes());
                continue;
            }
            let rows = guarded(|| {
                let builder = TreeBuilder::new().with_batch_size(self.rows_at_once());
                builder.as_iter(Arc::clone(&self.schema), &group.columns_together())
            })?;
            self.group = Some(OpenGroup { group, rows, at: 0 });
        }
    }

    /// Rows that the library decodes at once: one if a row can hold many values.
    fn rows_at_once(&self) -> usize {
        let has_lists = self.schema.columns().iter().any(|column| column.max_rep_level() > 0);
        if has_lists { 1 } else { ROWS_AT_ONCE }
    }

    fn next_values(&mut self) -> Result<Option<(Origin, Vec<ParquetValue>)>, ParquetFailure> {
        if !self.advance()? {
            return Ok(None);
        }
        let Some(open) = &mut self.group else { return Ok(None) };
        let origin = Origin { group: open.group.clone(), row: open.at };
        let Some(row) = guarded(|| open.rows.next().transpose())? else {
            return Err(ParquetFailure::Library("a row group ends early".into()));
        };
        let values = row.into_columns().into_iter().map(|(_, value)| value).collect();
        // The bytes of the group are counted in equal parts with its rows, the remainder with the first.
        let (bytes, rows) = (open.group.bytes(), open.group.rows() as u64);
        self.stats.add(bytes / rows + if open.at == 0 { bytes % rows } else { 0 });
        open.at += 1;
        Ok(Some((origin, values)))
    }

    fn row(&self, origin: Origin, values: Vec<ParquetValue>) -> Row {
        let index = |name: &Arc<str>| self.read.iter().position(|(read, _)| read == name);
        let text = index(&self.columns.text).map_or(&ParquetValue::Null, |column| &values[column]);
        let text = text_of(text, &self.columns.text);
        let fields: Vec<(Arc<str>, Field)> = self
            .read
            .iter()
            .zip(values)
            .map(|((name, column), value)| (Arc::clone(name), to_field(value, column)))
            .collect();
        let id = self.columns.id.as_ref().and_then(index).map(|column| fields[column].1.clone());
        Row { place: format!("row {}", self.number), text, id, fields, origin: Some(origin) }
    }
}

impl OpenGroup {
    /// Skips up to `most` rows; returns how many.
    fn skip(&mut self, most: usize) -> Result<usize, ParquetFailure> {
        let skipped = most.min(self.group.rows() - self.at);
        for _ in 0..skipped {
            guarded(|| self.rows.next().transpose())?;
        }
        self.at += skipped;
        Ok(skipped)
    }
}

impl RowReader for ParquetRows {
    fn next_row(&mut self) -> Result<Option<Row>, TableError> {
        let row = self.number + 1;
        let file = Arc::clone(&self.file);
        let failed = |source| TableError::ReadRow { file: file.name().to_owned(), row, source };
        let Some((origin, values)) = self.next_values().map_err(failed)? else { return Ok(None) };
        self.number = row;
        let read = self.row(origin, values);
        match read.value_bytes() > MAX_ROW_BYTES {
            true => Err(failed(ParquetFailure::Library(format!("its values have more than {MAX_ROW_BYTES} bytes")))),
            false => Ok(Some(read)),
        }
    }

    /// The rows are skipped in the file when one is read after them, whole groups without opening them.
    fn skip_row(&mut self) -> Result<bool, TableError> {
        if self.number == self.rows {
            return Ok(false);
        }
        self.number += 1;
        self.to_skip += 1;
        Ok(true)
    }

    /// The file says how many there are.
    fn count_rows(&mut self) -> Result<u64, TableError> {
        let left = self.rows - self.number;
        self.number = self.rows;
        self.to_skip = self.to_skip.saturating_add(usize::try_from(left).unwrap_or(usize::MAX));
        Ok(left)
    }
}

/// The names of the columns.
fn names(file: &ParquetFile) -> Result<Vec<Arc<str>>, TableError> {
    let names: Vec<Arc<str>> = file.columns().iter().map(|column| column.name().into()).collect();
    check_names(file.name(), &names)?;
    Ok(names)
}

fn is_read(name: &Arc<str>, columns: &ItemColumns, selection: &ColumnSelection) -> bool {
    match selection {
        ColumnSelection::All => true,
        ColumnSelection::Columns(selected) | ColumnSelection::Only(selected) => {
            *name == columns.text || columns.id.as_ref() == Some(name) || selected.iter().any(|one| **one == **name)
        }
    }
}

/// The schema of some of the columns.
fn schema(file: &ParquetFile, read: &[(Arc<str>, TypePtr)]) -> Result<SchemaDescPtr, ParquetFailure> {
    let fields = read.iter().map(|(_, column)| Arc::clone(column)).collect();
    let schema = guarded(|| Type::group_type_builder(file.row_type().name()).with_fields(fields).build())?;
    Ok(Arc::new(SchemaDescriptor::new(Arc::new(schema))))
}

fn text_of(value: &ParquetValue, column: &Arc<str>) -> Result<Text, ItemError> {
    match value {
        ParquetValue::Null => Err(ItemError::Null(Arc::clone(column))),
        ParquetValue::Str(text) => Ok(Text::parse(text.as_str())?),
        ParquetValue::Bytes(bytes) => Ok(Text::parse(utf8(bytes.data())?)?),
        _ => Err(ItemError::NotAString(Arc::clone(column))),
    }
}

/// Refuses a type whose values the library cannot return.
fn check_type(file: &str, column: &Type) -> Result<(), TableError> {
    if column.get_basic_info().converted_type() == ConvertedType::INTERVAL {
        return Err(TableError::Intervals { file: file.to_owned(), column: column.name().to_owned() });
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

    fn read(bytes: &[u8]) -> Result<Vec<Row>, TableError> {
        let file = tempfile::Builder::new().suffix(".parquet").tempfile().unwrap();
        fs::write(file.path(), bytes).unwrap();
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
    fn skipped_rows_are_the_next_ones() {
        let file = {
            let named = tempfile::Builder::new().suffix(".parquet").tempfile().unwrap();
            fs::write(named.path(), file()).unwrap();
            named
        };
        for skipped in 0..=9 {
            let (mut rows, _) = ParquetRows::open(file.path(), &Reading::default(), &Arc::default()).unwrap();
            assert!((0..skipped).all(|_| rows.skip_row().unwrap()));
            let next = rows.next_row().unwrap().map(|row| row.place);
            assert_eq!(next, (skipped < 9).then(|| format!("row {}", skipped + 1)));
            assert_eq!(rows.count_rows().unwrap(), 8_u64.saturating_sub(skipped));
        }
    }

    #[test]
    fn a_file_that_ends_early_is_an_error() {
        let bytes = file();
        for length in 0..bytes.len() {
            let error = read(&bytes[..length]).unwrap_err();
            assert!(matches!(error, TableError::NotParquet { .. }), "{length}: {error}");
        }
    }

    #[test]
    fn a_compression_that_is_not_supported_is_named_before_rows_are_read() {
        use ::parquet::basic::Compression;
        use ::parquet::file::metadata::{ParquetMetaDataReader, ParquetMetaDataWriter};

        let bytes = file();
        let metadata = ParquetMetaDataReader::new().parse_and_finish(&bytes::Bytes::from(bytes.clone())).unwrap();
        let mut builder = metadata.into_builder();
        for group in builder.take_row_groups() {
            let mut group = group.into_builder();
            let columns = group.take_columns().into_iter();
            let columns =
                columns.map(|column| column.into_builder().set_compression(Compression::LZO).build().unwrap());
            let group = group.set_column_metadata(columns.collect()).build().unwrap();
            builder = builder.add_row_group(group);
        }
        let footer = u32::from_le_bytes(bytes[bytes.len() - 8..bytes.len() - 4].try_into().unwrap()) as usize;
        let mut of_lzo = bytes[..bytes.len() - 8 - footer].to_vec();
        ParquetMetaDataWriter::new(&mut of_lzo, &builder.build()).finish().unwrap();
        let error = read(&of_lzo).unwrap_err();
        assert!(error.to_string().contains("the column `text`") && error.to_string().contains("LZO"), "{error}");
    }

    /// A damaged file may be read as another one. It ends in an error or in rows, and in nothing worse.
    #[test]
    fn a_damaged_byte_does_not_cause_a_panic() {
        let bytes = file();
        let mut errors = 0;
        for place in 0..bytes.len() {
            let mut damaged = bytes.clone();
            damaged[place] ^= [0x01, 0xff][place % 2];
            errors += u32::from(read(&damaged).is_err());
        }
        assert!(errors > 0);
    }
}
