//! Columns of a Parquet file that finsent fills itself.

use std::io::Write;
use std::mem;

use parquet::basic::{LogicalType, Repetition, Type as PhysicalType};
use parquet::data_type::{BoolType, ByteArray, ByteArrayType, DataType, DoubleType, FloatType, Int64Type};
use parquet::file::writer::SerializedRowGroupWriter;
use parquet::schema::types::{Type, TypePtr};

use crate::error::ParquetFailure;
use crate::output::record::{CellType, RecordValue};
use crate::parquet::guarded;

/// Distinct strings of a column that are kept in memory once: the labels, of which there are few.
const SHARED_STRINGS: usize = 8;

/// A column with the values that are to be written, any of which may be null.
pub struct ParquetColumn {
    logical: Option<LogicalType>,
    values: Values,
}

/// The value of a column in a row.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Cell<'a> {
    /// No value; fits every column.
    Null,
    /// A string, for [`ParquetColumn::texts`].
    Text(&'a str),
    /// A number in single precision.
    Number(f32),
    /// A number in double precision, for [`ParquetColumn::doubles`].
    Double(f64),
    /// An integer, for [`ParquetColumn::integers`].
    Integer(i64),
    /// True or false, for `ParquetColumn::flags`.
    Flag(bool),
}

enum Values {
    Texts { texts: Nullable<ByteArrayType>, shared: Vec<ByteArray> },
    Numbers(Nullable<FloatType>),
    Doubles(Nullable<DoubleType>),
    Integers(Nullable<Int64Type>),
    Flags(Nullable<BoolType>),
}

impl ParquetColumn {
    /// A column of strings.
    pub fn texts() -> Self {
        Self { logical: Some(LogicalType::String), values: Values::texts() }
    }

    /// A column of strings that are JSON.
    pub(super) fn json() -> Self {
        Self { logical: Some(LogicalType::Json), values: Values::texts() }
    }

    /// A column of numbers in double precision.
    pub fn doubles() -> Self {
        Self { logical: None, values: Values::Doubles(Nullable::default()) }
    }

    /// A column of 64-bit integers.
    pub fn integers() -> Self {
        Self { logical: None, values: Values::Integers(Nullable::default()) }
    }

    /// A column of true and false.
    pub(super) fn flags() -> Self {
        Self { logical: None, values: Values::Flags(Nullable::default()) }
    }

    /// A column of a prediction.
    pub(super) fn of(cell_type: CellType) -> Self {
        match cell_type {
            CellType::Text => Self::texts(),
            CellType::Number => Self { logical: None, values: Values::Numbers(Nullable::default()) },
            CellType::Count => Self::integers(),
            CellType::Flag => Self::flags(),
        }
    }

    /// The schema of the column under a name.
    pub(super) fn schema(&self, name: &str) -> Result<TypePtr, ParquetFailure> {
        let physical = match self.values {
            Values::Texts { .. } => PhysicalType::BYTE_ARRAY,
            Values::Numbers(_) => PhysicalType::FLOAT,
            Values::Doubles(_) => PhysicalType::DOUBLE,
            Values::Integers(_) => PhysicalType::INT64,
            Values::Flags(_) => PhysicalType::BOOLEAN,
        };
        let builder = Type::primitive_type_builder(name, physical).with_repetition(Repetition::OPTIONAL);
        Ok(guarded(|| builder.with_logical_type(self.logical.clone()).build())?.into())
    }

    /// Appends a value.
    ///
    /// # Errors
    /// If it is of another type than the column.
    pub fn push(&mut self, cell: Cell<'_>) -> Result<(), ParquetFailure> {
        match (&mut self.values, cell) {
            (values, Cell::Null) => values.push_null(),
            (Values::Texts { texts, shared }, Cell::Text(text)) => texts.push(share(text, shared)),
            (Values::Numbers(numbers), Cell::Number(number)) => numbers.push(number),
            (Values::Doubles(numbers), Cell::Double(number)) => numbers.push(number),
            (Values::Integers(numbers), Cell::Integer(number)) => numbers.push(number),
            (Values::Flags(flags), Cell::Flag(flag)) => flags.push(flag),
            (_, other) => return Err(ParquetFailure::Library(format!("{other:?} is not of its column's type"))),
        }
        Ok(())
    }

