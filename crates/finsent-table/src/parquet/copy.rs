//! Copying columns from one file to another.

use std::io::Write;

use parquet::basic::Type as PhysicalType;
use parquet::column::reader::{ColumnReaderImpl, get_typed_column_reader};
use parquet::column::writer::ColumnCloseResult;
use parquet::data_type::{
    BoolType, ByteArrayType, DataType, DoubleType, FixedLenByteArrayType, FloatType, Int32Type, Int64Type, Int96Type,
};
use parquet::file::reader::RowGroupReader;
use parquet::file::writer::SerializedRowGroupWriter;

use super::batch::Batch;
use super::check::ColumnCheck;
use super::{RowGroup, guarded};
use crate::error::ParquetFailure;

/// Consecutive rows of a group, and how often the output has each of them.
pub(crate) struct RepeatedRows<'a> {
    /// Rows of the group before these.
    pub(crate) before: usize,
    /// For each row, how often the output has it.
    pub(crate) times: &'a [usize],
}

impl RepeatedRows<'_> {
    /// Whether they are all rows of the group, once each.
    fn are_all_of(&self, group: &RowGroup) -> bool {
        self.before == 0 && self.times.len() == group.rows() && self.times.iter().all(|&times| times == 1)
    }
}

/// Copies the primitive column at `column` of `group` to the end of a row group that is being written: compressed as it is
/// if all of it is wanted, else value by value. Its pages are checked in both cases.
///
/// # Errors
/// If it is damaged, cannot be read or written, or does not hold as many rows as the group.
pub(crate) fn copy_column<W: Write + Send>(
    group: &RowGroup,
    column: usize,
    rows: &RepeatedRows<'_>,
    check: &mut ColumnCheck,
    to: &mut SerializedRowGroupWriter<'_, W>,
) -> Result<(), ParquetFailure> {
    if rows.are_all_of(group) {
        return copy_whole(group, column, check, to);
    }
    let copy = match group.metadata().column(column).column_type() {
        PhysicalType::BOOLEAN => copy_values::<BoolType, W>,
        PhysicalType::INT32 => copy_values::<Int32Type, W>,
        PhysicalType::INT64 => copy_values::<Int64Type, W>,
        PhysicalType::INT96 => copy_values::<Int96Type, W>,
        PhysicalType::FLOAT => copy_values::<FloatType, W>,
        PhysicalType::DOUBLE => copy_values::<DoubleType, W>,
        PhysicalType::BYTE_ARRAY => copy_values::<ByteArrayType, W>,
        PhysicalType::FIXED_LEN_BYTE_ARRAY => copy_values::<FixedLenByteArrayType, W>,
    };
    copy(group, column, rows, to)
}

fn copy_whole<W: Write + Send>(
    group: &RowGroup,
    column: usize,
    check: &mut ColumnCheck,
    to: &mut SerializedRowGroupWriter<'_, W>,
) -> Result<(), ParquetFailure> {
    let metadata = check.check(group, column)?;
    let close = ColumnCloseResult {
        bytes_written: u64::try_from(metadata.compressed_size())
            .map_err(|_| invalid("the size of a column is negative"))?,
        rows_written: group.rows() as u64,
        metadata,
        bloom_filter: None,
        column_index: None,
        offset_index: None,
    };
    guarded(|| to.append_column(&*group.file.bytes, close))
}

fn copy_values<T: DataType, W: Write + Send>(
    group: &RowGroup,
    column: usize,
    rows: &RepeatedRows<'_>,
    to: &mut SerializedRowGroupWriter<'_, W>,
) -> Result<(), ParquetFailure> {
    let mut from: ColumnReaderImpl<T> = get_typed_column_reader(guarded(|| group.get_column_reader(column))?);
    let Some(mut column_writer) = guarded(|| to.next_column())? else {
        return Err(invalid("the output has fewer columns"));
    };
    if guarded(|| from.skip_records(rows.before))? < rows.before {
        return Err(invalid("a column is shorter than its row group"));
    }
    let records = Batch::<T>::of(group.metadata().column(column).column_descr());
    for times in rows.times.chunks(records.at_once()) {
        records.read(&mut from, times.len())?.write_repeated(times, &mut column_writer)?;
    }
    guarded(|| column_writer.close())
}

fn invalid(message: &str) -> ParquetFailure {
    ParquetFailure::Library(message.to_owned())
}
