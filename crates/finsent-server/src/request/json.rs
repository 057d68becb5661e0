//! JSON values that are read by hand, and numbers that serde would read too strictly.

use std::fmt;

use serde::de::{Error, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use crate::error::HttpError;

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

/// The elements of an array.
///
/// # Errors
/// [`TooManyElements`] if there are more than `limit`. The others are not counted.
///
/// # Panics
/// If it is not an array.
pub(crate) fn elements(array: &RawValue, limit: usize) -> Result<Vec<&RawValue>, TooManyElements> {
    assert_eq!(kind(array), "an array", "only an array has elements");
    let mut reader = serde_json::Deserializer::from_str(array.get());
    // The array is valid JSON, so there is no other error.
    reader.deserialize_seq(AtMost(limit)).map_err(|_| TooManyElements)
}

/// The elements of a list of texts.
///
/// # Errors
/// [`HttpError`] if there are more than `limit`, or none.
pub(crate) fn text_elements(array: &RawValue, limit: usize) -> Result<Vec<&RawValue>, HttpError> {
    let elements = elements(array, limit).map_err(|TooManyElements| HttpError::TooManyTexts { limit })?;
    if elements.is_empty() { Err(HttpError::Empty) } else { Ok(elements) }
}

/// An array has more elements than it may have.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct TooManyElements;

/// Reads at most this many elements.
struct AtMost(usize);

impl<'de> Visitor<'de> for AtMost {
    type Value = Vec<&'de RawValue>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "an array of at most {} elements", self.0)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut array: A) -> Result<Self::Value, A::Error> {
        let mut elements = Vec::new();
        while let Some(element) = array.next_element()? {
            if elements.len() == self.0 {
                return Err(A::Error::custom(self.0));
            }
            elements.push(element);
        }
        Ok(elements)
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
    fn the_elements_of_an_array_are_counted_up_to_the_limit() {
        let array = |json: &str| RawValue::from_string(json.to_owned()).unwrap();
        let three = array(r#"["a", 1, {}]"#);
        assert_eq!(elements(&three, 3).unwrap().len(), 3);
        assert_eq!(elements(&three, 2).unwrap_err(), TooManyElements);
        assert_eq!(elements(&array("[]"), 0).unwrap().len(), 0);
        assert!(matches!(text_elements(&array("[]"), 3), Err(HttpError::Empty)));
        let many = array(&format!("[{}\"\"]", "\"\",".repeat(660_000)));
        assert!(matches!(text_elements(&many, 1000), Err(HttpError::TooManyTexts { limit: 1000 })));
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
