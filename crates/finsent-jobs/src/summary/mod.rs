//! Predictions aggregated by group and period: counts, shares of the labels, means.

mod error;
mod grouping;
mod period;
mod time;
mod write;

use std::collections::BTreeMap;

use chrono::NaiveDateTime;
pub use error::SummaryError;
pub use grouping::{GroupColumns, Grouping, LeftOut, TimeColumn};
pub use period::{Every, EveryError, Periods};
pub use time::{TIME_EXAMPLES, TimeError, TimeFormat, TimeFormatError, TimeReader, Zone, ZoneError};
pub use write::{SummaryShape, write_summary};

use finsent_model::{LabelMap, Prediction};

/// Most groups of a summary, which is held in memory.
const MAX_GROUPS: usize = 5_000_000;

/// Most bytes of the values of all groups.
const MAX_GROUP_BYTES: usize = 256 << 20;

/// The key of a group: the value of its column, if there is one, and the start of its period.
pub type GroupKey = (Option<String>, Option<NaiveDateTime>);

/// The groups, ordered by value and then by period.
#[derive(Debug, Default)]
pub struct Summary {
    groups: BTreeMap<GroupKey, Group>,
    /// Bytes of the groups' values.
    bytes: usize,
}

/// The sums over the items of a group.
#[derive(Debug, Default)]
pub struct Group {
    count: u64,
    failed: u64,
    weight: f64,
    /// For each label, the weights of the items that have it.
    labelled: Vec<f64>,
    /// Weighted sentiment scores.
    sentiment: f64,
}

impl Summary {
    /// Adds a prediction with a weight, which is finite and not negative.
    ///
    /// # Errors
    /// [`SummaryError::TooManyGroups`].
    pub fn add(&mut self, key: GroupKey, prediction: &Prediction, weight: f64) -> Result<(), SummaryError> {
        let group = self.group(key)?;
        group.count += 1;
        group.weight += weight;
        group.labelled.resize(prediction.scores().len(), 0.0);
        group.labelled[prediction.label_id()] += weight;
        group.sentiment += weight * f64::from(prediction.sentiment_score().unwrap_or(0.0));
        Ok(())
    }

    /// Counts an item without a prediction, or without the time or weight that it needs.
    ///
    /// # Errors
    /// [`SummaryError::TooManyGroups`].
    pub fn add_failed(&mut self, key: GroupKey) -> Result<(), SummaryError> {
        self.group(key)?.failed += 1;
        Ok(())
    }

    fn group(&mut self, key: GroupKey) -> Result<&mut Group, SummaryError> {
        if !self.groups.contains_key(&key) {
            self.bytes += key.0.as_ref().map_or(0, String::len);
            if self.groups.len() >= MAX_GROUPS {
                return Err(SummaryError::TooManyGroups { limit: MAX_GROUPS });
            }
            if self.bytes > MAX_GROUP_BYTES {
                return Err(SummaryError::LongGroups { limit: MAX_GROUP_BYTES });
            }
        }
        Ok(self.groups.entry(key).or_default())
    }

    /// The groups with their keys, in order.
    pub fn groups(&self) -> impl Iterator<Item = (&GroupKey, &Group)> {
        self.groups.iter()
    }
}

impl Group {
    /// Items with a prediction.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// Items that are counted and not in the sums.
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

    /// The share of each label in the weights, from 0 to 1; `None` if the sum of the weights is 0 or not finite.
    pub fn shares(&self) -> Option<Vec<f64>> {
        self.has_means().then(|| self.labelled.iter().map(|labelled| labelled / self.weight).collect())
    }

    /// The weighted mean of the sentiment scores, from -1 to 1; `None` if the labels have no sentiment, or as for
    /// [`Group::shares`].
    pub fn sentiment_score(&self, labels: &LabelMap) -> Option<f64> {
        (self.has_means() && labels.has_sentiment_score()).then(|| self.sentiment / self.weight)
    }

    /// The share of the positive label minus that of the negative one; `None` as for [`Group::sentiment_score`].
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
    fn shares_means_and_net_are_weighted() {
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
    fn the_values_of_all_groups_are_bounded() {
        let mut summary = Summary::default();
        let key = |number: u8| (Some(format!("{number}{}", "x".repeat(MAX_GROUP_BYTES / 4))), None);
        for number in [0, 1, 2, 0, 1, 2] {
            summary.add_failed(key(number)).unwrap();
        }
        assert!(matches!(summary.add_failed(key(3)), Err(SummaryError::LongGroups { .. })));
    }

    #[test]
    fn groups_whose_weight_is_zero_or_infinite_have_no_mean() {
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
        assert_eq!(summary.groups().next().unwrap().0.0, None, "the group without a value comes first");
    }
}
