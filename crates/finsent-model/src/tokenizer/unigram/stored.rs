//! The parts of a `tokenizer.json` with a unigram model.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Error, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;
use tokenizers::PostProcessorWrapper;
use tokenizers::normalizers::Precompiled;

use super::charsmap;
use super::limits::Limits;
use crate::tokenizer::vocabulary::{StoredToken, StoredTruncation};

/// What the classes take from the file.
#[derive(Deserialize)]
pub(super) struct Stored {
    pub(super) model: StoredModel,
    #[serde(default)]
    pub(super) added_tokens: Vec<StoredToken>,
    pub(super) truncation: Option<StoredTruncation>,
    pub(super) normalizer: Option<StoredNormalizer>,
    pub(super) post_processor: Option<PostProcessorWrapper>,
}

#[derive(Deserialize)]
pub(super) struct StoredModel {
    #[serde(deserialize_with = "pieces")]
    pub(super) vocab: Vec<(String, f64)>,
}

/// A normalizer, or a list of them.
#[derive(Deserialize)]
pub(super) struct StoredNormalizer {
    r#type: Option<String>,
    #[serde(default)]
    normalizers: Vec<StoredNormalizer>,
    precompiled_charsmap: Option<String>,
}

impl StoredNormalizer {
    /// The first table in the list, or that of the normalizer itself.
    ///
    /// # Errors
    /// Why it is not a table, for the end of a message.
    pub(super) fn charsmap(&self) -> Result<Option<Precompiled>, String> {
        let is_list = self.r#type.as_deref() == Some("Sequence");
        let list = if is_list { &self.normalizers } else { std::slice::from_ref(self) };
        let table = |normalizer: &Self| match normalizer.r#type.as_deref() {
            Some("Precompiled") => normalizer.precompiled_charsmap.clone(),
            _ => None,
        };
        let Some(table) = list.iter().find_map(table) else { return Ok(None) };
        charsmap::check_base64(&table)?;
        // The library wants a string that is borrowed from a text.
        let json = serde_json::json!({"type": "Precompiled", "precompiled_charsmap": table}).to_string();
        serde_json::from_str(&json).map(Some).map_err(|error| error.to_string())
    }

    fn check(&self) -> Result<(), String> {
        self.precompiled_charsmap.as_deref().map_or(Ok(()), charsmap::check_base64)?;
        self.normalizers.iter().try_for_each(Self::check)
    }
}

/// What the library does not check by itself before it reserves memory, or goes down a level for each byte.
#[derive(Deserialize)]
struct Claims {
    #[serde(rename = "model")]
    _model: Option<ClaimsOfModel>,
    normalizer: Option<StoredNormalizer>,
}

#[derive(Deserialize)]
struct ClaimsOfModel {
    #[serde(default, rename = "vocab", deserialize_with = "check_pieces")]
    _vocab: (),
}

/// Checks a `tokenizer.json` of any kind before the library reads it.
///
/// # Errors
/// Why it is too large, for the end of a message. Other mistakes are found by the library.
pub(in super::super) fn check(json: &[u8]) -> Result<(), String> {
    let refused = |error: serde_json::Error| if error.is_data() { Err(error.to_string()) } else { Ok(None) };
    let claims: Option<Claims> = serde_json::from_slice(json).map(Some).or_else(refused)?;
    claims.and_then(|claims| claims.normalizer).map_or(Ok(()), |normalizer| normalizer.check())
}

fn pieces<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<(String, f64)>, D::Error> {
    struct Pieces;
    impl<'de> Visitor<'de> for Pieces {
        type Value = Vec<(String, f64)>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a list of pieces with their scores")
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
            let (mut pieces, mut limits) = (Vec::new(), Limits::default());
            // The library for JSON rounds the last digit of a number in another way than Python.
            while let Some((text, score)) = list.next_element::<(String, &RawValue)>()? {
                let score = score.get().parse().map_err(|_| Error::custom("a score is not a number"))?;
                limits.add(&text, score).map_err(Error::custom)?;
                pieces.push((text, score));
            }
            Ok(pieces)
        }
    }
    from.deserialize_seq(Pieces)
}

fn check_pieces<'de, D: Deserializer<'de>>(from: D) -> Result<(), D::Error> {
    struct Pieces;
    impl<'de> Visitor<'de> for Pieces {
        type Value = ();

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a vocabulary")
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
            let mut limits = Limits::default();
            while let Some((text, score)) = list.next_element::<(Cow<'de, str>, f64)>()? {
                limits.add(&text, score).map_err(Error::custom)?;
            }
            Ok(())
        }

        /// The vocabulary of another kind of model.
        fn visit_map<A: serde::de::MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
            use serde::de::IgnoredAny;
            while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
            Ok(())
        }
    }
    from.deserialize_any(Pieces)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_would_take_too_much_is_refused_before_it_is_read() {
        let long = "x".repeat(1000);
        for (json, reason) in [
            (format!(r#"{{"model": {{"vocab": [["<unk>", 0.0], ["{long}", -1.0]]}}}}"#), "1000 bytes"),
            (r#"{"normalizer": {"type": "Precompiled", "precompiled_charsmap": "////fwAA"}}"#.into(), "shorter"),
            (
                r#"{"normalizer": {"normalizers": [{"type": "Precompiled", "precompiled_charsmap": ""}]}}"#.into(),
                "shorter",
            ),
        ] {
            let error = check(json.as_bytes()).unwrap_err();
            assert!(error.contains(reason), "{error}");
        }
        for json in ["", "{", "{}", r#"{"model": {"vocab": {"a": 1}}}"#, r#"{"model": {"vocab": [["a", -1]]}}"#] {
            check(json.as_bytes()).unwrap();
        }
    }

    #[test]
    fn scores_are_those_that_python_reads() {
        let json = r#"{"model": {"vocab": [["a", -3.4636318683624268], ["b", -13.115300178527832], ["c", 0]]}}"#;
        let stored: Stored = serde_json::from_str(json).unwrap();
        let scores: Vec<f64> = stored.model.vocab.iter().map(|(_, score)| *score).collect();
        assert_eq!(scores, [f64::from(-3.463_631_9_f32), f64::from(-13.115_3_f32), 0.0]);
    }
}
