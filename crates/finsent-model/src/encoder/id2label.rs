//! The labels of config.json: `id2label`, else `label2id`, else `num_labels`.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Map, Number, Value};

use super::config_error::ConfigError;
use crate::json_error::JsonError;

/// The largest accepted `num_labels`: it costs memory for as many names.
const MAX_LABELS: usize = 1 << 16;

/// The fields of config.json about labels.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct LabelFields {
    id2label: Option<BTreeMap<String, Text>>,
    label2id: Option<BTreeMap<String, Text>>,
    num_labels: Option<usize>,
}

/// A label or an id. Files have them as strings or numbers.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Text {
    Text(String),
    Number(Number),
}

impl Text {
    fn into_string(self) -> String {
        match self {
            Self::Text(text) => text,
            Self::Number(number) => number.to_string(),
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
    let LabelFields { id2label, label2id, num_labels } =
        LabelFields::deserialize(&Value::Object(fields.clone())).map_err(JsonError::new)?;
    if let Some(num_labels) = num_labels.filter(|&labels| labels > MAX_LABELS) {
        let (field, found) = ("num_labels", num_labels.to_string());
        return Err(ConfigError::Unsupported { field, found, supported: "at most 65536" });
    }
    let strings = |table: BTreeMap<String, Text>| -> BTreeMap<String, String> {
        table.into_iter().map(|(key, value)| (key, value.into_string())).collect()
    };
    let (id2label, label2id) = (id2label.map(strings), label2id.map(strings));
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
            (r#"{"id2label":{}}"#, Some("")),
        ] {
            assert_eq!(labels(json).unwrap().map(|labels| labels.join(" ")).as_deref(), expected, "{json}");
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
