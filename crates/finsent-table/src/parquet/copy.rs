//! Copying columns from one file to another.

use std::io::Write;
use std::ops::Range;

use parquet::basic::Type as PhysicalType;
use parquet::column::reader::{ColumnReaderImpl, get_typed_column_reader};
use parquet::column::writer::ColumnCloseResult;
use parquet::data_type::{
    BoolType, ByteArrayType, DataType, DoubleType, FixedLenByteArrayType, FloatType, Int32Type, Int64Type, Int96Type,
};
use parquet::file::reader::RowGroupReader;
use parquet::file::writer::{SerializedColumnWriter, SerializedRowGroupWriter};
use parquet::schema::types::ColumnDescriptor;

use super::{RowGroup, guarded};
use crate::error::ParquetFailure;

/// Rows that are copied at once.
const BATCH_ROWS: usize = 1024;

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
/// if all of it is wanted, else value by value.
///
/// # Errors
/// If it cannot be read or written, or does not hold as many rows as the group.
pub(crate) fn copy_column<W: Write + Send>(
    group: &RowGroup,
    column: usize,
    rows: &RepeatedRows<'_>,
    to: &mut SerializedRowGroupWriter<'_, W>,
) -> Result<(), ParquetFailure> {
    if rows.are_all_of(group) {
        return copy_whole(group, column, to);
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
    to: &mut SerializedRowGroupWriter<'_, W>,
) -> Result<(), ParquetFailure> {
    let metadata = group.metadata().column(column).clone();
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
    let column = Batch::<T>::of(group.metadata().column(column).column_descr());
    for times in rows.times.chunks(BATCH_ROWS) {
        column.read(&mut from, times.len())?.repeated(times).write(&mut column_writer)?;
    }
    guarded(|| column_writer.close())
}

fn invalid(message: &str) -> ParquetFailure {
    ParquetFailure::Library(message.to_owned())
}

/// Records of a column: their levels, and the values that are not null.
struct Batch<T: DataType> {
    max_definition: i16,
    max_repetition: i16,
    definition: Vec<i16>,
    repetition: Vec<i16>,
    values: Vec<T::T>,
}

impl<T: DataType> Batch<T> {
    fn of(column: &ColumnDescriptor) -> Self {
        Self::new(column.max_def_level(), column.max_rep_level())
    }

    /// No records yet.
    fn new(max_definition: i16, max_repetition: i16) -> Self {
        Self { max_definition, max_repetition, definition: Vec::new(), repetition: Vec::new(), values: Vec::new() }
    }

    fn empty(&self) -> Self {
        Self::new(self.max_definition, self.max_repetition)
    }

    /// Reads the next records.
    fn read(&self, from: &mut ColumnReaderImpl<T>, records: usize) -> Result<Self, ParquetFailure> {
        let mut batch = self.empty();
        let Self { definition, repetition, values, .. } = &mut batch;
        let definition = (self.max_definition > 0).then_some(definition);
        let repetition = (self.max_repetition > 0).then_some(repetition);
        let (read, ..) = guarded(|| from.read_records(records, definition, repetition, values))?;
        if read < records {
            return Err(invalid("a column is shorter than its row group"));
        }
        Ok(batch)
    }

    /// The records, each as often as `times` says.
    fn repeated(&self, times: &[usize]) -> Self {
        let mut repeated = self.empty();
        let (mut level, mut value) = (0, 0);
        for &times in times {
            let levels = level..self.end_of_record(level);
            let values = value..value + self.values_of(levels.clone());
            for _ in 0..times {
                repeated.definition.extend(self.definition.get(levels.clone()).unwrap_or_default());
                repeated.repetition.extend(self.repetition.get(levels.clone()).unwrap_or_default());
                repeated.values.extend_from_slice(&self.values[values.clone()]);
            }
            (level, value) = (levels.end, values.end);
        }
        repeated
    }

    /// The end of the record whose levels start at `start`: the next repetition level that is 0.
    fn end_of_record(&self, start: usize) -> usize {
        let rest = self.repetition.iter().enumerate().skip(start + 1);
        let next = rest.into_iter().find(|(_, level)| **level == 0).map(|(index, _)| index);
        if self.max_repetition == 0 { start + 1 } else { next.unwrap_or(self.repetition.len()) }
    }

    /// How many of the levels belong to a value, and not to a null or an empty list.
    fn values_of(&self, levels: Range<usize>) -> usize {
        if self.max_definition == 0 {
            return levels.len();
        }
        self.definition[levels].iter().filter(|level| **level == self.max_definition).count()
    }

    fn write(&self, to: &mut SerializedColumnWriter<'_>) -> Result<(), ParquetFailure> {
        let definition = (self.max_definition > 0).then_some(&self.definition[..]);
        let repetition = (self.max_repetition > 0).then_some(&self.repetition[..]);
        guarded(|| to.typed::<T>().write_batch(&self.values, definition, repetition))?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use parquet::schema::parser::parse_message_type;
    use parquet::schema::types::SchemaDescriptor;

    use super::*;

    fn column(of: &str) -> Batch<Int32Type> {
        let schema = parse_message_type(&format!("message row {{ {of} }}")).unwrap();
        Batch::of(&SchemaDescriptor::new(Arc::new(schema)).column(0))
    }

    #[test]
    fn each_required_value_is_a_record() {
        let mut batch = column("required int32 a;");
        batch.values = vec![1, 2, 3];
        assert_eq!(batch.repeated(&[2, 0, 1]).values, [1, 1, 3]);
    }

    #[test]
    fn a_null_is_a_record_without_a_value() {
        let mut batch = column("optional int32 a;");
        (batch.definition, batch.values) = (vec![1, 0, 1], vec![1, 3]);
        let repeated = batch.repeated(&[1, 2, 2]);
        assert_eq!((repeated.definition, repeated.values), (vec![1, 0, 0, 1, 1], vec![1, 3, 3]));
    }

    #[test]
    fn lists_are_repeated_as_a_whole() {
        let list = "optional group a (list) { repeated group list { optional int32 element; } }";
        let mut batch = column(list);
        // [1, null], null, [], [2].
        batch.definition = vec![3, 2, 0, 1, 3];
        batch.repetition = vec![0, 1, 0, 0, 0];
        batch.values = vec![1, 2];
        let repeated = batch.repeated(&[2, 1, 0, 1]);
        assert_eq!(repeated.definition, [3, 2, 3, 2, 0, 3]);
        assert_eq!(repeated.repetition, [0, 1, 0, 1, 0, 0]);
        assert_eq!(repeated.values, [1, 1, 2]);
    }
}
