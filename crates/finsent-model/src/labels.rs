//! The labels of a model, in the order of its logits.

use std::collections::BTreeMap;

use thiserror::Error;

/// The labels of a model. The id of a label is the index of its logit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LabelMap {
    labels: Vec<String>,
    positive: Option<usize>,
    negative: Option<usize>,
}

/// Why the labels of a model cannot be used.
#[derive(Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum LabelError {
    /// The classifier has no rows, or `id2label` is empty.
    #[error("the model has no labels")]
    None,
    /// A key of `id2label` is not an id, or the ids have a gap.
    #[error("`id2label` must name the ids 0 to {last}; found `{found}`")]
    BadId {
        /// The largest id for this number of labels.
        last: usize,
        /// The wrong key.
        found: String,
    },
    /// An alias renames a label that the model does not have.
    #[error("no label `{alias}` to rename; the labels are {}", labels.join(", "))]
    UnknownAlias {
        /// The label to rename.
        alias: String,
        /// The labels of the model.
        labels: Vec<String>,
    },
    /// Two ids have the same label, so that a prediction could not tell them apart.
    #[error("`id2label` names `{0}` twice")]
    Duplicate(String),
    /// The aliases give two labels the same name.
    #[error("the aliases rename both `{}` and `{}` to `{name}`", labels[0], labels[1])]
    DuplicateAlias {
        /// The name.
        name: String,
        /// The labels that would share it.
        labels: [String; 2],
    },
    /// config.json and the classifier disagree about the number of labels.
    #[error("config.json names {labels} {}, but the classifier has {rows}", if *labels == 1 { "label" } else { "labels" })]
    HeadMismatch {
        /// Labels in config.json.
        labels: usize,
        /// Rows of the classifier's weight.
        rows: usize,
    },
}

impl LabelMap {
    /// Builds the map of a classifier with `rows` outputs from config.json's `id2label`.
    ///
    /// Without `id2label` the labels are `LABEL_0`, `LABEL_1`, ... as in transformers. `aliases` maps labels to new
    /// names.
    ///
    /// # Errors
    /// [`LabelError`] if the ids are not 0 to `rows` - 1, a label appears twice, or an alias fits no label.
    pub fn new(
        id2label: Option<&BTreeMap<String, String>>,
        rows: usize,
        aliases: &BTreeMap<String, String>,
    ) -> Result<Self, LabelError> {
        if rows == 0 || id2label.is_some_and(BTreeMap::is_empty) {
            return Err(LabelError::None);
        }
        let labels: Vec<String> = match id2label {
            Some(id2label) if id2label.len() != rows => {
                return Err(LabelError::HeadMismatch { labels: id2label.len(), rows });
            }
            Some(id2label) => in_order(id2label)?,
            None => (0..rows).map(|id| format!("LABEL_{id}")).collect(),
        };
        if let Some([_, id]) = duplicate(&labels) {
            return Err(LabelError::Duplicate(labels[id].clone()));
        }
        let labels = renamed(&labels, aliases)?;
        let positive = only_id(&labels, ["positive", "bullish"]);
        Ok(Self { positive, negative: only_id(&labels, ["negative", "bearish"]), labels })
    }

    /// The same labels for values that are no probabilities, so that their difference means nothing.
    #[must_use]
    pub fn without_sentiment_score(self) -> Self {
        Self { positive: None, negative: None, ..self }
    }

    /// The labels in the order of the logits.
    pub fn labels(&self) -> &[String] {
        &self.labels
    }

    /// Whether predictions have a sentiment score. They do if exactly one label is `positive` (or `bullish`) and
    /// exactly one is `negative` (or `bearish`), in any case.
    pub fn has_sentiment_score(&self) -> bool {
        self.sentiment_ids().is_some()
    }

    /// The ids of the positive and the negative label, if there is exactly one of each.
    pub fn sentiment_ids(&self) -> Option<[usize; 2]> {
        Some([self.positive?, self.negative?])
    }
}

/// The labels by the numbers that are their keys.
fn in_order(id2label: &BTreeMap<String, String>) -> Result<Vec<String>, LabelError> {
    let mut labels = vec![None; id2label.len()];
    for (id, label) in id2label {
        let slot = id.parse::<usize>().ok().and_then(|id| labels.get_mut(id)).filter(|slot| slot.is_none());
        match slot {
            Some(slot) => *slot = Some(label.clone()),
            None => return Err(LabelError::BadId { last: id2label.len() - 1, found: id.clone() }),
        }
    }
    Ok(labels.into_iter().flatten().collect())
}

/// All aliases apply at once, so that two labels can swap their names.
fn renamed(labels: &[String], aliases: &BTreeMap<String, String>) -> Result<Vec<String>, LabelError> {
    if let Some(alias) = aliases.keys().find(|alias| !labels.contains(alias)) {
        return Err(LabelError::UnknownAlias { alias: alias.clone(), labels: labels.into() });
    }
    let renamed: Vec<String> = labels.iter().map(|label| aliases.get(label).unwrap_or(label).clone()).collect();
    match duplicate(&renamed) {
        None => Ok(renamed),
        Some(ids) => {
            let name = renamed[ids[0]].clone();
            Err(LabelError::DuplicateAlias { name, labels: ids.map(|id| labels[id].clone()) })
        }
    }
}

