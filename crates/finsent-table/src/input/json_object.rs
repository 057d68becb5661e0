//! A JSON object of a row: its fields in order, its values byte for byte.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use finsent_model::Text;
use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::json_repair::repaired;
use crate::column_names::{MAX_COLUMNS, repeated};
use crate::item_error::ItemError;

/// The fields of an object.
#[derive(Debug, Default)]
pub(super) struct Object {
    pub(super) fields: Vec<(Arc<str>, Box<RawValue>)>,
    /// Whether something in it that is not JSON was replaced.
    pub(super) is_repaired: bool,
}

impl Object {
    /// Parses an object; of one that is damaged, the fields before the damage are returned too. NaN and infinities, which are
    /// not JSON but which Python writes, become null; halves of surrogate pairs become U+FFFD. `line` is where it starts.
    pub(super) fn parse(json: &str, line: u64) -> (Self, Result<(), ItemError>) {
        let json = repaired(json).map_or(Cow::Borrowed(json), Cow::Owned);
        let is_repaired = matches!(json, Cow::Owned(_));
        let mut fields = Vec::new();
        let mut deserializer = serde_json::Deserializer::from_str(&json);
        let parsed = Fields(&mut fields).deserialize(&mut deserializer).and_then(|()| deserializer.end());
        (Self { fields, is_repaired }, parsed.map_err(|error| ItemError::Json(reason(&error, line))))
    }

    /// An object with a string as its only field: an element of an array of texts.
    pub(super) fn of_string(json: &str, line: u64) -> (Self, Result<(), ItemError>) {
        let json = repaired(json).map_or(Cow::Borrowed(json), Cow::Owned);
        let is_repaired = matches!(json, Cow::Owned(_));
        match serde_json::from_str::<Box<RawValue>>(&json) {
            Ok(value) => (Self { fields: vec![("text".into(), value)], is_repaired }, Ok(())),
            Err(error) => (Self::default(), Err(ItemError::Json(reason(&error, line)))),
        }
    }

    pub(super) fn get(&self, name: &str) -> Option<&RawValue> {
        self.fields.iter().find(|(field, _)| &**field == name).map(|(_, value)| &**value)
    }

    pub(super) fn text(&self, name: &Arc<str>) -> Result<Text, ItemError> {
        if let Some(twice) = repeated(self.fields.iter().map(|(name, _)| name)) {
            return Err(ItemError::FieldTwice(twice.clone()));
        }
        let value = self.get(name).ok_or_else(|| ItemError::NoField(name.clone()))?;
        if value.get() == "null" {
            return Err(ItemError::Null(name.clone()));
        }
        let text: String = serde_json::from_str(value.get()).map_err(|_| ItemError::NotAString(name.clone()))?;
        Ok(Text::parse(text)?)
    }
}

/// The parser's message with the line of the file, of which the value starts in `line`.
fn reason(error: &serde_json::Error, line: u64) -> String {
    let message = error.to_string();
    match message.rsplit_once(" at line ") {
        Some((reason, _)) => {
            let line = line + (error.line() as u64).saturating_sub(1);
            format!("{reason} at line {line} column {}", error.column())
        }
        None => message,
    }
}

/// The value without line ends, which are white space between its parts: in a string they are escaped. Outputs have a line for
/// each row.
fn on_one_line(value: Box<RawValue>) -> Box<RawValue> {
    let has_ends = value.get().contains(['\n', '\r']);
    let replaced = has_ends.then(|| RawValue::from_string(value.get().replace(['\n', '\r'], " ")));
    replaced.and_then(Result::ok).unwrap_or(value)
}

/// Collects the fields of an object, so that those before an error are kept.
struct Fields<'a>(&'a mut Vec<(Arc<str>, Box<RawValue>)>);

impl<'de> DeserializeSeed<'de> for Fields<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Fields<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some((name, value)) = map.next_entry::<String, Box<RawValue>>()? {
            let value = on_one_line(value);
            if self.0.len() == MAX_COLUMNS {
                return Err(A::Error::custom(format!("more than {MAX_COLUMNS} fields")));
            }
            self.0.push((name.into(), value));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(json: &str) -> Result<Text, String> {
        let (object, parsed) = Object::parse(json, 3);
        parsed.map_err(|error| error.to_string())?;
        object.text(&"text".into()).map_err(|error| error.to_string())
    }

    #[test]
    fn texts_are_strings_and_their_escapes_are_read() {
        assert_eq!(text(r#"{"a":1,"text":"gr\u00fcn \ud83d\ude80"}"#).unwrap().as_str(), "grün 🚀");
        assert_eq!(text(r#"{"text":"To the moon \ud83d"}"#).unwrap().as_str(), "To the moon \u{fffd}");
        assert!(text(r#"{"text":12}"#).unwrap_err().contains("`text` is not a valid string"));
        assert!(text(r#"{"text":null}"#).unwrap_err().contains("`text` is null"));
        assert!(text(r#"{"txt":"a"}"#).unwrap_err().contains("no field `text`"));
        assert!(text(r#"["text"]"#).is_err());
        assert!(text(r#"{"text":"a"} x"#).unwrap_err().contains("trailing characters at line 3 column 14"));
        assert!(text(r#"{"text":"a","text":"b"}"#).unwrap_err().contains("`text` occurs twice"));
    }

    #[test]
    fn values_keep_their_bytes() {
        let (object, parsed) = Object::parse(r#"{"z":1.10,"a":18446744073709551616,"m":{"x": [1,2]}}"#, 1);
        parsed.unwrap();
        let values: Vec<&str> = object.fields.iter().map(|(_, value)| value.get()).collect();
        assert_eq!(values, ["1.10", "18446744073709551616", r#"{"x": [1,2]}"#]);
    }

    #[test]
    fn the_fields_before_an_error_are_kept() {
        let (object, parsed) = Object::parse(r#"{"id":7,"text":"Profit ros"#, 1);
        assert!(parsed.is_err());
        assert_eq!(object.get("id").unwrap().get(), "7");
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
