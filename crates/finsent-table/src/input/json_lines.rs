//! Rows of .jsonl files: one object a line.

use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;

use anyhow::Result;
use finsent_model::Text;
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::source::{Lines, Source, wrong_encoding};
use super::{ColumnChoice, Columns, Field, ItemError, Row, RowReader, utf8};
use crate::UsageError;

/// Lines that are read ahead in search of the first object, which names the columns.
const LOOK_AHEAD: usize = 100;

/// A file of JSON objects, one a line. Blank lines are no items.
pub(super) struct JsonLines {
    lines: Lines,
    columns: Columns,
    /// What was read ahead.
    first: VecDeque<Line>,
}

/// A line and its number.
struct Line {
    number: u64,
    object: Result<Object, ItemError>,
}

impl JsonLines {
    /// The reader and its columns: the fields of the first object.
    pub(super) fn open(source: Source, choice: ColumnChoice) -> Result<(Self, Vec<Arc<str>>)> {
        let mut lines = Lines::new(source);
        let mut first = VecDeque::new();
        while first.len() < LOOK_AHEAD {
            let Some(line) = next_object(&mut lines)? else { break };
            let found = line.object.is_ok();
            first.push_back(line);
            if found {
                break;
            }
        }
        let Some(object) = first.back().and_then(|line| line.object.as_ref().ok()) else {
            let why = first.pop_front().and_then(|line| Some((line.number, line.object.err()?)));
            let why = why.map_or("it is empty".into(), |(number, error)| format!("line {number}: {error}"));
            return Err(UsageError(format!("`{}` holds no JSON object a line: {why}", lines.name())).into());
        };
        let names: Vec<Arc<str>> = object.0.iter().map(|(name, _)| name.clone()).collect();
        let strings: Vec<Arc<str>> =
            object.0.iter().filter(|(_, value)| value.get().starts_with('"')).map(|(name, _)| name.clone()).collect();
        let columns = choice.settle(lines.name(), &names, &strings)?;
        Ok((Self { lines, columns, first }, names))
    }

    fn row(&self, line: Line) -> Row {
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
    fn next_row(&mut self) -> Result<Option<Row>> {
        let line = match self.first.pop_front() {
            Some(line) => Some(line),
            None => next_object(&mut self.lines)?,
        };
        Ok(line.map(|line| self.row(line)))
    }

    fn skip_row(&mut self) -> Result<bool> {
        Ok(self.first.pop_front().is_some() || next_filled(&mut self.lines, |_| ())?.is_some())
    }
}

/// The object of the next line that is not blank.
fn next_object(lines: &mut Lines) -> Result<Option<Line>> {
    let parse = |line: &[u8]| serde_json::from_str(utf8(line)?).map_err(|error| ItemError::Json(error.to_string()));
    let object = next_filled(lines, |line| line.and_then(parse))?;
    let number = lines.number;
    match object {
        None => Ok(None),
        Some(Err(ItemError::NotUtf8(error))) => Err(wrong_encoding(lines.name(), &format!("line {number}"), error)),
        Some(object) => Ok(Some(Line { number, object })),
    }
}

/// What `read` makes of the next line that is not blank; `None` at the end.
fn next_filled<T>(lines: &mut Lines, read: impl FnOnce(Result<&[u8], ItemError>) -> T) -> Result<Option<T>> {
    loop {
        match lines.next_line()? {
            None => return Ok(None),
            Some(Ok(line)) if line.trim_ascii().is_empty() => (),
            Some(line) => return Ok(Some(read(line))),
        }
    }
}

/// A JSON object with its fields in order and its values as they came.
#[derive(Debug)]
struct Object(Vec<(Arc<str>, Box<RawValue>)>);

impl Object {
    fn get(&self, name: &str) -> Option<&RawValue> {
        self.0.iter().find(|(field, _)| &**field == name).map(|(_, value)| &**value)
    }

    fn text(&self, name: &Arc<str>) -> Result<Text, ItemError> {
        if let Some((_, (twice, _))) = self
            .0
            .iter()
            .enumerate()
            .find(|(index, (field, _))| self.0[..*index].iter().any(|(other, _)| other == field))
        {
            return Err(ItemError::FieldTwice(twice.clone()));
        }
        let value = self.get(name).ok_or_else(|| ItemError::NoField(name.clone()))?;
        let text: String = serde_json::from_str(value.get()).map_err(|_| ItemError::NotAString(name.clone()))?;
        Ok(Text::parse(text)?)
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
        assert!(text(r#"{"text":12}"#).unwrap_err().contains("`text` is not a string"));
        assert!(text(r#"{"txt":"a"}"#).unwrap_err().contains("no field `text`"));
        assert!(text(r#"["text"]"#).is_err());
        assert!(text(r#"{"text":"a","text":"b"}"#).unwrap_err().contains("`text` twice"));
    }

    #[test]
    fn values_keep_their_bytes() {
        let object: Object = serde_json::from_str(r#"{"z":1.10,"a":18446744073709551616,"m":{"x": [1,2]}}"#).unwrap();
        let values: Vec<&str> = object.0.iter().map(|(_, value)| value.get()).collect();
        assert_eq!(values, ["1.10", "18446744073709551616", r#"{"x": [1,2]}"#]);
    }
}
