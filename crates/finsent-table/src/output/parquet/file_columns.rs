//! The columns of Parquet files, which are copied when a row group is complete.

use std::io::{self, Write};

use parquet::file::metadata::KeyValue;
use parquet::file::reader::RowGroupReader;
use parquet::file::writer::SerializedRowGroupWriter;
use parquet::schema::types::TypePtr;

use crate::error::{ParquetFailure, TableError};
use crate::parquet::{ColumnCheck, ParquetFile, RepeatedRows, RowGroup, copy_column, key_values_with};
use crate::row::Origin;

/// The columns, and the rows of the current row group that are to be copied.
pub(super) struct FileColumns {
    root: String,
    columns: Vec<TypePtr>,
    key_values: Vec<KeyValue>,
    group: Option<RowGroup>,
    /// Rows of the group that were copied.
    before: usize,
    /// For each row after them, its records.
    records: Vec<usize>,
}

impl FileColumns {
    pub(super) fn of(file: &ParquetFile) -> Self {
        Self {
            root: file.row_type().name().to_owned(),
            columns: file.columns().to_vec(),
            key_values: file.key_values().to_vec(),
            group: None,
            before: 0,
            records: Vec::new(),
        }
    }

    /// The columns, the key-value metadata of a file with `added` columns, and the name of the schema.
    pub(super) fn schema_with(&self, added: &[TypePtr]) -> (Vec<TypePtr>, Vec<KeyValue>, String) {
        (self.columns.clone(), key_values_with(&self.key_values, &self.columns, added), self.root.clone())
    }

    pub(super) fn is_of_another_group(&self, origin: &Origin) -> bool {
        self.group.as_ref().is_some_and(|group| !group.is(&origin.group))
    }

    /// Whether the row is not the one that was counted last.
    pub(super) fn is_another_row(&self, origin: &Origin) -> bool {
        self.before + self.records.len() != origin.row + 1
    }

    /// Counts a record of a row.
    pub(super) fn count(&mut self, origin: &Origin) {
        if self.group.as_ref().is_none_or(|group| !group.is(&origin.group)) {
            self.group = Some(origin.group.clone());
            self.before = 0;
        }
        self.records.resize(origin.row + 1 - self.before, 0);
        *self.records.last_mut().expect("the row was just added") += 1;
    }

    /// Copies the rows that were counted.
    pub(super) fn write<W: Write + Send>(
        &mut self,
        to: &mut SerializedRowGroupWriter<'_, W>,
    ) -> Result<(), TableError> {
        let Some(group) = &self.group else { return Ok(()) };
        let rows = RepeatedRows { before: self.before, times: &self.records };
        let mut check = ColumnCheck::default();
        for column in 0..group.num_columns() {
            copy_column(group, column, &rows, &mut check, to)
                .map_err(|failure| copy_error(group.file().name(), failure))?;
        }
        self.before += self.records.len();
        self.records.clear();
        Ok(())
    }
}

