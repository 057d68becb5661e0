//! Predictions come to a summary: how many of each group, of what label, and their mean.

mod period;
mod time;
mod write;

use std::collections::BTreeMap;

use chrono::NaiveDateTime;
use thiserror::Error;

pub use period::Every;
pub use time::parse_time;
pub use write::{SummaryShape, write_summary};

use finsent_model::{LabelMap, Prediction};

/// Groups that a summary has at most: it is held in memory.
const MOST_GROUPS: usize = 5_000_000;

/// There are more groups than [`MOST_GROUPS`].
#[derive(Debug, Error)]
#[error("there are more than {MOST_GROUPS} groups; is it the right column?")]
pub struct TooManyGroups;

/// What a group is of: a value of the column, or its absence, and the beginning of a period.
pub type Key = (Option<String>, Option<NaiveDateTime>);

/// The groups, in the order of their values and then of time.
#[derive(Debug, Default)]
pub struct Summary {
    groups: BTreeMap<Key, Group>,
}

/// The sums over the items of a group.
#[derive(Debug, Default)]
pub struct Group {
    count: u64,
    failed: u64,
    weight: f64,
    /// Of the weights of the items with each label.
    labelled: Vec<f64>,
    sentiment: f64,
}

impl Summary {
    /// Counts an item of this weight, which is finite and not negative.
    ///
    /// # Errors
    /// [`TooManyGroups`].
    pub fn add(&mut self, key: Key, prediction: &Prediction, weight: f64) -> Result<(), TooManyGroups> {
        let group = self.group(key)?;
        group.count += 1;
        group.weight += weight;
        group.labelled.resize(prediction.scores().len(), 0.0);
        group.labelled[prediction.label_id()] += weight;
        group.sentiment += weight * f64::from(prediction.sentiment_score().unwrap_or(0.0));
        Ok(())
    }

    /// Counts an item that has no prediction, or no place in the sums.
    ///
    /// # Errors
    /// [`TooManyGroups`].
    pub fn add_failed(&mut self, key: Key) -> Result<(), TooManyGroups> {
        self.group(key)?.failed += 1;
        Ok(())
    }

    fn group(&mut self, key: Key) -> Result<&mut Group, TooManyGroups> {
        if self.groups.len() >= MOST_GROUPS && !self.groups.contains_key(&key) {
            return Err(TooManyGroups);
        }
        Ok(self.groups.entry(key).or_default())
    }

    /// The groups with their keys, in order.
    pub fn groups(&self) -> impl Iterator<Item = (&Key, &Group)> {
        self.groups.iter()
    }
}

impl Group {
    /// Items with a prediction.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// Items that are not in the sums.
    pub fn failed(&self) -> u64 {
        self.failed
    }

    /// The sum of the weights.
    pub fn weight(&self) -> f64 {
        self.weight
    }

    fn has_means(&self) -> bool {
        self.weight > 0.0 && self.weight.is_finite()
    }

    /// Of the weights, the part of each label: `sum of w where the label is l / sum of w`; `None` where all weigh nothing, or
    /// more than a number can hold.
    pub fn shares(&self) -> Option<Vec<f64>> {
        self.has_means().then(|| self.labelled.iter().map(|labelled| labelled / self.weight).collect())
    }

    /// The weighted mean of the items' sentiment scores; `None` where the labels have none, or as for [`Group::shares`].
    pub fn sentiment_score(&self, labels: &LabelMap) -> Option<f64> {
        (self.has_means() && labels.has_sentiment_score()).then(|| self.sentiment / self.weight)
    }

    /// `(positive - negative) / all`, in weights; `None` as for [`Group::sentiment_score`].
    pub fn net(&self, labels: &LabelMap) -> Option<f64> {
        let [positive, negative] = labels.sentiment_ids()?;
        self.has_means().then(|| (self.labelled[positive] - self.labelled[negative]) / self.weight)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    fn labels() -> Arc<LabelMap> {
        let names = ["positive", "negative", "neutral"];
        let names = names.iter().enumerate().map(|(id, name)| (id.to_string(), (*name).to_owned())).collect();
        Arc::new(LabelMap::new(Some(&names), 3, &BTreeMap::new()).unwrap())
    }

    fn prediction(labels: &Arc<LabelMap>, probabilities: [f32; 3]) -> Prediction {
        Prediction::new(Arc::clone(labels), probabilities.to_vec(), 3, false)
    }

    #[test]
    fn a_group_has_shares_means_and_the_difference_by_weight() {
        let labels = labels();
        let mut summary = Summary::default();
        let key = |name: &str| (Some(name.to_owned()), None);
        summary.add(key("b"), &prediction(&labels, [0.75, 0.25, 0.0]), 3.0).unwrap();
        summary.add(key("b"), &prediction(&labels, [0.0, 0.75, 0.25]), 1.0).unwrap();
        summary.add(key("a"), &prediction(&labels, [0.0, 0.25, 0.75]), 1.0).unwrap();
        summary.add_failed(key("b")).unwrap();
        let groups: Vec<_> = summary.groups().collect();
        assert_eq!(groups.iter().map(|(key, _)| key.0.as_deref().unwrap()).collect::<Vec<_>>(), ["a", "b"]);
        let b = groups[1].1;
        assert_eq!((b.count(), b.failed(), b.weight()), (2, 1, 4.0));
        assert_eq!(b.shares().unwrap(), [0.75, 0.25, 0.0]);
        assert_eq!(b.net(&labels), Some(0.5));
        assert_eq!(b.sentiment_score(&labels), Some((3.0 * 0.5 - 0.75) / 4.0));
        assert_eq!(groups[0].1.net(&labels), Some(0.0));
    }

    #[test]
    fn items_that_weigh_nothing_or_too_much_or_failed_have_no_mean() {
        let labels = labels();
        let mut summary = Summary::default();
        summary.add((None, None), &prediction(&labels, [1.0, 0.0, 0.0]), 0.0).unwrap();
        summary.add_failed((Some("x".into()), None)).unwrap();
        for _ in 0..2 {
            summary.add((Some("y".into()), None), &prediction(&labels, [1.0, 0.0, 0.0]), f64::MAX).unwrap();
        }
        for (_, group) in summary.groups() {
            assert_eq!((group.shares(), group.net(&labels), group.sentiment_score(&labels)), (None, None, None));
        }
        assert_eq!(summary.groups().next().unwrap().0.0, None, "what has no value comes first");
    }
}
