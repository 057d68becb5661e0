//! The columns of CSV and JSON Lines files, which have no types, as typed columns of a Parquet file.

use std::io::Write;
use std::sync::Arc;

use parquet::file::writer::SerializedRowGroupWriter;
use parquet::schema::types::TypePtr;

use super::column::{Cell, ParquetColumn};
use crate::column_names::ColumnPlaces;
use crate::error::ParquetFailure;
use crate::item_error::ItemError;
use crate::row::{Field, Row};

/// The largest integer up to which all are doubles without loss.
const MAX_EXACT: i64 = 1 << f64::MANTISSA_DIGITS;

/// The type of a column's fields.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum FieldType {
    Text,
    Integer,
    Number,
    Flag,
    /// Any JSON, as it came.
    Json,
}

/// The columns of the input.
pub(super) struct FieldColumns {
    places: ColumnPlaces,
    /// A column for each place.
    columns: Vec<FieldColumn>,
}

struct FieldColumn {
    /// Settled when the first rows are written.
    field_type: Option<FieldType>,
    fields: Vec<Option<Field>>,
}

impl FieldColumns {
    pub(super) fn new(names: &[Arc<str>]) -> Self {
        let columns = names.iter().map(|_| FieldColumn { field_type: None, fields: Vec::new() }).collect();
        Self { places: ColumnPlaces::of(names), columns }
    }

    /// The number of columns.
    pub(super) fn len(&self) -> usize {
        self.columns.len()
    }

    /// Refuses a row with a field that has no column, or another type than its column.
    pub(super) fn check(&self, row: &Row) -> Result<(), ItemError> {
        for (likely, (name, field)) in row.fields.iter().enumerate() {
            let place = self.places.find(name, likely).ok_or_else(|| ItemError::NoColumn(name.clone()))?;
            let settled = self.columns[place].field_type;
            if let Some(field_type) = settled.filter(|field_type| !field_type.holds(field)) {
                return Err(ItemError::OtherType { field: name.clone(), expected: field_type.description() });
            }
        }
        Ok(())
    }

    /// Takes the fields of a row. Those that [`FieldColumns::check`] refuses become null.
    pub(super) fn push(&mut self, row: &Row) {
        let fields = self.places.arrange(&row.fields);
        for (FieldColumn { field_type, fields }, field) in self.columns.iter_mut().zip(fields) {
            fields.push(field.filter(|field| field_type.is_none_or(|settled| settled.holds(field))).cloned());
        }
    }

    /// Settles the types of the columns by the rows so far, and returns the schema.
    pub(super) fn settle(&mut self) -> Result<Vec<TypePtr>, ParquetFailure> {
        let settle = |(column, name): (&mut FieldColumn, &Arc<str>)| {
            let narrowest = FieldType::of(column.fields.iter().flatten());
            column.field_type.get_or_insert(narrowest).column().schema(name)
        };
        self.columns.iter_mut().zip(self.places.names()).map(settle).collect()
    }

    /// Writes the rows so far as the next columns of a row group.
    pub(super) fn write<W: Write + Send>(
        &mut self,
        to: &mut SerializedRowGroupWriter<'_, W>,
    ) -> Result<(), ParquetFailure> {
        for FieldColumn { field_type, fields } in &mut self.columns {
            let field_type = field_type.unwrap_or(FieldType::Json);
            let mut column = field_type.column();
            for field in fields.drain(..) {
                match field.filter(|field| !field.is_null()) {
                    Some(field) => field_type.push(&field, &mut column)?,
                    None => column.push(Cell::Null)?,
                }
            }
            column.write(to)?;
        }
        Ok(())
    }
}

