//! Checks columns whose pages are copied as they are: damage in them would make an output that nobody can read.

use parquet::basic::Type as PhysicalType;
use parquet::column::reader::{ColumnReaderImpl, get_typed_column_reader};
use parquet::data_type::{
    BoolType, ByteArrayType, DataType, DoubleType, FixedLenByteArrayType, FloatType, Int32Type, Int64Type, Int96Type,
};
use parquet::file::metadata::{ColumnChunkMetaData, LevelHistogram};
use parquet::file::reader::RowGroupReader;

use super::batch::Batch;
use super::chunk_layout::ChunkLayout;
use super::nesting::{Nesting, Parents};
use super::{RowGroup, guarded};
use crate::error::ParquetFailure;

/// The check of a row group's columns, one after the other.
#[derive(Debug, Default)]
pub(crate) struct ColumnCheck {
    nesting: Nesting,
}

impl ColumnCheck {
    /// Checks the headers and checksums of a column's pages, decompresses them, and decodes all levels and values: as many as
    /// the group has rows, in the dictionary, and UTF-8 if they are strings. Returns what a reader has to know of the column,
    /// with the offsets that its pages have.
    ///
    /// # Errors
    /// If the column is damaged.
    pub(super) fn check(&mut self, group: &RowGroup, column: usize) -> Result<ColumnChunkMetaData, ParquetFailure> {
        let metadata = group.metadata().column(column);
        let layout = guarded(|| ChunkLayout::read(&group.file.bytes, metadata))?;
        let decode = match metadata.column_type() {
            PhysicalType::BOOLEAN => decode::<BoolType>,
            PhysicalType::INT32 => decode::<Int32Type>,
            PhysicalType::INT64 => decode::<Int64Type>,
            PhysicalType::INT96 => decode::<Int96Type>,
            PhysicalType::FLOAT => decode::<FloatType>,
            PhysicalType::DOUBLE => decode::<DoubleType>,
            PhysicalType::BYTE_ARRAY => decode::<ByteArrayType>,
            PhysicalType::FIXED_LEN_BYTE_ARRAY => decode::<FixedLenByteArrayType>,
        };
        let mut parents = Parents::of(metadata.column_descr(), group.file.row_type());
        let values = decode(group, column, &mut parents)?;
        if values != layout.values || u64::try_from(metadata.num_values()) != Ok(values) {
            return Err(damaged("a column has another number of values than its pages"));
        }
        if !self.nesting.agrees(parents) {
            return Err(damaged("the columns of a struct disagree"));
        }
        copied(metadata, &layout)
    }
}

/// Decodes a column to its end. Returns how many values it has, nulls included.
fn decode<T: DataType>(group: &RowGroup, column: usize, parents: &mut Parents) -> Result<u64, ParquetFailure> {
    let mut from: ColumnReaderImpl<T> = get_typed_column_reader(guarded(|| group.get_column_reader(column))?);
    let records = Batch::<T>::of(group.metadata().column(column).column_descr());
    let (mut values, mut left) = (0, group.rows());
    while left > 0 {
        let batch = records.read(&mut from, left.min(records.at_once()))?;
        parents.add(batch.levels(), &batch.definition, &batch.repetition);
        values += batch.levels() as u64;
        left -= left.min(records.at_once());
    }
    match records.is_at_end(&mut from)? {
        true => Ok(values),
        false => Err(damaged("a column is longer than its row group")),
    }
}

/// The metadata of a column that is copied: offsets and sizes as its pages have them, and no counts that contradict the schema.
fn copied(metadata: &ColumnChunkMetaData, layout: &ChunkLayout) -> Result<ColumnChunkMetaData, ParquetFailure> {
    let column = metadata.column_descr();
    let of_levels = |counts: Option<&LevelHistogram>, max: i16| {
        counts.filter(|counts| counts.values().len() == max.unsigned_abs() as usize + 1).cloned()
    };
    let repetition = of_levels(metadata.repetition_level_histogram(), column.max_rep_level());
    let definition = of_levels(metadata.definition_level_histogram(), column.max_def_level());
    let is_of_bytes = metadata.column_type() == PhysicalType::BYTE_ARRAY;
    let bytes = metadata.unencoded_byte_array_data_bytes().filter(|&bytes| is_of_bytes && bytes >= 0);
    let offset = |offset: u64| i64::try_from(offset).map_err(|_| damaged("a column is longer than its file"));
    let (data, decompressed) = (offset(layout.data)?, offset(layout.decompressed)?);
    let dictionary = layout.dictionary.map(offset).transpose()?;
    let builder = metadata.clone().into_builder().set_data_page_offset(data).set_dictionary_page_offset(dictionary);
    let builder = builder.set_total_uncompressed_size(decompressed).set_unencoded_byte_array_data_bytes(bytes);
    let builder = builder.set_repetition_level_histogram(repetition).set_definition_level_histogram(definition);
    guarded(|| builder.build())
}

fn damaged(message: &str) -> ParquetFailure {
    ParquetFailure::Library(message.to_owned())
}
