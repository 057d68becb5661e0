//! Rows: texts with their columns.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use finsent_model::Text;
use serde::Serialize;
use serde::ser::Serializer;
use serde_json::value::RawValue;

use crate::error::TableError;
use crate::item_error::ItemError;
use crate::parquet::RowGroup;

/// One item of the input: a text, or why it has none, and its columns.
#[derive(Debug)]
pub struct Row {
    /// Its place for people: `line 3`, `text 1`, or `news/a.csv line 3` if there are several files.
    pub place: String,
    /// The text, or why it cannot be classified.
    pub text: Result<Text, ItemError>,
    /// The value of the column that the user named as the id.
    pub id: Option<Field>,
    /// The columns of the input file that were read; none for arguments and standard input.
    pub fields: Vec<(Arc<str>, Field)>,
    /// For a row of a Parquet file, where its other columns are.
    pub origin: Option<Origin>,
}

impl Row {
    /// The value of a column, as a cell of a CSV file.
    pub fn cell(&self, column: &str) -> Option<String> {
        self.value(column).map(Cow::into_owned)
    }

    /// The value of a column, as a cell of a CSV file, borrowed if it is stored like that.
    pub fn value(&self, column: &str) -> Option<Cow<'_, str>> {
        self.fields.iter().find(|(name, _)| **name == *column).map(|(_, field)| field.cell())
    }

    /// Approximate memory of the row in bytes.
    pub fn bytes(&self) -> usize {
        let names: usize = self.fields.iter().map(|(name, _)| size_of::<(Arc<str>, Field)>() + name.len()).sum();
        names + self.value_bytes()
    }

    /// Bytes of the text and the values.
    pub(crate) fn value_bytes(&self) -> usize {
        let text = self.text.as_ref().map_or(0, |text| text.as_str().len());
        text + self.fields.iter().map(|(_, field)| field.bytes()).sum::<usize>()
    }
}

/// A row of a Parquet file.
#[derive(Clone)]
pub struct Origin {
    pub(crate) group: RowGroup,
    /// From 0, within the group.
    pub(crate) row: usize,
}

impl fmt::Debug for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Origin(row {})", self.row)
    }
}

/// The value of a column.
#[derive(Debug, Clone)]
pub enum Field {
    /// A string.
    Text(String),
    /// Any JSON value, byte for byte as it came.
    Json(Box<RawValue>),
}

impl Serialize for Field {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Text(text) => serializer.serialize_str(text),
            Self::Json(json) => json.serialize(serializer),
        }
    }
}

impl Field {
    /// JSON's `null`.
    pub(crate) fn null() -> Self {
        Self::Json(RawValue::NULL.to_owned())
    }

    /// Whether the value is JSON's `null`.
    pub fn is_null(&self) -> bool {
        matches!(self, Self::Json(json) if json.get() == "null")
    }

    fn bytes(&self) -> usize {
        match self {
            Self::Text(text) => text.len(),
            Self::Json(json) => json.get().len(),
        }
    }

    /// The value as a cell of a CSV file: strings as they are, null as an empty cell, everything else as JSON.
    pub fn to_cell(&self) -> String {
        self.cell().into_owned()
    }

    /// The value as a cell of a CSV file, borrowed if it is stored like that.
    pub fn cell(&self) -> Cow<'_, str> {
        match self {
            Self::Text(text) => Cow::Borrowed(text),
            Self::Json(_) if self.is_null() => Cow::Borrowed(""),
            Self::Json(json) => match json.get().strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) {
                None => Cow::Borrowed(json.get()),
                Some(plain) if !plain.contains('\\') => Cow::Borrowed(plain),
                Some(_) => serde_json::from_str(json.get()).map_or_else(|_| Cow::Borrowed(json.get()), Cow::Owned),
            },
        }
    }
}

/// A reader of rows.
pub trait RowReader: Send {
    /// The next row; `None` at the end.
    ///
    /// # Errors
    /// If the input cannot be read any further.
    fn next_row(&mut self) -> Result<Option<Row>, TableError>;

    /// Skips the next row and looks only for its end; false at the end of the input.
    ///
    /// # Errors
    /// As [`RowReader::next_row`].
    fn skip_row(&mut self) -> Result<bool, TableError> {
        Ok(self.next_row()?.is_some())
    }

    /// Skips the remaining rows and counts them.
    ///
    /// # Errors
    /// As [`RowReader::next_row`].
    fn count_rows(&mut self) -> Result<u64, TableError> {
        let mut rows = 0;
        while self.skip_row()? {
            rows += 1;
        }
        Ok(rows)
    }

    /// Whether the next row may take long to come: another program writes the input, and no complete row has arrived.
    fn would_wait(&self) -> bool {
        false
    }
}
