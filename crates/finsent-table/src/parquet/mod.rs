//! Parquet files: what the reader of rows and the writer share.

mod batch;
mod check;
mod chunk_layout;
mod compact;
mod content;
mod copy;
mod decompress;
mod delta;
mod file_bytes;
mod footer;
mod footer_fields;
mod guarded;
mod key_values;
mod levels;
mod limits;
mod nesting;
mod page_header;
mod pages;

use std::path::Path;
use std::sync::Arc;

use parquet::basic::{ConvertedType, Repetition, Type as PhysicalType};
use parquet::bloom_filter::Sbbf;
use parquet::column::page::PageReader;
use parquet::file::metadata::{KeyValue, ParquetMetaData, ParquetMetaDataReader, RowGroupMetaData};
use parquet::file::reader::{Length, RowGroupReader};
use parquet::record::reader::RowIter;
use parquet::schema::types::{Type, TypePtr};

pub(crate) use check::ColumnCheck;
pub(crate) use copy::{RepeatedRows, copy_column};
#[cfg(test)]
pub(crate) use file_bytes::BYTES_READ;
use file_bytes::FileBytes;
pub(crate) use guarded::guarded;
pub(crate) use key_values::key_values_with;
pub(crate) use limits::MAX_ROW_BYTES;
use limits::{MAX_PAGE_VALUES, ReadLimits};
use pages::DecompressedPages;

use crate::error::{ParquetFailure, TableError};

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
        let metadata = metadata.and_then(|metadata| check_rows(metadata, bytes.len()));
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

    /// The number of rows.
    pub(crate) fn rows(&self) -> u64 {
        self.metadata.row_groups().iter().map(|group| group.num_rows().unsigned_abs()).sum()
    }

    /// A column whose pages have a compression that is not supported, and its name.
    pub(crate) fn unsupported_compression(&self, is_read: impl Fn(&str) -> bool) -> Option<(String, &'static str)> {
        let columns = self.metadata.row_groups().iter().flat_map(RowGroupMetaData::columns);
        let read = columns.filter_map(|column| Some((column.column_path().parts().first()?, column.compression())));
        let mut read = read.filter(|(name, _)| is_read(name));
        read.find_map(|(name, compression)| Some((name.clone(), decompress::unsupported_name(compression)?)))
    }

    /// The row group at `index`, if there is one.
    pub(crate) fn group(self: &Arc<Self>, index: usize) -> Option<RowGroup> {
        (index < self.metadata.num_row_groups()).then(|| RowGroup { file: Arc::clone(self), index })
    }
}

/// The fewest bytes of a page with its header.
const MIN_PAGE_BYTES: u64 = 16;

/// Refuses a file that claims more rows than its pages can have: they are counted and skipped without reading the pages.
fn check_rows(metadata: ParquetMetaData, file_bytes: u64) -> Result<ParquetMetaData, ParquetFailure> {
    let most = (file_bytes / MIN_PAGE_BYTES).saturating_mul(MAX_PAGE_VALUES.into());
    let rows = metadata.row_groups().iter().map(|group| u64::try_from(group.num_rows()).ok());
    let rows = rows.reduce(|sum, rows| sum?.checked_add(rows?)).unwrap_or(Some(0));
    match rows.is_some_and(|rows| rows <= most) {
        true => Ok(metadata),
        false => Err(ParquetFailure::Library("its number of rows is damaged".into())),
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
        let bytes = columns.map(|column| u64::try_from(column.compressed_size()).unwrap_or(0));
        bytes.fold(0, u64::saturating_add)
    }

    pub(crate) fn file(&self) -> &Arc<ParquetFile> {
        &self.file
    }

    /// Whether both are the same row group of the same open file.
    pub(crate) fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.file, &other.file) && self.index == other.index
    }
}

/// The columns of a row group, each on its own.
impl RowGroupReader for RowGroup {
    fn metadata(&self) -> &RowGroupMetaData {
        self.file.metadata.row_group(self.index)
    }

    fn num_columns(&self) -> usize {
        self.metadata().num_columns()
    }

    fn get_column_page_reader(&self, column: usize) -> parquet::errors::Result<Box<dyn PageReader>> {
        self.columns_together().get_column_page_reader(column)
    }

    fn get_column_bloom_filter(&self, _column: usize) -> Option<&Sbbf> {
        None
    }

    fn get_row_iter(&self, projection: Option<Type>) -> parquet::errors::Result<RowIter<'_>> {
        RowIter::from_row_group(projection, self)
    }
}

/// Columns of a row group that are read together: what is in memory of all of them is bounded.
pub(crate) struct ColumnsTogether<'a> {
    group: &'a RowGroup,
    limits: Arc<ReadLimits>,
}

impl RowGroup {
    pub(crate) fn columns_together(&self) -> ColumnsTogether<'_> {
        // A footer can say anything.
        let bytes = self.bytes().min(self.file.bytes.len());
        ColumnsTogether { group: self, limits: ReadLimits::new(bytes) }
    }
}

impl RowGroupReader for ColumnsTogether<'_> {
    fn metadata(&self) -> &RowGroupMetaData {
        self.group.metadata()
    }

    fn num_columns(&self) -> usize {
        self.group.num_columns()
    }

    fn get_column_page_reader(&self, column: usize) -> parquet::errors::Result<Box<dyn PageReader>> {
        let pages = DecompressedPages::new(&self.group.file.bytes, self.metadata().column(column), &self.limits);
        Ok(Box::new(pages?))
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
