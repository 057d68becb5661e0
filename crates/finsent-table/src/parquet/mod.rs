//! Parquet files: what their reader of rows and their writer share.

mod copy;
mod footer;
mod json;
mod notes;
mod pages;
mod source;

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Result, anyhow};
use parquet::basic::{ConvertedType, Repetition, Type as PhysicalType};
use parquet::bloom_filter::Sbbf;
use parquet::column::page::PageReader;
use parquet::errors::ParquetError;
use parquet::file::metadata::{KeyValue, ParquetMetaData, ParquetMetaDataReader, RowGroupMetaData};
use parquet::file::reader::RowGroupReader;
use parquet::record::reader::RowIter;
use parquet::schema::types::{Type, TypePtr};

pub(crate) use copy::{Lines, copy_column};
pub(crate) use json::to_field;
pub(crate) use notes::key_values_with;
use pages::Unpacked;
use source::Source;

use finsent_model::catch_panic;

/// An open file: its footer is read, and no row.
pub struct Table {
    name: String,
    source: Arc<Source>,
    metadata: ParquetMetaData,
}

impl Table {
    /// Opens a file.
    ///
    /// # Errors
    /// When it cannot be read, or is no Parquet file, or an encrypted one.
    pub fn open(path: &Path) -> Result<Arc<Self>> {
        let name = path.display().to_string();
        let source = Source::open(path).with_context(|| format!("cannot read `{name}`"))?;
        let metadata = careful(|| {
            footer::check(&source)?;
            ParquetMetaDataReader::new().parse_and_finish(&source)
        });
        let metadata = metadata.with_context(|| format!("`{name}` is no Parquet file, or is not complete"))?;
        Ok(Arc::new(Self { name, source: Arc::new(source), metadata }))
    }

    /// Its path.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The type of a row: a group of its columns.
    pub fn row_type(&self) -> &Type {
        self.metadata.file_metadata().schema()
    }

    /// The columns, which may hold lists and groups.
    pub fn columns(&self) -> &[TypePtr] {
        self.row_type().get_fields()
    }

    /// What its writer noted beside the schema.
    pub fn key_values(&self) -> &[KeyValue] {
        self.metadata.file_metadata().key_value_metadata().map_or(&[], Vec::as_slice)
    }

    /// The row group at `index`, if there are so many.
    pub fn group(self: &Arc<Self>, index: usize) -> Option<Group> {
        (index < self.metadata.num_row_groups()).then(|| Group { table: Arc::clone(self), index })
    }

    /// The row groups.
    pub fn groups(self: &Arc<Self>) -> impl Iterator<Item = Group> {
        (0..).map_while(|index| self.group(index))
    }
}

/// A row group of a table.
#[derive(Clone)]
pub struct Group {
    table: Arc<Table>,
    index: usize,
}

impl Group {
    /// The number of its rows.
    pub fn rows(&self) -> usize {
        usize::try_from(self.metadata().num_rows()).unwrap_or(0)
    }

    /// Bytes in the file, all columns together.
    pub fn bytes(&self) -> u64 {
        let columns = self.metadata().columns().iter();
        columns.map(|column| u64::try_from(column.compressed_size()).unwrap_or(0)).sum()
    }

    pub fn table(&self) -> &Arc<Table> {
        &self.table
    }

    /// Whether this is that row group of that file.
    pub fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.table, &other.table) && self.index == other.index
    }
}

impl RowGroupReader for Group {
    fn metadata(&self) -> &RowGroupMetaData {
        self.table.metadata.row_group(self.index)
    }

    fn num_columns(&self) -> usize {
        self.metadata().num_columns()
    }

    fn get_column_page_reader(&self, column: usize) -> parquet::errors::Result<Box<dyn PageReader>> {
        Ok(Box::new(Unpacked::new(&self.table.source, self.metadata().column(column), self.rows())?))
    }

    fn get_column_bloom_filter(&self, _column: usize) -> Option<&Sbbf> {
        None
    }

    fn get_row_iter(&self, projection: Option<Type>) -> parquet::errors::Result<RowIter<'_>> {
        RowIter::from_row_group(projection, self)
    }
}

/// Whether a column holds strings, one a row.
pub(crate) fn holds_strings(column: &Type) -> bool {
    let of_strings = [ConvertedType::UTF8, ConvertedType::ENUM];
    holds_bytes(column) && of_strings.contains(&column.get_basic_info().converted_type())
}

/// Whether a column holds strings or bytes, one a row.
pub(crate) fn holds_bytes(column: &Type) -> bool {
    column.is_primitive()
        && column.get_physical_type() == PhysicalType::BYTE_ARRAY
        && column.get_basic_info().repetition() != Repetition::REPEATED
}

/// What `work` on a file gives. The library panics on some files that are damaged: that is an error, too.
pub(crate) fn careful<T>(work: impl FnOnce() -> parquet::errors::Result<T>) -> Result<T> {
    match catch_panic(work) {
        Ok(Ok(done)) => Ok(done),
        // A write may have failed: its own words are better than the library's about them.
        Ok(Err(ParquetError::External(error))) => Err(anyhow!(error)),
        Ok(Err(error)) => Err(error.into()),
        Err(words) => Err(anyhow!("the library for Parquet gave up: {words}")),
    }
}
