//! Columns of a Parquet file that finsent fills itself.

use std::io::Write;
use std::mem;

use anyhow::{Context, Result};
use parquet::basic::{LogicalType, Repetition, Type as PhysicalType};
use parquet::data_type::{BoolType, ByteArray, ByteArrayType, DataType, DoubleType, FloatType, Int64Type};
use parquet::file::writer::SerializedRowGroupWriter;
use parquet::schema::types::{Type, TypePtr};

use crate::output::record::{Kind, Value};
use crate::parquet::careful;

/// Different texts of a column that stand in memory once: the labels, of which there are few.
const SHARED_TEXTS: usize = 8;

/// The values of a column that are to be written, any of which may be null.
pub enum Column {
    Text { texts: Nullable<ByteArrayType>, shared: Vec<ByteArray>, logical: LogicalType },
    Number(Nullable<FloatType>),
    Double(Nullable<DoubleType>),
    Integer(Nullable<Int64Type>),
    Flag(Nullable<BoolType>),
}

impl Column {
    pub fn texts() -> Self {
        Self::Text { texts: Nullable::default(), shared: Vec::new(), logical: LogicalType::String }
    }

    /// Texts that are JSON.
    pub fn json() -> Self {
        Self::Text { texts: Nullable::default(), shared: Vec::new(), logical: LogicalType::Json }
    }

    pub fn doubles() -> Self {
        Self::Double(Nullable::default())
    }

    pub fn integers() -> Self {
        Self::Integer(Nullable::default())
    }

    pub fn flags() -> Self {
        Self::Flag(Nullable::default())
    }

    /// The column of a prediction's values.
    pub fn of(kind: Kind) -> Self {
        match kind {
            Kind::Text => Self::texts(),
            Kind::Number => Self::Number(Nullable::default()),
            Kind::Count => Self::integers(),
            Kind::Flag => Self::flags(),
        }
    }

    /// Its type under a name.
    pub fn of_name(&self, name: &str) -> Result<TypePtr> {
        let (physical, logical) = match self {
            Self::Text { logical, .. } => (PhysicalType::BYTE_ARRAY, Some(logical.clone())),
            Self::Number(_) => (PhysicalType::FLOAT, None),
            Self::Double(_) => (PhysicalType::DOUBLE, None),
            Self::Integer(_) => (PhysicalType::INT64, None),
            Self::Flag(_) => (PhysicalType::BOOLEAN, None),
        };
        let builder = Type::primitive_type_builder(name, physical).with_repetition(Repetition::OPTIONAL);
        Ok(careful(|| builder.with_logical_type(logical).build())?.into())
    }

    /// Bytes that a text of it takes in memory are counted by the caller.
    pub fn push_text(&mut self, text: &str) {
        let Self::Text { texts, shared, .. } = self else { unreachable!("a text goes into a column of texts") };
        let known = shared.iter().find(|known| known.data() == text.as_bytes()).cloned();
        let text = known.unwrap_or_else(|| {
            let text = ByteArray::from(text);
            if shared.len() < SHARED_TEXTS {
                shared.push(text.clone());
            }
            text
        });
        texts.push(text);
    }

    pub fn push_double(&mut self, number: f64) {
        let Self::Double(numbers) = self else { unreachable!("a number goes into a column of numbers") };
        numbers.push(number);
    }

    pub fn push_integer(&mut self, number: i64) {
        let Self::Integer(numbers) = self else { unreachable!("an integer goes into a column of integers") };
        numbers.push(number);
    }

    pub fn push_flag(&mut self, flag: bool) {
        let Self::Flag(flags) = self else { unreachable!("a flag goes into a column of flags") };
        flags.push(flag);
    }

    pub fn push_null(&mut self) {
        match self {
            Self::Text { texts, .. } => texts.push_null(),
            Self::Number(numbers) => numbers.push_null(),
            Self::Double(numbers) => numbers.push_null(),
            Self::Integer(numbers) => numbers.push_null(),
            Self::Flag(flags) => flags.push_null(),
        }
    }

    /// Appends what a value of a prediction is in cells to the next columns.
    pub fn push_value<'a>(columns: &mut impl Iterator<Item = &'a mut Self>, value: Value<'_>) {
        let mut next = || columns.next().expect("each cell of a prediction has a column");
        match value {
            Value::Text(text) => next().push_text(text),
            Value::Number(number) => next().push_number(number),
            Value::Count(count) => next().push_integer(count as i64),
            Value::Flag(flag) => next().push_flag(flag),
            Value::Scores(prediction) => {
                prediction.scores().for_each(|(_, probability)| next().push_number(probability))
            }
            Value::Sentences(sentences) => next().push_integer(sentences.len() as i64),
        }
    }

    fn push_number(&mut self, number: f32) {
        let Self::Number(numbers) = self else { unreachable!("a number goes into a column of numbers") };
        numbers.push(number);
    }

    /// Writes the values as the next column of a row group, and has none any more.
    pub fn write<W: Write + Send>(&mut self, to: &mut SerializedRowGroupWriter<'_, W>) -> Result<()> {
        match self {
            Self::Text { texts, .. } => texts.write(to),
            Self::Number(numbers) => numbers.write(to),
            Self::Double(numbers) => numbers.write(to),
            Self::Integer(numbers) => numbers.write(to),
            Self::Flag(flags) => flags.write(to),
        }
    }
}

/// Values of a type: for each row whether there is one, and those that there are.
pub struct Nullable<T: DataType> {
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

    fn write<W: Write + Send>(&mut self, to: &mut SerializedRowGroupWriter<'_, W>) -> Result<()> {
        let Self { levels, values } = mem::take(self);
        let mut column = careful(|| to.next_column())?.context("the file has fewer columns")?;
        careful(|| column.typed::<T>().write_batch(&values, Some(&levels), None))?;
        careful(|| column.close())
    }
}