/// Two ids with the same label.
fn duplicate(labels: &[String]) -> Option<[usize; 2]> {
    let first = |id: usize| labels[..id].iter().position(|label| *label == labels[id]);
    (0..labels.len()).find_map(|id| first(id).map(|first| [first, id]))
}

/// The id of the only label with one of these names. Case and surrounding white space do not matter.
fn only_id(labels: &[String], names: [&str; 2]) -> Option<usize> {
    let is_named = |label: &String| names.iter().any(|name| label.trim().eq_ignore_ascii_case(name));
    let mut ids = (0..labels.len()).filter(|&id| is_named(&labels[id]));
    ids.next().filter(|_| ids.next().is_none())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|(id, label)| (id.to_string(), label.to_string())).collect()
    }

    fn map(pairs: &[(&str, &str)]) -> Result<LabelMap, LabelError> {
        LabelMap::new(Some(&table(pairs)), pairs.len(), &BTreeMap::new())
    }

    #[test]
    fn labels_are_ordered_by_their_ids_and_not_by_their_position() {
        let labels = map(&[
            ("10", "k"),
            ("2", "c"),
            ("0", "a"),
            ("1", "b"),
            ("3", "d"),
            ("4", "e"),
            ("5", "f"),
            ("6", "g"),
            ("7", "h"),
            ("8", "i"),
            ("9", "j"),
        ]);
        assert_eq!(labels.unwrap().labels().concat(), "abcdefghijk");
    }

    #[test]
    fn an_invalid_id2label_is_an_error() {
        assert_eq!(map(&[]), Err(LabelError::None));
        assert_eq!(map(&[("0", "a"), ("2", "b")]), Err(LabelError::BadId { last: 1, found: "2".into() }));
        assert_eq!(map(&[("0", "a"), ("x", "b")]), Err(LabelError::BadId { last: 1, found: "x".into() }));
        assert_eq!(map(&[("0", "a"), ("00", "b")]), Err(LabelError::BadId { last: 1, found: "00".into() }));
        assert_eq!(map(&[("0", "a"), ("1", "a")]), Err(LabelError::Duplicate("a".into())));
        let mismatch = LabelMap::new(Some(&table(&[("0", "a")])), 3, &BTreeMap::new()).unwrap_err();
        assert_eq!(mismatch, LabelError::HeadMismatch { labels: 1, rows: 3 });
        assert_eq!(mismatch.to_string(), "config.json names 1 label, but the classifier has 3");
    }

    #[test]
    fn labels_that_config_json_does_not_name_are_named_as_in_transformers() {
        assert_eq!(LabelMap::new(None, 2, &BTreeMap::new()).unwrap().labels(), ["LABEL_0", "LABEL_1"]);
        let labels = LabelMap::new(None, 2, &table(&[("LABEL_1", "Bullish"), ("LABEL_0", "Bearish")])).unwrap();
        assert_eq!(labels.labels(), ["Bearish", "Bullish"]);
        assert!(labels.has_sentiment_score());
    }

    #[test]
    fn an_alias_for_an_unknown_label_is_an_error() {
        let message = LabelMap::new(None, 2, &table(&[("LABEL_2", "Bullish")])).unwrap_err().to_string();
        assert_eq!(message, "no label `LABEL_2` to rename; the labels are LABEL_0, LABEL_1");
    }

    #[test]
    fn aliases_may_swap_labels_but_not_merge_them() {
        let labels = |aliases| LabelMap::new(None, 2, &table(aliases));
        let swapped = labels(&[("LABEL_0", "LABEL_1"), ("LABEL_1", "LABEL_0")]).unwrap();
        assert_eq!(swapped.labels(), ["LABEL_1", "LABEL_0"]);
        for aliases in [&[("LABEL_0", "LABEL_1")][..], &[("LABEL_0", "up"), ("LABEL_1", "up")]] {
            let message = labels(aliases).unwrap_err().to_string();
            let expected = format!("the aliases rename both `LABEL_0` and `LABEL_1` to `{}`", aliases[0].1);
            assert_eq!(message, expected);
        }
    }

    #[test]
    fn sentiment_needs_exactly_one_positive_and_one_negative_label() {
        let sentiment_ids = |pairs: &[(&str, &str)]| map(pairs).unwrap().sentiment_ids();
        assert_eq!(sentiment_ids(&[("0", "Positive"), ("1", "NEGATIVE")]), Some([0, 1]));
        assert_eq!(sentiment_ids(&[("0", "bearish"), ("1", "bullish")]), Some([1, 0]));
        assert_eq!(sentiment_ids(&[("0", " NeGative"), ("1", "POSITIVE ")]), Some([1, 0]));
        assert_eq!(sentiment_ids(&[("0", "positive"), ("1", "other")]), None);
        assert_eq!(sentiment_ids(&[("0", "positive"), ("1", "Positive"), ("2", "negative")]), None);
    }
}