/// The error of a copy: of the output if that could not be written, else of the input.
fn copy_error(file: &str, failure: ParquetFailure) -> TableError {
    let source = match failure {
        ParquetFailure::System(error) => match TableError::from(io::Error::from(error)) {
            write @ TableError::Write { .. } => return write,
            TableError::System(error) => ParquetFailure::System(error),
            other => return other,
        },
        failure @ ParquetFailure::Library(_) => failure,
    };
    TableError::CopyColumn { file: file.to_owned(), source }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::fs;
    use std::path::Path;
    use std::sync::Arc;

    use bytes::Bytes;
    use finsent_model::{Granularity, LabelMap};
    use parquet::basic::Compression;
    use parquet::data_type::{ByteArray, ByteArrayType, DataType, Int32Type};
    use parquet::file::properties::{WriterProperties, WriterVersion};
    use parquet::file::reader::{FileReader, SerializedFileReader};
    use parquet::file::writer::SerializedFileWriter;
    use parquet::schema::parser::parse_message_type;

    use super::*;
    use crate::atomic::TemporaryName;
    use crate::input::{ColumnChoice, ColumnSelection, Input, Reading};
    use crate::item_error::ItemError;
    use crate::output::destination::Destination;
    use crate::output::row_writer::Shape;

    const SCHEMA: &str = "message row {
        required binary text (utf8);
        optional binary name (utf8);
        optional int32 number;
        optional group people (list) { repeated group list { optional group element {
            required int32 age; optional binary city (utf8); } } }
    }";

    type Levels<'a> = (Option<&'a [i16]>, Option<&'a [i16]>);

    fn column<T: DataType>(
        to: &mut SerializedRowGroupWriter<'_, Vec<u8>>,
        values: &[T::T],
        (definition, repetition): Levels<'_>,
    ) {
        let mut column = to.next_column().unwrap().unwrap();
        column.typed::<T>().write_batch(values, definition, repetition).unwrap();
        column.close().unwrap();
    }

    /// A file of two row groups with strings, nulls, numbers, and lists of structs.
    fn file(compression: Compression, version: WriterVersion) -> Vec<u8> {
        let strings = |strings: &[&str]| strings.iter().map(|&string| ByteArray::from(string)).collect::<Vec<_>>();
        let properties = WriterProperties::builder().set_compression(compression).set_writer_version(version);
        let schema = Arc::new(parse_message_type(SCHEMA).unwrap());
        let mut file = SerializedFileWriter::new(Vec::new(), schema, Arc::new(properties.build())).unwrap();
        for _ in 0..2 {
            let mut group = file.next_row_group().unwrap();
            column::<ByteArrayType>(&mut group, &strings(&["Profit rose", "Loss", "Flat"]), (None, None));
            column::<ByteArrayType>(&mut group, &strings(&["Zürich", "Zürich"]), (Some(&[1, 0, 1]), None));
            column::<Int32Type>(&mut group, &[7, -7], (Some(&[1, 1, 0]), None));
            // [{x}, {y, city}], null, [no struct].
            let repetition: Option<&[i16]> = Some(&[0, 1, 0, 0]);
            column::<Int32Type>(&mut group, &[30, 40], (Some(&[3, 3, 0, 2]), repetition));
            column::<ByteArrayType>(&mut group, &strings(&["Bern"]), (Some(&[3, 4, 0, 2]), repetition));
            group.close().unwrap();
        }
        file.into_inner().unwrap()
    }

    /// Copies a file row by row, each as often as `times` says.
    fn copy(bytes: &[u8], dir: &Path, times: usize) -> Result<Vec<u8>, TableError> {
        let [from, to] = ["in.parquet", "out.parquet"].map(|name| dir.join(name));
        fs::write(&from, bytes).unwrap();
        let columns = ColumnChoice { text: Some("text".into()), ..ColumnChoice::default() };
        let reading = Reading { columns, selection: ColumnSelection::Columns(Vec::new()), ..Reading::default() };
        let mut input = Input::files(&[from], &reading)?;
        let labels = LabelMap::new(None, 2, &BTreeMap::new()).unwrap();
        let shape = Shape {
            columns: &input.columns,
            writes_id: false,
            granularity: Granularity::Text,
            labels: &labels,
            parquet: input.types.file()?,
            is_beginning: true,
            is_explained: false,
            is_csv_safe: false,
        };
        let mut writer = super::super::writer(&shape, Destination::open(Some(&to), TemporaryName::Unique)?);
        while let Some(row) = input.rows.next_row()? {
            (0..times).try_for_each(|_| writer.write(&row, Err(&ItemError::Null("text".into()))))?;
        }
        writer.finish()?.finish()?;
        Ok(fs::read(to).unwrap())
    }

    /// The rows of a file, decoded by the library alone.
    fn rows(bytes: Vec<u8>) -> Result<Vec<String>, String> {
        let file = SerializedFileReader::new(Bytes::from(bytes)).map_err(|error| error.to_string())?;
        let rows = file.get_row_iter(None).map_err(|error| error.to_string())?;
        rows.map(|row| row.map(|row| row.to_string()).map_err(|error| error.to_string())).collect()
    }

    fn files() -> Vec<Vec<u8>> {
        let versions = [WriterVersion::PARQUET_1_0, WriterVersion::PARQUET_2_0];
        let of =
            |version| [Compression::UNCOMPRESSED, Compression::SNAPPY].map(|compression| file(compression, version));
        versions.into_iter().flat_map(of).collect()
    }

    #[test]
    fn columns_are_copied_as_they_are() {
        let dir = tempfile::tempdir().unwrap();
        for bytes in files() {
            let before = rows(bytes.clone()).unwrap();
            let after = rows(copy(&bytes, dir.path(), 1).unwrap()).unwrap();
            assert_eq!(after.len(), before.len());
            for (after, before) in after.iter().zip(&before) {
                assert!(after.starts_with(before.trim_end_matches('}')), "{after} {before}");
            }
        }
    }

    #[test]
    fn rows_can_be_repeated() {
        let dir = tempfile::tempdir().unwrap();
        let bytes = file(Compression::SNAPPY, WriterVersion::PARQUET_1_0);
        let (once, thrice) = (rows(copy(&bytes, dir.path(), 1).unwrap()), rows(copy(&bytes, dir.path(), 3).unwrap()));
        let repeated: Vec<String> = once.unwrap().into_iter().flat_map(|row| [row.clone(), row.clone(), row]).collect();
        assert_eq!(thrice.unwrap(), repeated);
    }

    /// A damaged file may be copied as another one, which can be read. It is an error else, and nothing worse.
    #[test]
    fn damage_in_a_copied_column_is_an_error_or_can_be_read() {
        let dir = tempfile::tempdir().unwrap();
        let (mut errors, mut copies) = (0, 0);
        let files = files();
        for (index, bytes) in files.iter().enumerate() {
            // Each file in other places: a copy takes a hundredth of a second.
            for place in (index..bytes.len()).step_by(3 * files.len()) {
                let mut damaged = bytes.clone();
                damaged[place] ^= 1 << (place % 8);
                match copy(&damaged, dir.path(), 1) {
                    Err(_) => errors += 1,
                    Ok(copied) => {
                        copies += 1;
                        rows(copied).unwrap_or_else(|error| panic!("byte {place}: {error}"));
                    }
                }
            }
        }
        assert!(errors > copies / 4, "{errors} errors, {copies} copies");
    }
}
