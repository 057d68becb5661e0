//! An object inside a request.

use serde::de::Error;
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use super::fields::Fields;

/// A JSON object. A derived `Deserialize` would also accept an array of the fields' values, and values of any length.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Object<T>(pub(crate) T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let json = <&RawValue>::deserialize(deserializer)?;
        let fields = Fields::of(json, None).and_then(Fields::read);
        fields.map(Self).map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Deserialize, PartialEq)]
    struct Pair {
        a: u8,
        b: Option<u8>,
    }

    fn pair(json: &str) -> Result<Pair, String> {
        serde_json::from_str::<Object<Pair>>(json).map(|object| object.0).map_err(|error| error.to_string())
    }

    #[test]
    fn an_array_of_its_fields_values_is_not_an_object() {
        assert_eq!(pair(r#"{"a": 1, "c": 2}"#), Ok(Pair { a: 1, b: None }));
        assert!(pair("[1, 2]").unwrap_err().contains("expected an object, found an array"));
        assert!(pair(r#"{"a": "1"}"#).unwrap_err().starts_with("`a`: invalid type"));
    }

    #[test]
    fn a_message_does_not_quote_an_endless_value() {
        let error = pair(&format!(r#"{{"a": "{}"}}"#, "\\u007f".repeat(300_000))).unwrap_err();
        assert!(error.len() < 100, "{error}");
    }
}