    /// Writes the values as the next column of a row group, and removes them.
    pub(super) fn write<W: Write + Send>(
        &mut self,
        to: &mut SerializedRowGroupWriter<'_, W>,
    ) -> Result<(), ParquetFailure> {
        match &mut self.values {
            Values::Texts { texts, .. } => texts.write(to),
            Values::Numbers(numbers) => numbers.write(to),
            Values::Doubles(numbers) => numbers.write(to),
            Values::Integers(numbers) => numbers.write(to),
            Values::Flags(flags) => flags.write(to),
        }
    }
}

impl Values {
    fn texts() -> Self {
        Self::Texts { texts: Nullable::default(), shared: Vec::new() }
    }

    fn push_null(&mut self) {
        match self {
            Self::Texts { texts, .. } => texts.push_null(),
            Self::Numbers(numbers) => numbers.push_null(),
            Self::Doubles(numbers) => numbers.push_null(),
            Self::Integers(numbers) => numbers.push_null(),
            Self::Flags(flags) => flags.push_null(),
        }
    }
}

/// `text`, in the memory of an equal one if that is among the first.
fn share(text: &str, shared: &mut Vec<ByteArray>) -> ByteArray {
    if let Some(known) = shared.iter().find(|known| known.data() == text.as_bytes()) {
        return known.clone();
    }
    let text = ByteArray::from(text);
    if shared.len() < SHARED_STRINGS {
        shared.push(text.clone());
    }
    text
}

/// A value of a record as cells: the scores are one for each label.
pub(super) fn cells<'a>(value: RecordValue<'a>) -> Vec<Cell<'a>> {
    match value {
        RecordValue::Text(text) => vec![Cell::Text(text)],
        RecordValue::Number(number) => vec![Cell::Number(number)],
        RecordValue::Count(count) => vec![Cell::Integer(count as i64)],
        RecordValue::Flag(flag) => vec![Cell::Flag(flag)],
        RecordValue::Scores(prediction) => {
            prediction.scores().map(|(_, probability)| Cell::Number(probability)).collect()
        }
        RecordValue::Sentences(sentences) => vec![Cell::Integer(sentences.len() as i64)],
    }
}

/// Values of one type: for each row whether it has one, and the values.
struct Nullable<T: DataType> {
    levels: Vec<i16>,
    values: Vec<T::T>,
}

impl<T: DataType> Default for Nullable<T> {
    fn default() -> Self {
        Self { levels: Vec::new(), values: Vec::new() }
    }
}

impl<T: DataType> Nullable<T> {
    fn push(&mut self, value: T::T) {
        self.levels.push(1);
        self.values.push(value);
    }

    fn push_null(&mut self) {
        self.levels.push(0);
    }

    fn write<W: Write + Send>(&mut self, to: &mut SerializedRowGroupWriter<'_, W>) -> Result<(), ParquetFailure> {
        let Self { levels, values } = mem::take(self);
        let column = guarded(|| to.next_column())?;
        let mut column = column.ok_or_else(|| ParquetFailure::Library("the schema has fewer columns".into()))?;
        guarded(|| column.typed::<T>().write_batch(&values, Some(&levels), None))?;
        guarded(|| column.close())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_of_another_type_is_refused_and_null_fits_everywhere() {
        let mut column = ParquetColumn::integers();
        column.push(Cell::Integer(1)).unwrap();
        column.push(Cell::Null).unwrap();
        assert!(column.push(Cell::Text("1")).is_err());
        assert!(matches!(column.values, Values::Integers(Nullable { levels, .. }) if levels == [1, 0]));
    }

    #[test]
    fn equal_strings_share_their_memory() {
        let mut shared = Vec::new();
        let [first, second] = [share("positive", &mut shared), share("positive", &mut shared)];
        assert_eq!(first.data().as_ptr(), second.data().as_ptr());
        for number in 0..100 {
            share(&number.to_string(), &mut shared);
        }
        assert_eq!(shared.len(), SHARED_STRINGS);
    }
}
