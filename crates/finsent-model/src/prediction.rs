//! Logits become predictions: labels, probabilities, sentiment score.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::ser::{Serialize, SerializeMap, SerializeStruct, Serializer};
use thiserror::Error;

/// The labels of a model, by the index of the logit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LabelMap {
    labels: Vec<String>,
    positive: Option<usize>,
    negative: Option<usize>,
}

/// Why a model's labels cannot be used.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum LabelError {
    /// The head has no rows, or `id2label` is an empty table.
    #[error("the model has no labels")]
    None,
    /// A key of `id2label` is no index, or the indices have a gap.
    #[error("`id2label` must name the ids 0 to {last}, found `{found}`")]
    BadId {
        /// Largest index that the number of labels allows.
        last: usize,
        /// The key that is wrong.
        found: String,
    },
    /// An alias is for a label that the model has not.
    #[error("there is an alias for `{alias}`, but the labels are {}", labels.join(", "))]
    UnknownAlias {
        /// The label that is renamed.
        alias: String,
        /// Labels of the model.
        labels: Vec<String>,
    },
    /// One label stands for two ids: an answer could not tell them apart.
    #[error("`id2label` names `{0}` twice")]
    Twice(String),
    /// The aliases give two labels one name.
    #[error("the aliases make `{name}` of both `{}` and `{}`", labels[0], labels[1])]
    AliasTwice {
        /// The name.
        name: String,
        /// The labels that would have it.
        labels: [String; 2],
    },
    /// config.json and the classifier disagree.
    #[error("config.json names {labels} labels, the classifier has {rows}")]
    HeadMismatch {
        /// Labels in config.json.
        labels: usize,
        /// Rows of the classifier's weight.
        rows: usize,
    },
}

impl LabelMap {
    /// Builds the map of a head with `rows` outputs from config.json's `id2label`.
    ///
    /// Without `id2label` the labels are `LABEL_0`, `LABEL_1`, ... as in transformers. `aliases` renames labels.
    ///
    /// # Errors
    /// [`LabelError`] when the ids are not 0 to `rows` - 1, or a label comes twice.
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
        if let Some(alias) = aliases.keys().find(|alias| !labels.contains(alias)) {
            return Err(LabelError::UnknownAlias { alias: alias.clone(), labels });
        }
        if let Some([_, id]) = twice(&labels) {
            return Err(LabelError::Twice(labels[id].clone()));
        }
        let named: Vec<String> = labels.iter().map(|label| aliases.get(label).unwrap_or(label).clone()).collect();
        if let Some(ids) = twice(&named) {
            let name = named[ids[0]].clone();
            return Err(LabelError::AliasTwice { name, labels: ids.map(|id| labels[id].clone()) });
        }
        let positive = only(&named, ["positive", "bullish"]);
        Ok(Self { positive, negative: only(&named, ["negative", "bearish"]), labels: named })
    }

    /// The labels in the order of the logits.
    pub fn labels(&self) -> &[String] {
        &self.labels
    }

    /// Whether predictions have a sentiment score: there is one positive (or bullish) label, and one negative (or bearish).
    pub fn has_sentiment_score(&self) -> bool {
        self.sentiment_ids().is_some()
    }

    /// The ids of the positive and the negative label, where there is one of each.
    pub fn sentiment_ids(&self) -> Option<[usize; 2]> {
        Some([self.positive?, self.negative?])
    }
}

/// Two ids with the same label.
fn twice(labels: &[String]) -> Option<[usize; 2]> {
    let first = |id: usize| labels[..id].iter().position(|label| *label == labels[id]);
    (0..labels.len()).find_map(|id| first(id).map(|first| [first, id]))
}

/// The id of the one label that has one of these names, in any case and with any white space around it.
fn only(labels: &[String], names: [&str; 2]) -> Option<usize> {
    let is_named = |label: &String| names.iter().any(|name| label.trim().eq_ignore_ascii_case(name));
    let mut ids = (0..labels.len()).filter(|&id| is_named(&labels[id]));
    ids.next().filter(|_| ids.next().is_none())
}

fn in_order(id2label: &BTreeMap<String, String>) -> Result<Vec<String>, LabelError> {
    let mut labels = vec![None; id2label.len()];
    for (id, label) in id2label {
        let place = id.parse::<usize>().ok().and_then(|id| labels.get_mut(id)).filter(|place| place.is_none());
        match place {
            Some(place) => *place = Some(label.clone()),
            None => {
                return Err(LabelError::BadId { last: id2label.len() - 1, found: id.clone() });
            }
        }
    }
    Ok(labels.into_iter().flatten().collect())
}

