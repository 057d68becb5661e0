//! The labels of config.json: `id2label`, else `label2id`, else `num_labels`.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::config_error::ConfigError;

/// The largest accepted `num_labels`: it costs memory for as many names.
const MAX_LABELS: usize = 1 << 16;
/// The most bytes of a wrong value that a message quotes.
const MAX_EXCERPT: usize = 64;

/// A table of strings; `None` if the field is absent. Files have labels and ids as strings, numbers or booleans, too.
///
/// # Errors
/// [`ConfigError::Table`] or [`ConfigError::Label`] with the value that cannot be a label or an id.
fn table(fields: &Map<String, Value>, field: &'static str) -> Result<Option<BTreeMap<String, String>>, ConfigError> {
    let Some(value) = fields.get(field) else { return Ok(None) };
    let Value::Object(entries) = value else { return Err(ConfigError::Table { field, found: excerpt(value) }) };
    let text = |(key, value): (&String, &Value)| match value {
        Value::String(text) => Ok((key.clone(), text.clone())),
        Value::Number(number) => Ok((key.clone(), number.to_string())),
        Value::Bool(truth) => Ok((key.clone(), truth.to_string())),
        Value::Null | Value::Array(_) | Value::Object(_) => {
            Err(ConfigError::Label { field, key: key.clone(), found: excerpt(value) })
        }
    };
    entries.iter().map(text).collect::<Result<_, _>>().map(Some)
}

/// The beginning of a value, for a message.
fn excerpt(value: &Value) -> String {
    let text = value.to_string();
    text[..text.floor_char_boundary(MAX_EXCERPT)].into()
}

fn num_labels(fields: &Map<String, Value>) -> Result<Option<usize>, ConfigError> {
    let Some(value) = fields.get("num_labels") else { return Ok(None) };
    match value.as_u64().and_then(|labels| usize::try_from(labels).ok()).filter(|&labels| labels <= MAX_LABELS) {
        Some(labels) => Ok(Some(labels)),
        None => {
            let (field, found) = ("num_labels", excerpt(value));
            Err(ConfigError::Unsupported { field, found, supported: "at most 65536" })
        }
    }
}

/// The label of each id, as in transformers; `None` if config.json names no labels.
///
/// `id2label` overrides a `label2id` that contradicts it. If `num_labels` contradicts the table, the labels are
/// `LABEL_0`, `LABEL_1`, ... A `label2id` without `id2label` is inverted, which transformers does not do.
///
/// # Errors
/// [`ConfigError`] if a field has the wrong type, or the ids of a lone `label2id` are not 0, 1, 2, ...
pub(super) fn id2label(fields: &Map<String, Value>) -> Result<Option<BTreeMap<String, String>>, ConfigError> {
    let (id2label, label2id) = (table(fields, "id2label")?, table(fields, "label2id")?);
    let num_labels = num_labels(fields)?;
    let labels = match (id2label, label2id) {
        (Some(id2label), Some(label2id)) => {
            warn_about_contradiction(&id2label, &label2id);
            Some(id2label)
        }
        (Some(id2label), None) => Some(id2label),
        (None, Some(label2id)) => Some(inverted(&label2id)?),
        (None, None) => None,
    };
    Ok(match (labels, num_labels) {
        (labels, None) => labels,
        (Some(labels), Some(num_labels)) if labels.len() == num_labels => Some(labels),
        (labels, Some(num_labels)) => {
            if let Some(labels) = labels {
                tracing::warn!(
                    "config.json names {} labels, but `num_labels` is {num_labels}; using LABEL_0, LABEL_1, ... instead",
                    labels.len()
                );
            }
            Some((0..num_labels).map(|id| (id.to_string(), format!("LABEL_{id}"))).collect())
        }
    })
}

fn warn_about_contradiction(id2label: &BTreeMap<String, String>, label2id: &BTreeMap<String, String>) {
    let number = |id: &String| id.parse::<usize>().ok();
    let differs =
        |(id, label): &(&String, &String)| label2id.get(*label).is_some_and(|other| number(other) != number(id));
    if let Some((id, label)) = id2label.iter().find(differs) {
        tracing::warn!(
            "config.json: `label2id` gives `{label}` the id {}, `id2label` gives it {id}; using `id2label`",
            label2id[label]
        );
    }
}