impl FieldType {
    /// The narrowest type that holds all of the fields without loss.
    fn of<'a>(fields: impl Iterator<Item = &'a Field> + Clone) -> Self {
        let mut types = [Self::Text, Self::Flag, Self::Integer, Self::Number].into_iter();
        let has_values = fields.clone().any(|field| !field.is_null());
        types.find(|narrow| has_values && fields.clone().all(|field| narrow.holds(field))).unwrap_or(Self::Json)
    }

    fn holds(self, field: &Field) -> bool {
        let Field::Json(json) = field else { return matches!(self, Self::Text | Self::Json) };
        let json = json.get();
        match self {
            _ if field.is_null() => true,
            Self::Text => serde_json::from_str::<String>(json).is_ok(),
            Self::Integer => json.parse::<i64>().is_ok(),
            Self::Number => match json.parse::<i64>() {
                Ok(integer) => (-MAX_EXACT..=MAX_EXACT).contains(&integer),
                Err(_) => json.contains(['.', 'e', 'E']) && serde_json::from_str::<f64>(json).is_ok(),
            },
            Self::Flag => matches!(json, "true" | "false"),
            Self::Json => true,
        }
    }

    fn description(self) -> &'static str {
        match self {
            Self::Text => "a string",
            Self::Integer => "a 64-bit integer",
            Self::Number => "a number in double precision",
            Self::Flag => "true or false",
            Self::Json => "JSON",
        }
    }

    fn column(self) -> ParquetColumn {
        match self {
            Self::Text => ParquetColumn::texts(),
            Self::Integer => ParquetColumn::integers(),
            Self::Number => ParquetColumn::doubles(),
            Self::Flag => ParquetColumn::flags(),
            Self::Json => ParquetColumn::json(),
        }
    }

    /// Appends a field that is of this type, and is not null.
    fn push(self, field: &Field, to: &mut ParquetColumn) -> Result<(), ParquetFailure> {
        match (self, field) {
            (Self::Text, Field::Text(text)) => to.push(Cell::Text(text)),
            (_, Field::Text(text)) => to.push(Cell::Text(&serde_json::Value::from(text.as_str()).to_string())),
            (Self::Text, Field::Json(json)) => to.push(Cell::Text(&parse::<String>(json.get())?)),
            (Self::Integer, Field::Json(json)) => to.push(Cell::Integer(parse(json.get())?)),
            (Self::Number, Field::Json(json)) => to.push(Cell::Double(parse(json.get())?)),
            (Self::Flag, Field::Json(json)) => to.push(Cell::Flag(parse(json.get())?)),
            (Self::Json, Field::Json(json)) => to.push(Cell::Text(json.get())),
        }
    }
}

fn parse<'a, T: serde::Deserialize<'a>>(json: &'a str) -> Result<T, ParquetFailure> {
    serde_json::from_str(json).map_err(|error| ParquetFailure::Library(error.to_string()))
}

#[cfg(test)]
mod tests {
    use serde_json::value::RawValue;

    use super::*;

    fn field_type(values: &[&str]) -> FieldType {
        let fields: Vec<Field> =
            values.iter().map(|json| Field::Json(RawValue::from_string((*json).into()).unwrap())).collect();
        FieldType::of(fields.iter())
    }

    #[test]
    fn the_type_is_the_narrowest_that_loses_nothing() {
        assert_eq!(field_type(&[r#""a""#, "null"]), FieldType::Text);
        assert_eq!(field_type(&["1", "-2"]), FieldType::Integer);
        assert_eq!(field_type(&["1", "2.5", "1e3"]), FieldType::Number);
        assert_eq!(field_type(&["true", "null", "false"]), FieldType::Flag);
        for mixed in
            [&["1", r#""1""#][..], &["[1]"], &["null"], &["18446744073709551615"], &["9007199254740993", "0.5"], &[]]
        {
            assert_eq!(field_type(mixed), FieldType::Json, "{mixed:?}");
        }
        // Half of a surrogate pair is not a string.
        assert_eq!(field_type(&[r#""\ud83d""#]), FieldType::Json);
    }

    #[test]
    fn cells_of_csv_are_strings() {
        assert_eq!(FieldType::of([Field::Text("1".into()), Field::Text(String::new())].iter()), FieldType::Text);
    }
}
