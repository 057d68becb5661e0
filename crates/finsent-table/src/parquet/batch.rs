//! Records of a column, read and written as a whole.

use std::ops::Range;

use parquet::basic::{ConvertedType, LogicalType};
use parquet::column::reader::ColumnReaderImpl;
use parquet::data_type::{AsBytes, DataType};
use parquet::file::writer::SerializedColumnWriter;
use parquet::schema::types::ColumnDescriptor;

use super::guarded::guarded;
use crate::error::ParquetFailure;

/// Rows that are read at once, if each has one value. A row of lists may be large, so it is read alone.
const BATCH_ROWS: usize = 1024;

/// Records of a column: their levels, and the values that are not null.
pub(super) struct Batch<T: DataType> {
    max_definition: i16,
    max_repetition: i16,
    /// Whether its values are strings, which have to be UTF-8.
    is_text: bool,
    pub(super) definition: Vec<i16>,
    pub(super) repetition: Vec<i16>,
    pub(super) values: Vec<T::T>,
}

impl<T: DataType> Batch<T> {
    /// No records yet.
    pub(super) fn of(column: &ColumnDescriptor) -> Self {
        Self {
            max_definition: column.max_def_level(),
            max_repetition: column.max_rep_level(),
            is_text: holds_text(column),
            definition: Vec::new(),
            repetition: Vec::new(),
            values: Vec::new(),
        }
    }

    fn empty(&self) -> Self {
        let Self { max_definition, max_repetition, is_text, .. } = *self;
        let (definition, repetition, values) = (Vec::new(), Vec::new(), Vec::new());
        Self { max_definition, max_repetition, is_text, definition, repetition, values }
    }

    /// How many records are to be read at once.
    pub(super) fn at_once(&self) -> usize {
        if self.max_repetition > 0 { 1 } else { BATCH_ROWS }
    }

    /// The number of levels, or of values if there are none.
    pub(super) fn levels(&self) -> usize {
        if self.max_definition > 0 { self.definition.len() } else { self.values.len() }
    }

    /// Reads the next records, and checks them.
    pub(super) fn read(&self, from: &mut ColumnReaderImpl<T>, records: usize) -> Result<Self, ParquetFailure> {
        let (batch, read) = self.read_most(from, records)?;
        if read < records {
            return Err(invalid("a column is shorter than its row group"));
        }
        batch.check()?;
        Ok(batch)
    }

    /// Whether no records are left.
    pub(super) fn is_at_end(&self, from: &mut ColumnReaderImpl<T>) -> Result<bool, ParquetFailure> {
        let (batch, read) = self.read_most(from, 1)?;
        Ok(read == 0 && batch.levels() == 0)
    }

    fn read_most(&self, from: &mut ColumnReaderImpl<T>, most: usize) -> Result<(Self, usize), ParquetFailure> {
        let mut batch = self.empty();
        let Self { definition, repetition, values, .. } = &mut batch;
        let definition = (self.max_definition > 0).then_some(definition);
        let repetition = (self.max_repetition > 0).then_some(repetition);
        let (read, ..) = guarded(|| from.read_records(most, definition, repetition, values))?;
        Ok((batch, read))
    }

    /// Checks what the library does not, and other readers rely on.
    fn check(&self) -> Result<(), ParquetFailure> {
        let is_beyond = |levels: &[i16], max| levels.iter().any(|level| !(0..=max).contains(level));
        let begins_inside = self.repetition.first().is_some_and(|&level| level != 0);
        if begins_inside
            || is_beyond(&self.definition, self.max_definition)
            || is_beyond(&self.repetition, self.max_repetition)
        {
            return Err(invalid("the levels of a page are damaged"));
        }
        if self.is_text && self.values.iter().any(|value| str::from_utf8(value.as_bytes()).is_err()) {
            return Err(invalid("a string is not UTF-8"));
        }
        Ok(())
    }

    /// Writes the records, each as often as `times` says.
    pub(super) fn write_repeated(
        &self,
        times: &[usize],
        to: &mut SerializedColumnWriter<'_>,
    ) -> Result<(), ParquetFailure> {
        match times {
            // The record of a list may be large.
            [times] if self.max_repetition > 0 => (0..*times).try_for_each(|_| self.write(to)),
            times => self.repeated(times).write(to),
        }
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

/// Whether the values of a column are strings.
fn holds_text(column: &ColumnDescriptor) -> bool {
    let of_text = [ConvertedType::UTF8, ConvertedType::ENUM, ConvertedType::JSON];
    let logical = column.logical_type_ref();
    of_text.contains(&column.converted_type())
        || matches!(logical, Some(LogicalType::String | LogicalType::Enum | LogicalType::Json))
}

fn invalid(message: &str) -> ParquetFailure {
    ParquetFailure::Library(message.to_owned())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use parquet::data_type::{ByteArray, ByteArrayType, Int32Type};
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

    #[test]
    fn levels_beyond_the_schema_and_strings_that_are_not_utf8_are_damage() {
        let list = "optional group a (list) { repeated group list { optional int32 element; } }";
        let batch = |definition: &[i16], repetition: &[i16]| {
            let mut batch = column(list);
            (batch.definition, batch.repetition) = (definition.to_vec(), repetition.to_vec());
            batch.check()
        };
        assert!(batch(&[3, 2], &[0, 1]).is_ok());
        assert!(batch(&[4, 2], &[0, 1]).is_err());
        assert!(batch(&[3, 2], &[0, 2]).is_err());
        assert!(batch(&[3, 2], &[1, 1]).is_err());
        let text = |annotation: &str| {
            let schema = parse_message_type(&format!("message row {{ required binary a {annotation}; }}")).unwrap();
            let mut batch = Batch::<ByteArrayType>::of(&SchemaDescriptor::new(Arc::new(schema)).column(0));
            batch.values = vec![ByteArray::from(vec![0xff])];
            batch.check()
        };
        assert!(text("(utf8)").is_err());
        assert!(text("").is_ok());
    }
}
