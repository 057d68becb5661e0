//! Parquet files: what the reader of rows and the writer share.

mod copy;
mod file_bytes;
mod footer;
mod guarded;
mod key_values;
mod pages;

use std::path::Path;
use std::sync::Arc;

use parquet::basic::{ConvertedType, Repetition, Type as PhysicalType};
use parquet::bloom_filter::Sbbf;
use parquet::column::page::PageReader;
use parquet::file::metadata::{KeyValue, ParquetMetaData, ParquetMetaDataReader, RowGroupMetaData};
use parquet::file::reader::RowGroupReader;
use parquet::record::reader::RowIter;
use parquet::schema::types::{Type, TypePtr};

pub(crate) use copy::{RepeatedRows, copy_column};
use file_bytes::FileBytes;
pub(crate) use guarded::guarded;
pub(crate) use key_values::key_values_with;
use pages::DecompressedPages;

use crate::error::TableError;

/// An open Parquet file. Its footer is read, its rows are not.
pub struct ParquetFile {
    name: String,
    bytes: Arc<FileBytes>,
    metadata: ParquetMetaData,
}

impl ParquetFile {
    /// Opens a file.
    ///
    /// # Errors
    /// If it cannot be read, is not a Parquet file, or is encrypted.
    pub fn open(path: &Path) -> Result<Arc<Self>, TableError> {
        let name = path.display().to_string();
        let bytes = FileBytes::open(path).map_err(|error| TableError::read(&name, error))?;
        let metadata = guarded(|| {
            footer::check(&bytes)?;
            ParquetMetaDataReader::new().parse_and_finish(&bytes)
        });
        match metadata {
            Ok(metadata) => Ok(Arc::new(Self { name, bytes: Arc::new(bytes), metadata })),
            Err(source) => Err(TableError::NotParquet { file: name, source }),
        }
    }

    /// Its path.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The type of a row: a group of its columns.
    pub(crate) fn row_type(&self) -> &Type {
        self.metadata.file_metadata().schema()
    }

    /// The columns, which may hold lists and groups.
    pub(crate) fn columns(&self) -> &[TypePtr] {
        self.row_type().get_fields()
    }

    /// The key-value metadata that its writer put beside the schema.
    pub(crate) fn key_values(&self) -> &[KeyValue] {
        self.metadata.file_metadata().key_value_metadata().map_or(&[], Vec::as_slice)
    }

    /// The row group at `index`, if there is one.
    pub(crate) fn group(self: &Arc<Self>, index: usize) -> Option<RowGroup> {
        (index < self.metadata.num_row_groups()).then(|| RowGroup { file: Arc::clone(self), index })
    }

    /// The row groups, in order.
    pub(crate) fn groups(self: &Arc<Self>) -> impl Iterator<Item = RowGroup> {
        (0..).map_while(|index| self.group(index))
    }
}

/// A row group of a Parquet file.
#[derive(Clone)]
pub(crate) struct RowGroup {
    file: Arc<ParquetFile>,
    index: usize,
}

impl RowGroup {
    /// The number of its rows.
    pub(crate) fn rows(&self) -> usize {
        usize::try_from(self.metadata().num_rows()).unwrap_or(0)
    }

    /// Its bytes in the file, all columns together.
    pub(crate) fn bytes(&self) -> u64 {
        let columns = self.metadata().columns().iter();
        columns.map(|column| u64::try_from(column.compressed_size()).unwrap_or(0)).sum()
    }

    pub(crate) fn file(&self) -> &Arc<ParquetFile> {
        &self.file
    }

    /// Whether both are the same row group of the same open file.
    pub(crate) fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.file, &other.file) && self.index == other.index
    }
}

impl RowGroupReader for RowGroup {
    fn metadata(&self) -> &RowGroupMetaData {
        self.file.metadata.row_group(self.index)
    }

    fn num_columns(&self) -> usize {
        self.metadata().num_columns()
    }

    fn get_column_page_reader(&self, column: usize) -> parquet::errors::Result<Box<dyn PageReader>> {
        Ok(Box::new(DecompressedPages::new(&self.file.bytes, self.metadata().column(column), self.rows())?))
    }

    fn get_column_bloom_filter(&self, _column: usize) -> Option<&Sbbf> {
        None
    }

    fn get_row_iter(&self, projection: Option<Type>) -> parquet::errors::Result<RowIter<'_>> {
        RowIter::from_row_group(projection, self)
    }
}

/// Whether a column holds strings, one per row.
pub(crate) fn holds_strings(column: &Type) -> bool {
    let of_strings = [ConvertedType::UTF8, ConvertedType::ENUM];
    holds_bytes(column) && of_strings.contains(&column.get_basic_info().converted_type())
}

/// Whether a column holds strings or bytes, one per row.
pub(crate) fn holds_bytes(column: &Type) -> bool {
    column.is_primitive()
        && column.get_physical_type() == PhysicalType::BYTE_ARRAY
        && column.get_basic_info().repetition() != Repetition::REPEATED
}