/// How logits become probabilities: config.json's `problem_type`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Activation {
    /// One of the labels is true: the probabilities sum to 1.
    Softmax,
    /// Each label is true or not by itself.
    Sigmoid,
    /// None: what comes out are the logits.
    Identity,
}

impl Activation {
    /// Probabilities of one row of logits, computed in f64.
    pub fn probabilities(self, logits: &[f32]) -> Vec<f32> {
        match self {
            Self::Softmax => {
                let max = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
                let exps: Vec<f64> = logits.iter().map(|&logit| f64::from(logit - max).exp()).collect();
                let sum: f64 = exps.iter().sum();
                exps.iter().map(|exp| (exp / sum) as f32).collect()
            }
            Self::Sigmoid => logits.iter().map(|&logit| (1.0 / (1.0 + (-f64::from(logit)).exp())) as f32).collect(),
            Self::Identity => logits.to_vec(),
        }
    }
}

/// The answer for one text.
#[derive(Debug, Clone, PartialEq)]
pub struct Prediction {
    labels: Arc<LabelMap>,
    probabilities: Vec<f32>,
    tokens: usize,
    truncated: bool,
}

impl Prediction {
    /// A prediction over `labels`; `probabilities` are in the order of the labels.
    ///
    /// # Panics
    /// When there is not one probability a label.
    pub fn new(labels: Arc<LabelMap>, probabilities: Vec<f32>, tokens: usize, truncated: bool) -> Self {
        assert_eq!(labels.labels.len(), probabilities.len(), "one probability a label");
        Self { labels, probabilities, tokens, truncated }
    }

    /// The probabilities in the order of the labels.
    pub fn probabilities(&self) -> &[f32] {
        &self.probabilities
    }

    /// The id of [`Prediction::label`].
    pub fn label_id(&self) -> usize {
        best(&self.probabilities)
    }

    /// The label with the largest probability; of equal ones the first.
    pub fn label(&self) -> &str {
        &self.labels.labels[self.label_id()]
    }

    /// The probability of [`Prediction::label`].
    pub fn score(&self) -> f32 {
        self.probabilities[self.label_id()]
    }

    /// How far the best label's probability is above the second best's; 1 where there is only one label.
    pub fn margin(&self) -> f32 {
        margin(&self.probabilities)
    }

    /// Each label with its probability, in the order of the logits.
    pub fn scores(&self) -> impl ExactSizeIterator<Item = (&str, f32)> {
        self.labels.labels.iter().map(String::as_str).zip(self.probabilities.iter().copied())
    }

    /// P(positive) - P(negative), in -1 to 1; `None` where the model lacks one of the two labels, or has several of one.
    pub fn sentiment_score(&self) -> Option<f32> {
        let [positive, negative] = self.labels.sentiment_ids()?;
        Some(self.probabilities[positive] - self.probabilities[negative])
    }

    /// Tokens that the model read, `[CLS]` and `[SEP]` included.
    pub fn tokens(&self) -> usize {
        self.tokens
    }

    /// Whether the text was longer than the model's window and its end was not read.
    pub fn truncated(&self) -> bool {
        self.truncated
    }
}

/// The index of the largest probability; of equal ones the first.
fn best(probabilities: &[f32]) -> usize {
    (1..probabilities.len()).fold(0, |best, id| if probabilities[id] > probabilities[best] { id } else { best })
}

/// See [`Prediction::margin`].
pub(crate) fn margin(probabilities: &[f32]) -> f32 {
    let best = best(probabilities);
    let others = probabilities.iter().enumerate().filter(|&(id, _)| id != best).map(|(_, &p)| p);
    others.reduce(f32::max).map_or(1.0, |second| probabilities[best] - second)
}

impl Prediction {
    /// The fields of all predictions, of texts, sentences and documents: what the model holds, without what it read.
    pub fn serialize_judgement<S: SerializeStruct>(&self, out: &mut S) -> Result<(), S::Error> {
        out.serialize_field("label", self.label())?;
        out.serialize_field("score", &self.score())?;
        out.serialize_field("scores", &Scores(self))?;
        match self.sentiment_score() {
            Some(sentiment_score) => out.serialize_field("sentiment_score", &sentiment_score),
            None => out.skip_field("sentiment_score"),
        }
    }
}

impl Serialize for Prediction {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut out = serializer.serialize_struct("Prediction", 6)?;
        self.serialize_judgement(&mut out)?;
        out.serialize_field("tokens", &self.tokens)?;
        out.serialize_field("truncated", &self.truncated)?;
        out.end()
    }
}

/// Serialises as `{"positive":0.9,...}` in the order of the logits.
pub struct Scores<'a>(pub &'a Prediction);

