//! The fields of a JSON object, read one by one: an error names the field, and a body that is not JSON is told apart from one
//! with a wrong value.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, btree_map};
use std::fmt::{self, Display};

use finsent_model::suggest;
use serde::de::value::StrDeserializer;
use serde::de::{DeserializeSeed, Deserializer, MapAccess, Visitor};
use serde::{Deserialize, de, forward_to_deserialize_any};
use serde_json::value::RawValue;

use super::json::{kind, without_position};
use crate::error::HttpError;
use crate::excerpt::excerpt;

/// The most fields of an object. No protocol has half as many.
const MAX_FIELDS: usize = 64;
/// The longest value of a field that is not listed in [`LONG_FIELDS`], in bytes.
const MAX_VALUE: usize = 16 << 10;
/// The fields whose values may be as long as the body: texts, and what comes back.
const LONG_FIELDS: [&str; 6] = ["data", "id", "input", "inputs", "instances", "text"];

/// The unread fields of one object. A field that is `null` counts as absent.
#[derive(Debug)]
pub(crate) struct Fields<'a> {
    fields: BTreeMap<String, &'a RawValue>,
    /// Index of the text that the object is.
    index: Option<usize>,
}

impl<'a> Fields<'a> {
    /// The object that is the whole body.
    ///
    /// # Errors
    /// [`HttpError::Malformed`] if it is not JSON, [`HttpError::Invalid`] if it is not an object.
    pub(crate) fn of_body(body: &'a [u8]) -> Result<Self, HttpError> {
        let not_json = |error: serde_json::Error| HttpError::Malformed(format!("the body is not valid JSON: {error}"));
        let json: &RawValue = serde_json::from_slice(body).map_err(not_json)?;
        Self::of(json, None)
    }

    /// An object inside the body, perhaps the text with this index.
    ///
    /// # Errors
    /// [`HttpError::Invalid`] if it is not an object.
    pub(crate) fn of(json: &'a RawValue, index: Option<usize>) -> Result<Self, HttpError> {
        let invalid = |reason: String| HttpError::Invalid { index, reason };
        if kind(json) != "an object" {
            return Err(invalid(format!("expected an object, found {}", kind(json))));
        }
        let reason = |error: serde_json::Error| {
            let reason = without_position(&error);
            // The values are valid JSON, so an error of the syntax is in a name.
            invalid(if error.is_data() { reason } else { format!("the name of a field: {reason}") })
        };
        let FieldMap(fields) = serde_json::from_str(json.get()).map_err(reason)?;
        Ok(Self { fields, index })
    }

    /// A field as it is in the body, if it is there.
    pub(crate) fn get(&self, name: &str) -> Option<&'a RawValue> {
        self.fields.get(name).copied().filter(|value| value.get() != "null")
    }

    /// The fields but one, in the order of the body.
    pub(crate) fn without(&self, name: &str) -> Vec<(&str, &'a RawValue)> {
        let mut fields: Vec<_> = self.fields.iter().map(|(name, value)| (name.as_str(), *value)).collect();
        fields.retain(|(field, _)| *field != name);
        fields.sort_by_key(|(_, value)| value.get().as_ptr());
        fields
    }

    /// Reads the fields into a struct. Unknown fields are ignored.
    ///
    /// # Errors
    /// [`HttpError::Invalid`] for a field that is missing or has the wrong type.
    pub(crate) fn read<T: Deserialize<'a>>(self) -> Result<T, HttpError> {
        self.deserialize(false)
    }

    /// Reads the fields into a struct that names all of them.
    ///
    /// # Errors
    /// As [`read`](Self::read), and [`HttpError::UnknownField`] with the most similar known field.
    pub(crate) fn read_strict<T: Deserialize<'a>>(self) -> Result<T, HttpError> {
        self.deserialize(true)
    }

    fn deserialize<T: Deserialize<'a>>(self, strict: bool) -> Result<T, HttpError> {
        let index = self.index;
        let reader = FieldReader { fields: self.fields, strict };
        T::deserialize(reader).map_err(|error| match error {
            FieldError::Unknown { field, suggestion } => HttpError::UnknownField { index, field, suggestion },
            FieldError::Invalid(reason) => HttpError::Invalid { index, reason },
        })
    }
}

