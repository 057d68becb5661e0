//! JSON objects, field by field: what is unknown is named, and what is wrong is told apart from what is no JSON.

use std::collections::BTreeMap;

use finsent_model::suggest;
use serde::de::Error;
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use super::error::HttpError;

/// The fields of one object, unread.
#[derive(Debug)]
pub(super) struct Fields<'a> {
    fields: BTreeMap<String, &'a RawValue>,
    /// The item of `inputs` that the object is.
    index: Option<usize>,
}

impl<'a> Fields<'a> {
    /// The object that is a whole body.
    ///
    /// # Errors
    /// [`HttpError::Malformed`] for what is no JSON, [`HttpError::Invalid`] for what is no object.
    pub(super) fn of_body(body: &'a [u8]) -> Result<Self, HttpError> {
        let no_json = |error: serde_json::Error| HttpError::Malformed(format!("the body is not valid JSON: {error}"));
        let json: &RawValue = serde_json::from_slice(body).map_err(no_json)?;
        Self::of(json, None)
    }

    /// The object at `index` of the inputs, or another one inside the body.
    ///
    /// # Errors
    /// [`HttpError::Invalid`] for what is no object.
    pub(super) fn of(json: &'a RawValue, index: Option<usize>) -> Result<Self, HttpError> {
        let invalid = |reason: String| HttpError::Invalid { index, reason };
        if kind(json) != "an object" {
            return Err(invalid(format!("expected an object, found {}", kind(json))));
        }
        let no_name = |error: serde_json::Error| invalid(format!("the name of a field: {}", without_place(&error)));
        Ok(Self { fields: serde_json::from_str(json.get()).map_err(no_name)?, index })
    }

    /// Refuses fields other than these.
    ///
    /// # Errors
    /// [`HttpError::UnknownField`] with the known one that is most like it.
    pub(super) fn only(self, known: &[&'static str]) -> Result<Self, HttpError> {
        match self.fields.keys().find(|field| !known.contains(&field.as_str())) {
            None => Ok(self),
            Some(field) => Err(HttpError::UnknownField {
                index: self.index,
                suggest: suggest(field, known.iter().copied()).map(String::from),
                field: field.clone(),
            }),
        }
    }

    /// A field as it stands in the body; `null` counts as absent.
    pub(super) fn raw(&self, name: &str) -> Option<&'a RawValue> {
        self.fields.get(name).copied().filter(|value| value.get() != "null")
    }

    /// The same for a field that must be there.
    ///
    /// # Errors
    /// [`HttpError::Invalid`] when it is not.
    pub(super) fn required(&self, name: &str) -> Result<&'a RawValue, HttpError> {
        let reason = || format!("the field `{name}` is missing");
        self.raw(name).ok_or_else(|| HttpError::Invalid { index: self.index, reason: reason() })
    }

    /// A field of a given type; `null` counts as absent.
    ///
    /// # Errors
    /// [`HttpError::Invalid`] when it is of another one.
    pub(super) fn optional<T: Deserialize<'a>>(&self, name: &str) -> Result<Option<T>, HttpError> {
        let parse = |value: &'a RawValue| {
            let what = |error: serde_json::Error| format!("`{name}`: {}", without_place(&error));
            serde_json::from_str(value.get())
                .map_err(|error| HttpError::Invalid { index: self.index, reason: what(error) })
        };
        self.raw(name).map(parse).transpose()
    }
}

/// A number without a fraction, however it is written: `3`, `3.0`, `3e0`. What is too large for it is the largest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Whole(pub(super) i64);

impl<'de> Deserialize<'de> for Whole {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let number = f64::deserialize(deserializer)?;
        let error = || D::Error::custom(format!("expected a whole number, found `{number}`"));
        (number.fract() == 0.0).then_some(Self(number as i64)).ok_or_else(error)
    }
}

/// A JSON object. What is derived takes an array of the fields' values too, which nobody means.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Object<T>(pub(super) T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let json = <&RawValue>::deserialize(deserializer)?;
        if kind(json) != "an object" {
            return Err(D::Error::custom(format!("expected an object, found {}", kind(json))));
        }
        serde_json::from_str(json.get()).map(Self).map_err(|error| D::Error::custom(without_place(&error)))
    }
}

/// What kind of JSON value it is.
pub(super) fn kind(json: &RawValue) -> &'static str {
    match json.get().as_bytes()[0] {
        b'"' => "a string",
        b'[' => "an array",
        b'{' => "an object",
        b't' | b'f' => "a boolean",
        b'n' => "null",
        _ => "a number",
    }
}

/// The words of an error in a part of the body, whose lines and columns mean nothing to the client.
pub(super) fn without_place(error: &serde_json::Error) -> String {
    let text = error.to_string();
    text.rsplit_once(" at line ").map_or(text.as_str(), |(words, _)| words).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(result: Result<impl std::fmt::Debug, HttpError>) -> (u16, String) {
        let error = result.unwrap_err();
        (error.status().as_u16(), error.to_string())
    }

    #[test]
    fn fields_are_read_by_name_and_null_is_absent() {
        let fields = Fields::of_body(br#"{"a": 3, "b": null}"#).unwrap();
        assert_eq!(fields.optional::<u64>("a").unwrap(), Some(3));
        assert_eq!(fields.optional::<u64>("b").unwrap(), None);
        assert_eq!(refusal(fields.required("c")), (422, "the field `c` is missing".into()));
        let (status, reason) = refusal(fields.optional::<String>("a"));
        assert_eq!((status, reason.as_str()), (422, "`a`: invalid type: integer `3`, expected a string"));
    }

    #[test]
    fn no_json_is_malformed_and_no_object_is_invalid() {
        for no_json in [&b""[..], b"{", b"{\"a\": }", b"\xff", b"{} {}", &[b'['; 1000]] {
            assert_eq!(refusal(Fields::of_body(no_json)).0, 400, "{no_json:?}");
        }
        assert_eq!(refusal(Fields::of_body(b" [1]")), (422, "expected an object, found an array".into()));
    }

    #[test]
    fn an_object_is_no_array_of_its_fields_values() {
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
    fn a_whole_number_is_one_however_it_is_written() {
        let whole = |json: &str| serde_json::from_str::<Whole>(json).map(|whole| whole.0).ok();
        assert_eq!(
            [whole("3"), whole("-3.0"), whole("3e0"), whole("1e30")],
            [Some(3), Some(-3), Some(3), Some(i64::MAX)]
        );
        assert_eq!([whole("1.5"), whole("\"3\""), whole("null")], [None; 3]);
    }

    #[test]
    fn an_unknown_field_is_named_with_the_nearest_known_one() {
        let fields = Fields::of_body(br#"{"granularty": "text"}"#).unwrap();
        let (status, message) = refusal(fields.only(&["inputs", "granularity"]));
        assert_eq!((status, message.as_str()), (422, "unknown field `granularty`; did you mean `granularity`?"));
    }
}