impl Serialize for Scores<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let scores = self.0.scores();
        let mut map = serializer.serialize_map(Some(scores.len()))?;
        for (label, probability) in scores {
            map.serialize_entry(label, &probability)?;
        }
        map.end()
    }
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
    fn labels_come_from_id2label_and_never_from_a_position() {
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
    fn broken_label_tables_are_refused_with_what_is_wrong() {
        assert_eq!(map(&[]), Err(LabelError::None));
        assert_eq!(map(&[("0", "a"), ("2", "b")]), Err(LabelError::BadId { last: 1, found: "2".into() }));
        assert_eq!(map(&[("0", "a"), ("x", "b")]), Err(LabelError::BadId { last: 1, found: "x".into() }));
        assert_eq!(map(&[("0", "a"), ("00", "b")]), Err(LabelError::BadId { last: 1, found: "00".into() }));
        assert_eq!(map(&[("0", "a"), ("1", "a")]), Err(LabelError::Twice("a".into())));
        assert_eq!(
            LabelMap::new(Some(&table(&[("0", "a")])), 3, &BTreeMap::new()),
            Err(LabelError::HeadMismatch { labels: 1, rows: 3 })
        );
    }

    #[test]
    fn missing_labels_are_named_as_transformers_names_them_and_can_be_renamed() {
        let labels = LabelMap::new(None, 2, &table(&[("LABEL_1", "Bullish"), ("LABEL_0", "Bearish")])).unwrap();
        assert_eq!(labels.labels(), ["Bearish", "Bullish"]);
        assert!(labels.has_sentiment_score());
        let typo = LabelMap::new(None, 2, &table(&[("LABEL_2", "Bullish")])).unwrap_err().to_string();
        assert!(typo.contains("`LABEL_2`") && typo.contains("LABEL_0, LABEL_1"), "{typo}");
        assert_eq!(LabelMap::new(None, 2, &BTreeMap::new()).unwrap().labels(), ["LABEL_0", "LABEL_1"]);
    }

    #[test]
    fn aliases_may_swap_labels_and_not_merge_them() {
        let labels = |aliases| LabelMap::new(None, 2, &table(aliases));
        let swapped = labels(&[("LABEL_0", "LABEL_1"), ("LABEL_1", "LABEL_0")]).unwrap();
        assert_eq!(swapped.labels(), ["LABEL_1", "LABEL_0"]);
        for aliases in [&[("LABEL_0", "LABEL_1")][..], &[("LABEL_0", "up"), ("LABEL_1", "up")]] {
            let message = labels(aliases).unwrap_err().to_string();
            assert!(message.contains(&format!("the aliases make `{}` of both `LABEL_0` and `LABEL_1`", aliases[0].1)));
        }
    }

    #[test]
    fn the_sentiment_score_is_positive_less_negative_or_absent() {
        let prediction =
            |pairs: &[(&str, &str)]| Prediction::new(Arc::new(map(pairs).unwrap()), vec![0.25, 0.75], 3, false);
        assert_eq!(prediction(&[("0", "Positive"), ("1", "NEGATIVE")]).sentiment_score(), Some(-0.5));
        assert_eq!(prediction(&[("0", "bearish"), ("1", "bullish")]).sentiment_score(), Some(0.5));
        assert_eq!(prediction(&[("0", " NeGative"), ("1", "POSITIVE ")]).sentiment_score(), Some(0.5));
        assert_eq!(prediction(&[("0", "positive"), ("1", "other")]).sentiment_score(), None);
        assert_eq!(map(&[("0", "positive"), ("1", "Positive"), ("2", "negative")]).unwrap().positive, None);
    }

    #[test]
    fn a_prediction_serialises_in_the_contracts_shape() {
        let prediction = Prediction::new(
            Arc::new(map(&[("0", "positive"), ("1", "negative")]).unwrap()),
            vec![0.75, 0.25],
            12,
            true,
        );
        assert_eq!(
            serde_json::to_string(&prediction).unwrap(),
            r#"{"label":"positive","score":0.75,"scores":{"positive":0.75,"negative":0.25},"sentiment_score":0.5,"tokens":12,"truncated":true}"#
        );
    }

    #[test]
    fn softmax_survives_large_logits_and_sigmoid_is_per_label() {
        assert_eq!(Activation::Softmax.probabilities(&[1000.0, 1000.0]), [0.5, 0.5]);
        assert_eq!(Activation::Softmax.probabilities(&[-1e30, 0.0]), [0.0, 1.0]);
        assert_eq!(Activation::Sigmoid.probabilities(&[0.0, 1000.0, -1000.0]), [0.5, 1.0, 0.0]);
    }
}