/// The values of an object by their names. There are few, and each name is there once.
struct FieldMap<'a>(BTreeMap<String, &'a RawValue>);

impl<'de: 'a, 'a> Deserialize<'de> for FieldMap<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(FieldMapVisitor)
    }
}

struct FieldMapVisitor;

impl<'de> Visitor<'de> for FieldMapVisitor {
    type Value = FieldMap<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<Self::Value, A::Error> {
        let mut fields = BTreeMap::new();
        while let Some((name, value)) = object.next_entry::<String, &RawValue>()? {
            if fields.len() == MAX_FIELDS {
                return Err(de::Error::custom(format_args!("an object may have {MAX_FIELDS} fields, and it has more")));
            }
            match fields.entry(name) {
                Entry::Vacant(field) => _ = field.insert(value),
                Entry::Occupied(field) => {
                    return Err(de::Error::custom(format_args!("the field `{}` is there twice", excerpt(field.key()))));
                }
            }
        }
        Ok(FieldMap(fields))
    }
}

/// Gives the fields to serde, which knows their names and types from the struct.
struct FieldReader<'a> {
    fields: BTreeMap<String, &'a RawValue>,
    strict: bool,
}

struct FieldValues<'a> {
    fields: btree_map::IntoIter<String, &'a RawValue>,
    current: Option<(String, &'a RawValue)>,
}

#[derive(Debug)]
enum FieldError {
    Unknown { field: String, suggestion: Option<String> },
    Invalid(String),
}

impl Display for FieldError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown { field, .. } => write!(f, "unknown field `{field}`"),
            Self::Invalid(reason) => f.write_str(reason),
        }
    }
}

impl std::error::Error for FieldError {}

impl de::Error for FieldError {
    fn custom<T: Display>(message: T) -> Self {
        Self::Invalid(message.to_string())
    }

    fn missing_field(field: &'static str) -> Self {
        Self::Invalid(format!("the field `{field}` is missing"))
    }
}

impl<'de> Deserializer<'de> for FieldReader<'de> {
    type Error = FieldError;

    fn deserialize_struct<V: Visitor<'de>>(
        mut self,
        _: &'static str,
        known: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, FieldError> {
        if self.strict
            && let Some(field) = self.fields.keys().find(|field| !known.contains(&field.as_str()))
        {
            let suggestion = suggest(field, known.iter().copied()).map(String::from);
            return Err(FieldError::Unknown { field: field.clone(), suggestion });
        }
        self.fields.retain(|_, value| value.get() != "null");
        let is_too_long = |(name, value): &(&String, &&RawValue)| {
            value.get().len() > MAX_VALUE && !LONG_FIELDS.contains(&name.as_str())
        };
        // serde's messages quote values, and unknown ones are skipped.
        if let Some((name, _)) = self.fields.iter().filter(|(name, _)| known.contains(&name.as_str())).find(is_too_long)
        {
            return Err(FieldError::Invalid(format!("`{name}`: the value is longer than {MAX_VALUE} bytes")));
        }
        visitor.visit_map(FieldValues { fields: self.fields.into_iter(), current: None })
    }

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, FieldError> {
        self.deserialize_struct("", &[], visitor)
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit unit_struct
        newtype_struct seq tuple tuple_struct map enum identifier ignored_any
    }
}

