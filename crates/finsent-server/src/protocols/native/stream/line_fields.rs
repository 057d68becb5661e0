//! The fields of a line that come back with its answer.

use serde_json::value::RawValue;

use crate::request::Fields;

/// The names of an answer's own fields.
const OF_ANSWER: [&str; 12] = [
    "error",
    "label",
    "label_counts",
    "line",
    "score",
    "scores",
    "sentences",
    "sentiment_score",
    "strongest",
    "tokens",
    "truncated",
    "windows",
];

/// What of a line goes out again.
#[derive(Debug, Clone, Default)]
pub(super) enum LineFields {
    #[default]
    None,
    Id(Box<RawValue>),
    /// All fields but the text, as the inside of a JSON object; not empty.
    All(Box<str>),
}

impl LineFields {
    /// All fields of a line but the text.
    ///
    /// # Errors
    /// If one has the name of a field of the answer.
    pub(super) fn all(fields: &Fields<'_>) -> Result<Self, String> {
        let others = fields.without("text");
        if let Some((name, _)) = others.iter().find(|(name, _)| OF_ANSWER.contains(name)) {
            return Err(format!("the answer has a field `{name}` of its own; rename that of the line"));
        }
        let member = |(name, value): &(&str, &RawValue)| {
            let name = serde_json::to_string(name).expect("a string is valid JSON");
            format!("{name}:{}", value.get())
        };
        let members: Vec<String> = others.iter().map(member).collect();
        Ok(if members.is_empty() { Self::None } else { Self::All(members.join(",").into()) })
    }

    pub(super) fn id(&self) -> Option<&RawValue> {
        match self {
            Self::Id(id) => Some(id),
            Self::None | Self::All(_) => None,
        }
    }

    /// Puts them before the fields of an answer, which is an object and not empty.
    pub(super) fn before(&self, answer: Vec<u8>) -> Vec<u8> {
        match self {
            Self::All(members) => [b"{", members.as_bytes(), b",", &answer[1..]].concat(),
            Self::None | Self::Id(_) => answer,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use finsent_model::{LabelMap, Prediction};

    use super::*;

    fn all(line: &str) -> Result<String, String> {
        let fields = LineFields::all(&Fields::of_body(line.as_bytes()).unwrap())?;
        Ok(String::from_utf8(fields.before(b"{\"n\":1}".to_vec())).unwrap())
    }

    #[test]
    fn the_fields_stand_before_those_of_the_answer() {
        assert_eq!(
            all(r#"{"b":[1, 2],"text":"up","\u0061":"x\ty","id":7}"#).unwrap(),
            r#"{"b":[1, 2],"a":"x\ty","id":7,"n":1}"#
        );
        assert_eq!(all(r#"{"text":"up"}"#).unwrap(), r#"{"n":1}"#);
    }

    #[test]
    fn a_field_of_the_answer_is_refused() {
        assert!(all(r#"{"text":"up","label":1}"#).unwrap_err().contains("`label`"));
        let labels = LabelMap::new(None, 2, &BTreeMap::new()).unwrap();
        let prediction = serde_json::to_value(Prediction::new(labels.into(), vec![0.75, 0.25], 3, false)).unwrap();
        assert!(prediction.as_object().unwrap().keys().all(|name| OF_ANSWER.contains(&name.as_str())));
    }
}
