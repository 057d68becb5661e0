//! Rows of .jsonl files: one object per line.

use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;

use finsent_model::Text;
use serde::de::{Deserialize, Deserializer, Error, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::columns::{ColumnChoice, ItemColumns};
use super::line_reader::LineReader;
use super::source::Source;
use crate::column_names::{MAX_COLUMNS, repeated};
use crate::error::TableError;
use crate::item_error::{ItemError, utf8};
use crate::row::{Field, Row, RowReader};

/// Lines that are read ahead in search of the first object, which names the columns.
const LOOK_AHEAD: usize = 100;

/// A file of JSON objects, one per line. Blank lines are skipped.
pub(super) struct JsonLines {
    lines: LineReader,
    columns: ItemColumns,
    /// What was read ahead.
    ahead: VecDeque<ObjectLine>,
}

/// The object of a line.
struct ObjectLine {
    number: u64,
    object: Result<Object, ItemError>,
}

impl JsonLines {
    /// The reader and its columns: the fields of the first object.
    pub(super) fn open(source: Source, choice: &ColumnChoice) -> Result<(Self, Vec<Arc<str>>), TableError> {
        let mut lines = LineReader::new(source);
        let ahead = read_ahead(&mut lines)?;
        let Some(object) = ahead.back().and_then(|line| line.object.as_ref().ok()) else {
            return Err(no_object(lines.name(), ahead));
        };
        let names: Vec<Arc<str>> = object.0.iter().map(|(name, _)| name.clone()).collect();
        let strings: Vec<Arc<str>> =
            object.0.iter().filter(|(_, value)| value.get().starts_with('"')).map(|(name, _)| name.clone()).collect();
        let columns = choice.settle(lines.name(), &names, &strings)?;
        Ok((Self { lines, columns, ahead }, names))
    }

    fn row(&self, line: ObjectLine) -> Row {
        let place = format!("line {}", line.number);
        let object = match line.object {
            Ok(object) => object,
            Err(error) => {
                return Row { place, text: Err(error), id: None, fields: Vec::new(), origin: None };
            }
        };
        let text = object.text(&self.columns.text);
        let id = self.columns.id.as_ref().and_then(|id| object.get(id)).map(|id| Field::Json(id.to_owned()));
        let fields = object.0.into_iter().map(|(name, value)| (name, Field::Json(value))).collect();
        Row { place, text, id, fields, origin: None }
    }
}

impl RowReader for JsonLines {
    fn next_row(&mut self) -> Result<Option<Row>, TableError> {
        let line = match self.ahead.pop_front() {
            Some(line) => Some(line),
            None => next_object(&mut self.lines)?,
        };
        Ok(line.map(|line| self.row(line)))
    }

    fn skip_row(&mut self) -> Result<bool, TableError> {
        Ok(self.ahead.pop_front().is_some() || next_filled(&mut self.lines, |_| ())?.is_some())
    }
}

/// The lines up to the first object, or a bounded number of them.
fn read_ahead(lines: &mut LineReader) -> Result<VecDeque<ObjectLine>, TableError> {
    let mut ahead = VecDeque::new();
    while ahead.len() < LOOK_AHEAD {
        let Some(line) = next_object(lines)? else { break };
        let is_object = line.object.is_ok();
        ahead.push_back(line);
        if is_object {
            break;
        }
    }
    Ok(ahead)
}

/// The error of a file in which none of these lines is an object.
fn no_object(file: &str, mut lines: VecDeque<ObjectLine>) -> TableError {
    let file = file.to_owned();
    match lines.pop_front().and_then(|line| Some((line.number, line.object.err()?))) {
        None => TableError::Empty { file, expected: "it should hold one JSON object per line" },
        Some((number, error)) => TableError::NoJsonObject { file, reason: format!("line {number}: {error}") },
    }
}

/// The object of the next line that is not blank.
fn next_object(lines: &mut LineReader) -> Result<Option<ObjectLine>, TableError> {
    let parse = |line: &[u8]| serde_json::from_str(utf8(line)?).map_err(|error| ItemError::Json(error.to_string()));
    match next_filled(lines, |line| line.and_then(parse))? {
        None => Ok(None),
        Some(Err(ItemError::NotUtf8(error))) => Err(lines.wrong_encoding(error)),
        Some(object) => Ok(Some(ObjectLine { number: lines.number(), object })),
    }
}

/// What `read` returns for the next line that is not blank; `None` at the end.
fn next_filled<T>(
    lines: &mut LineReader,
    read: impl FnOnce(Result<&[u8], ItemError>) -> T,
) -> Result<Option<T>, TableError> {
    loop {
        match lines.next_line()? {
            None => return Ok(None),
            Some(Ok(line)) if line.trim_ascii().is_empty() => (),
            Some(line) => return Ok(Some(read(line))),
        }
    }
}

/// A JSON object: its fields in order, its values byte for byte.
#[derive(Debug)]
struct Object(Vec<(Arc<str>, Box<RawValue>)>);

impl Object {
    fn get(&self, name: &str) -> Option<&RawValue> {
        self.0.iter().find(|(field, _)| &**field == name).map(|(_, value)| &**value)
    }

    fn text(&self, name: &Arc<str>) -> Result<Text, ItemError> {
        if let Some(twice) = self.repeated_field() {
            return Err(ItemError::FieldTwice(twice.clone()));
        }
        let value = self.get(name).ok_or_else(|| ItemError::NoField(name.clone()))?;
        let text: String = serde_json::from_str(value.get()).map_err(|_| ItemError::NotAString(name.clone()))?;
        Ok(Text::parse(text)?)
    }

    fn repeated_field(&self) -> Option<&Arc<str>> {
        repeated(self.0.iter().map(|(name, _)| name))
    }
}

impl<'de> Deserialize<'de> for Object {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Fields;
        impl<'de> Visitor<'de> for Fields {
            type Value = Object;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Object, A::Error> {
                let mut fields = Vec::new();
                while let Some((name, value)) = map.next_entry::<String, Box<RawValue>>()? {
                    if fields.len() == MAX_COLUMNS {
                        return Err(A::Error::custom(format!("more than {MAX_COLUMNS} fields")));
                    }
                    fields.push((name.into(), value));
                }
                Ok(Object(fields))
            }
        }
        deserializer.deserialize_map(Fields)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(json: &str) -> Result<Text, String> {
        let object: Object = serde_json::from_str(json).map_err(|error| error.to_string())?;
        object.text(&"text".into()).map_err(|error| error.to_string())
    }

    #[test]
    fn escapes_are_read_and_lone_surrogates_are_refused() {
        assert_eq!(text(r#"{"a":1,"text":"gr\u00fcn \ud83d\ude80"}"#).unwrap().as_str(), "grün 🚀");
        assert!(text(r#"{"text":"\ud83d"}"#).is_err());
        assert!(text(r#"{"text":12}"#).unwrap_err().contains("`text` is not a valid string"));
        assert!(text(r#"{"txt":"a"}"#).unwrap_err().contains("no field `text`"));
        assert!(text(r#"["text"]"#).is_err());
        assert!(text(r#"{"text":"a","text":"b"}"#).unwrap_err().contains("`text` occurs twice"));
    }

    #[test]
    fn values_keep_their_bytes() {
        let object: Object = serde_json::from_str(r#"{"z":1.10,"a":18446744073709551616,"m":{"x": [1,2]}}"#).unwrap();
        let values: Vec<&str> = object.0.iter().map(|(_, value)| value.get()).collect();
        assert_eq!(values, ["1.10", "18446744073709551616", r#"{"x": [1,2]}"#]);
    }

    #[test]
    fn the_fields_of_an_object_are_bounded_in_number() {
        let object = |fields: usize| {
            let fields: Vec<String> = (0..fields).map(|number| format!("\"{number}\":0")).collect();
            text(&format!("{{{},\"text\":\"a\"}}", fields.join(",")))
        };
        assert_eq!(object(MAX_COLUMNS - 1).unwrap().as_str(), "a");
        assert!(object(MAX_COLUMNS).unwrap_err().contains("more than 65536 fields"));
    }
}
