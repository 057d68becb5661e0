//! The columns of CSV files and JSON lines, which have no types, as columns of a Parquet file, which has.

use std::io::Write;
use std::sync::Arc;

use anyhow::Result;
use parquet::file::writer::SerializedRowGroupWriter;
use parquet::schema::types::TypePtr;

use super::column::Column;
use crate::input::{Field, ItemError, Row};

/// Integers to this one, and down to its negative, are doubles without a loss.
const MAX_EXACT: i64 = 1 << f64::MANTISSA_DIGITS;

/// What the values of a column are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Text,
    Integer,
    Number,
    Flag,
    /// Any JSON, as it came.
    Json,
}

/// The columns of rows.
pub(super) struct Fields(Vec<FieldColumn>);

struct FieldColumn {
    name: Arc<str>,
    /// Known when the first rows are to be written.
    kind: Option<Kind>,
    fields: Vec<Option<Field>>,
}

impl Fields {
    pub(super) fn new(names: &[Arc<str>]) -> Self {
        Self(names.iter().map(|name| FieldColumn { name: name.clone(), kind: None, fields: Vec::new() }).collect())
    }

    /// Refuses a row with a field that has no column, or that is not of its column's kind.
    pub(super) fn check(&self, row: &Row) -> Result<(), ItemError> {
        for (name, field) in &row.fields {
            let column = self.0.iter().find(|column| column.name == *name);
            let column = column.ok_or_else(|| ItemError::NoColumn(name.clone()))?;
            if let Some(kind) = column.kind.filter(|kind| !kind.holds(field)) {
                return Err(ItemError::OtherKind { field: name.clone(), expected: kind.described() });
            }
        }
        Ok(())
    }

    /// Takes the fields of a row; what [`Fields::check`] refuses is null.
    pub(super) fn push(&mut self, row: &Row) {
        for FieldColumn { name, kind, fields } in &mut self.0 {
            let field = row.fields.iter().find(|(of_row, _)| of_row == name).map(|(_, field)| field);
            fields.push(field.filter(|field| kind.is_none_or(|kind| kind.holds(field))).cloned());
        }
    }

    /// The types of the columns, which the rows so far settle.
    pub(super) fn settle(&mut self) -> Result<Vec<TypePtr>> {
        let settle = |column: &mut FieldColumn| {
            let kind = Kind::of(column.fields.iter().flatten());
            column.kind.get_or_insert(kind).column().of_name(&column.name)
        };
        self.0.iter_mut().map(settle).collect()
    }

    /// Writes the rows so far as the next columns of a row group.
    pub(super) fn write<W: Write + Send>(&mut self, to: &mut SerializedRowGroupWriter<'_, W>) -> Result<()> {
        for FieldColumn { kind, fields, .. } in &mut self.0 {
            let kind = kind.unwrap_or(Kind::Json);
            let mut column = kind.column();
            for field in fields.drain(..) {
                match field.filter(|field| !field.is_null()) {
                    Some(field) => kind.push(&field, &mut column),
                    None => column.push_null(),
                }
            }
            column.write(to)?;
        }
        Ok(())
    }
}

impl Kind {
    /// The narrowest kind that holds all of the fields without a loss.
    fn of<'a>(fields: impl Iterator<Item = &'a Field> + Clone) -> Self {
        let mut kinds = [Self::Text, Self::Flag, Self::Integer, Self::Number].into_iter();
        let has_values = fields.clone().any(|field| !field.is_null());
        kinds.find(|kind| has_values && fields.clone().all(|field| kind.holds(field))).unwrap_or(Self::Json)
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

    fn described(self) -> &'static str {
        match self {
            Self::Text => "a string",
            Self::Integer => "an integer of 64 bits",
            Self::Number => "a number that a double holds",
            Self::Flag => "true or false",
            Self::Json => "JSON",
        }
    }

    fn column(self) -> Column {
        match self {
            Self::Text => Column::texts(),
            Self::Integer => Column::integers(),
            Self::Number => Column::doubles(),
            Self::Flag => Column::flags(),
            Self::Json => Column::json(),
        }
    }

    /// Appends a field that it holds, and that is not null.
    fn push(self, field: &Field, to: &mut Column) {
        match field {
            Field::Text(text) if self == Self::Text => to.push_text(text),
            Field::Text(text) => to.push_text(&serde_json::Value::from(text.as_str()).to_string()),
            Field::Json(json) => {
                self.push_json(json.get(), to).expect("a column holds the fields that were taken into it");
            }
        }
    }

    fn push_json(self, json: &str, to: &mut Column) -> serde_json::Result<()> {
        match self {
            Self::Text => to.push_text(&serde_json::from_str::<String>(json)?),
            Self::Integer => to.push_integer(serde_json::from_str(json)?),
            Self::Number => to.push_double(serde_json::from_str(json)?),
            Self::Flag => to.push_flag(serde_json::from_str(json)?),
            Self::Json => to.push_text(json),
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::value::RawValue;

    use super::*;

    fn kind(values: &[&str]) -> Kind {
        let fields: Vec<Field> =
            values.iter().map(|json| Field::Json(RawValue::from_string((*json).into()).unwrap())).collect();
        Kind::of(fields.iter())
    }

    #[test]
    fn a_kind_is_the_narrowest_that_loses_nothing() {
        assert_eq!(kind(&[r#""a""#, "null"]), Kind::Text);
        assert_eq!(kind(&["1", "-2"]), Kind::Integer);
        assert_eq!(kind(&["1", "2.5", "1e3"]), Kind::Number);
        assert_eq!(kind(&["true", "null", "false"]), Kind::Flag);
        for mixed in
            [&["1", r#""1""#][..], &["[1]"], &["null"], &["18446744073709551615"], &["9007199254740993", "0.5"], &[]]
        {
            assert_eq!(kind(mixed), Kind::Json, "{mixed:?}");
        }
        // A lone surrogate is no string.
        assert_eq!(kind(&[r#""\ud83d""#]), Kind::Json);
    }

    #[test]
    fn cells_of_csv_are_texts() {
        assert_eq!(Kind::of([Field::Text("1".into()), Field::Text(String::new())].iter()), Kind::Text);
    }
}