impl<'de> MapAccess<'de> for FieldValues<'de> {
    type Error = FieldError;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, FieldError> {
        self.current = self.fields.next();
        let Some((name, _)) = &self.current else { return Ok(None) };
        seed.deserialize(StrDeserializer::new(name)).map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, FieldError> {
        let (name, value) = self.current.take().expect("serde asks for a value after its name");
        let invalid = |error| FieldError::Invalid(format!("`{name}`: {}", without_position(&error)));
        seed.deserialize(&mut serde_json::Deserializer::from_str(value.get())).map_err(invalid)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Deserialize)]
    struct Example<'a> {
        a: u64,
        b: Option<u64>,
        #[serde(borrow)]
        granularity: Option<&'a RawValue>,
    }

    fn refusal(result: Result<impl fmt::Debug, HttpError>) -> (u16, String) {
        let error = result.unwrap_err();
        (error.status().as_u16(), error.to_string())
    }

    fn read(body: &str) -> Result<Example<'_>, HttpError> {
        Fields::of_body(body.as_bytes())?.read()
    }

    #[test]
    fn fields_are_read_by_name_and_null_is_absent() {
        let Example { a, b, granularity } = read(r#"{"a": 3, "b": null, "granularity": [1, 2], "c": 4}"#).unwrap();
        assert_eq!((a, b, granularity.map(RawValue::get)), (3, None, Some("[1, 2]")));
        assert_eq!(refusal(read(r#"{"b": 3}"#)), (422, "the field `a` is missing".into()));
        assert_eq!(refusal(read(r#"{"a": null}"#)), (422, "the field `a` is missing".into()));
        let (status, reason) = refusal(read(r#"{"a": "3"}"#));
        assert_eq!((status, reason.as_str()), (422, "`a`: invalid type: string \"3\", expected u64"));
    }

    #[test]
    fn the_other_fields_are_in_the_order_of_the_body() {
        let fields = Fields::of_body(br#"{"b": 1, "text": "up", "a": null, "": [2]}"#).unwrap();
        let others: Vec<_> = fields.without("text").into_iter().map(|(name, value)| (name, value.get())).collect();
        assert_eq!(others, [("b", "1"), ("a", "null"), ("", "[2]")]);
    }

    #[test]
    fn a_body_that_is_not_json_is_malformed_and_one_that_is_not_an_object_is_invalid() {
        for not_json in [&b""[..], b"{", b"{\"a\": }", b"\xff", b"{} {}", &[b'['; 1000]] {
            assert_eq!(refusal(Fields::of_body(not_json)).0, 400, "{not_json:?}");
        }
        assert_eq!(refusal(Fields::of_body(b" [1]")), (422, "expected an object, found an array".into()));
    }

    #[test]
    fn too_many_fields_a_field_that_is_there_twice_and_an_endless_value_are_refused() {
        let many: String = (0..65).map(|field| format!(r#""f{field}": 1,"#)).collect();
        assert_eq!(refusal(read(&format!(r#"{{{many} "a": 3}}"#))).1, "an object may have 64 fields, and it has more");
        let many: String = (0..63).map(|field| format!(r#""f{field}": 1,"#)).collect();
        assert!(read(&format!(r#"{{{many} "a": 3}}"#)).is_ok());
        assert_eq!(refusal(read(r#"{"a": 3, "b": 1, "a": 4}"#)), (422, "the field `a` is there twice".into()));
        for endless in
            ["1".repeat(1_000_000), format!("{:?}", "x".repeat(1_000_000)), "[".repeat(50_000) + &"]".repeat(50_000)]
        {
            assert_eq!(
                refusal(read(&format!(r#"{{"a": {endless}}}"#))),
                (422, "`a`: the value is longer than 16384 bytes".into())
            );
            assert!(read(&format!(r#"{{"a": 3, "c": {endless}}}"#)).is_ok(), "an unknown field is ignored");
        }
    }

    #[test]
    fn a_message_quotes_the_beginning_of_a_long_name_only() {
        let name = "granularit".repeat(190_000);
        let body = format!(r#"{{"{name}": 1}}"#);
        let (status, message) = refusal(Fields::of_body(body.as_bytes()).unwrap().read_strict::<Example<'_>>());
        assert!(status == 422 && message.len() < 200 && !message.contains("did you mean"), "{message}");
    }

    #[test]
    fn an_unknown_field_is_named_with_the_most_similar_known_one() {
        let fields = Fields::of_body(br#"{"granularty": "text"}"#).unwrap();
        let (status, message) = refusal(fields.read_strict::<Example<'_>>());
        assert_eq!((status, message.as_str()), (422, "unknown field `granularty`; did you mean `granularity`?"));
    }
}