fn inverted(label2id: &BTreeMap<String, String>) -> Result<BTreeMap<String, String>, ConfigError> {
    let mut id2label = BTreeMap::new();
    for (label, id) in label2id {
        let is_new = match id.parse::<usize>() {
            Ok(number) if number < label2id.len() => id2label.insert(number.to_string(), label.clone()).is_none(),
            _ => false,
        };
        if !is_new {
            return Err(ConfigError::LabelId { label: label.clone(), id: id.clone(), last: label2id.len() - 1 });
        }
    }
    Ok(id2label)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(json: &str) -> Result<Option<Vec<String>>, ConfigError> {
        let fields: Map<String, Value> = serde_json::from_str(json).unwrap();
        Ok(id2label(&fields)?.map(|table| table.into_values().collect()))
    }

    #[test]
    fn labels_are_the_same_as_in_transformers() {
        for (json, expected) in [
            ("{}", None),
            (r#"{"id2label":{"0":"LABEL_0","1":"LABEL_1"}}"#, Some("LABEL_0 LABEL_1")),
            (r#"{"id2label":{"0":"a","1":"b"},"label2id":{"a":1,"b":0}}"#, Some("a b")),
            (r#"{"id2label":{"0":"a","1":"b"},"num_labels":2}"#, Some("a b")),
            (r#"{"id2label":{"0":"a","1":"b"},"num_labels":3}"#, Some("LABEL_0 LABEL_1 LABEL_2")),
            (r#"{"num_labels":3}"#, Some("LABEL_0 LABEL_1 LABEL_2")),
            (r#"{"id2label":{"0":1,"1":"2"}}"#, Some("1 2")),
            (r#"{"id2label":{"0":-1,"1":0.5}}"#, Some("-1 0.5")),
            (r#"{"id2label":{"0":false,"1":true},"label2id":{"false":0,"true":1}}"#, Some("false true")),
            (r#"{"id2label":{}}"#, Some("")),
        ] {
            assert_eq!(labels(json).unwrap().map(|labels| labels.join(" ")).as_deref(), expected, "{json}");
        }
    }

    #[test]
    fn what_cannot_be_a_label_is_named() {
        for (json, parts) in [
            (r#"{"id2label":{"0":"a","1":null}}"#, ["`id2label`", "`1`", "`null`"]),
            (r#"{"id2label":{"0":["a"]}}"#, ["`id2label`", "`0`", "`[\"a\"]`"]),
            (r#"{"label2id":{"a":{}}}"#, ["`label2id`", "`a`", "`{}`"]),
            (r#"{"id2label":["a","b"]}"#, ["`id2label`", "`[\"a\",\"b\"]`", "an object"]),
            (r#"{"num_labels":"three"}"#, ["`num_labels`", "three", "65536"]),
        ] {
            let message = labels(json).unwrap_err().to_string();
            assert!(parts.iter().all(|part| message.contains(part)), "{json}: {message}");
        }
    }

    #[test]
    fn a_lone_label2id_is_inverted() {
        for json in [r#"{"label2id":{"b":1,"a":0}}"#, r#"{"label2id":{"b":"1","a":"0"}}"#] {
            assert_eq!(labels(json).unwrap().unwrap(), ["a", "b"], "{json}");
        }
        for id in ["0", "2", "-1", "\"x\""] {
            let message = labels(&format!(r#"{{"label2id":{{"a":0,"b":{id}}}}}"#)).unwrap_err().to_string();
            assert!(message.contains("`b`") && message.contains("0 to 1"), "{message}");
        }
    }

    #[test]
    fn a_huge_num_labels_is_an_error() {
        let fields = |labels: u64| Map::from_iter([("num_labels".to_owned(), labels.into())]);
        assert_eq!(id2label(&fields(65_536)).unwrap().unwrap().len(), 65_536);
        let message = id2label(&fields(100_000_000_000)).unwrap_err().to_string();
        assert!(message.contains("`num_labels` is `100000000000`"), "{message}");
    }
}
