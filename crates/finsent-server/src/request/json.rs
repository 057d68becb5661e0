//! JSON values that are read by hand, and numbers and objects that serde would read too liberally or too strictly.

use serde::de::Error;
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

/// A number without a fraction, however it is written: `3`, `3.0`, `3e0`. A number that is too large becomes the largest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct WholeNumber(pub(crate) i64);

impl<'de> Deserialize<'de> for WholeNumber {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let number = f64::deserialize(deserializer)?;
        let error = || D::Error::custom(format!("expected a whole number, found `{number}`"));
        (number.fract() == 0.0).then_some(Self(number as i64)).ok_or_else(error)
    }
}

/// A JSON object. A derived `Deserialize` would also accept an array of the fields' values.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Object<T>(pub(crate) T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let json = <&RawValue>::deserialize(deserializer)?;
        if kind(json) != "an object" {
            return Err(D::Error::custom(format!("expected an object, found {}", kind(json))));
        }
        serde_json::from_str(json.get()).map(Self).map_err(|error| D::Error::custom(without_position(&error)))
    }
}

/// The kind of a JSON value, with its article.
pub(crate) fn kind(json: &RawValue) -> &'static str {
    match json.get().as_bytes()[0] {
        b'"' => "a string",
        b'[' => "an array",
        b'{' => "an object",
        b't' | b'f' => "a boolean",
        b'n' => "null",
        _ => "a number",
    }
}

/// The message of an error in a part of the body. Its line and column count from that part, so they would mislead.
pub(crate) fn without_position(error: &serde_json::Error) -> String {
    let text = error.to_string();
    text.rsplit_once(" at line ").map_or(text.as_str(), |(message, _)| message).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_array_of_its_fields_values_is_not_an_object() {
        #[derive(Debug, Deserialize, PartialEq)]
        struct Pair {
            a: u8,
            b: Option<u8>,
        }
        let pair = |json: &str| serde_json::from_str::<Object<Pair>>(json).map(|object| object.0);
        assert_eq!(pair(r#"{"a": 1, "c": 2}"#).unwrap(), Pair { a: 1, b: None });
        assert!(pair("[1, 2]").unwrap_err().to_string().contains("expected an object, found an array"));
    }

    #[test]
    fn a_whole_number_may_be_written_as_a_float() {
        let whole = |json: &str| serde_json::from_str::<WholeNumber>(json).map(|number| number.0).ok();
        assert_eq!(
            [whole("3"), whole("-3.0"), whole("3e0"), whole("1e30")],
            [Some(3), Some(-3), Some(3), Some(i64::MAX)]
        );
        assert_eq!([whole("1.5"), whole("\"3\""), whole("null")], [None; 3]);
    }
}
