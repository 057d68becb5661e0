//! Predictions aggregated by group and period: counts, shares of the labels, means.

mod compare;
mod duplicates;
mod error;
mod extremes;
mod grouping;
mod html;
mod labels;
mod left_out;
mod order;
mod period;
mod rows;
mod scored;
mod time;
mod write;

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use chrono::NaiveDateTime;
pub use compare::TextChanges;
pub use duplicates::UniqueBy;
pub use error::SummaryError;
pub use extremes::{Extremes, QuotedText};
pub use grouping::{GroupColumns, Grouping, TimeColumn};
pub use html::{Report, write_report};
pub use labels::SeenLabels;
pub use left_out::LeftOut;
pub use order::SortKey;
pub use period::{Every, EveryError, Periods};
pub use rows::{SummaryRow, rows};
pub use scored::{ScoredFiles, ScoredRow};
pub use time::{TIME_EXAMPLES, TimeError, TimeFormat, TimeFormatError, TimeReader, Zone, ZoneError};
pub use write::{SummaryShape, column_names, write_summary};

use extremes::Candidate;
use finsent_model::{LabelMap, Prediction};

/// Most groups of a summary, which is held in memory.
const MAX_GROUPS: usize = 5_000_000;

/// Most bytes of the values of all groups.
const MAX_GROUP_BYTES: usize = 256 << 20;

/// Most bytes of the texts that are quoted of all groups.
const MAX_TEXT_BYTES: usize = 256 << 20;

/// The start of a period, as [`Periods::start`] gives it.
pub type PeriodStart = NaiveDateTime;

/// What a group has in common. Groups are ordered by their values, then by period; a missing value comes first.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GroupKey {
    /// The value of each column that the summary is by; `None` if it is blank.
    pub values: Vec<Option<String>>,
    /// The start of the period, if the summary is by time and the row's time can be read.
    pub period: Option<PeriodStart>,
}

/// The groups, in order.
#[derive(Debug, Default)]
pub struct Summary {
    groups: BTreeMap<GroupKey, Group>,
    /// Bytes of the groups' values.
    bytes: usize,
    /// Most texts that are quoted of each end of a group; 0 for none.
    quotes: usize,
    /// Bytes of the quoted texts.
    text_bytes: usize,
}

/// The sums over the items of a group.
#[derive(Debug, Default, Clone)]
pub struct Group {
    count: u64,
    failed: u64,
    weight: f64,
    /// For each label, the weights of the items that have it.
    labelled: Vec<f64>,
    /// Weighted sentiment scores.
    sentiment: f64,
    /// The weights of the items that have a sentiment score.
    sentiment_weight: f64,
    /// The texts with the highest and lowest sentiment scores.
    extremes: Extremes,
}

/// What a summary needs to know of an item.
#[derive(Debug, Clone, Copy)]
pub struct Observation<'a> {
    /// The id of its label.
    pub label: usize,
    /// Its sentiment score, from -1 to 1, if its labels have one.
    pub sentiment_score: Option<f64>,
    /// Its weight, which is finite and not negative.
    pub weight: f64,
    /// Its text and its place, to be quoted.
    pub text: Option<(&'a str, &'a str)>,
}

impl Summary {
    /// A summary that keeps so many texts of each end of a group.
    pub fn with_quotes(quotes: usize) -> Self {
        Self { quotes, ..Self::default() }
    }

    /// Adds a prediction with a weight, which is finite and not negative, and its text and place.
    ///
    /// # Errors
    /// [`SummaryError::TooManyGroups`] and the other bounds.
    pub fn add(
        &mut self,
        key: GroupKey,
        prediction: &Prediction,
        weight: f64,
        text: Option<(&str, &str)>,
    ) -> Result<(), SummaryError> {
        let (label, score) = (prediction.label_id(), prediction.sentiment_score());
        self.add_observation(key, Observation { label, sentiment_score: score.map(f64::from), weight, text })
    }

    /// Adds an item.
    ///
    /// # Errors
    /// [`SummaryError::TooManyGroups`] and the other bounds.
    pub fn add_observation(&mut self, key: GroupKey, item: Observation<'_>) -> Result<(), SummaryError> {
        let quotes = self.quotes;
        let group = self.group(key)?;
        group.add(&item);
        if let (Some((text, place)), Some(score)) = (item.text, item.sentiment_score) {
            let change = group.extremes.add(quotes, &Candidate::new(text, place, score, item.label));
            self.text_bytes = self.text_bytes.saturating_add_signed(change);
            if self.text_bytes > MAX_TEXT_BYTES {
                return Err(SummaryError::LongTexts { limit: MAX_TEXT_BYTES });
            }
        }
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
        let groups = self.groups.len();
        match self.groups.entry(key) {
            Entry::Occupied(known) => Ok(known.into_mut()),
            Entry::Vacant(new) => {
                self.bytes += new.key().values.iter().flatten().map(String::len).sum::<usize>();
                if groups >= MAX_GROUPS {
                    return Err(SummaryError::TooManyGroups { limit: MAX_GROUPS });
                }
                if self.bytes > MAX_GROUP_BYTES {
                    return Err(SummaryError::LongGroups { limit: MAX_GROUP_BYTES });
                }
                Ok(new.insert(Group::default()))
            }
        }
    }

    /// The groups with their keys, in order.
    pub fn groups(&self) -> impl Iterator<Item = (&GroupKey, &Group)> {
        self.groups.iter()
    }

    /// A group.
    pub fn get(&self, key: &GroupKey) -> Option<&Group> {
        self.groups.get(key)
    }

    /// The same items grouped by the values only, over all periods.
    #[must_use]
    pub fn totals(&self) -> Self {
        let mut totals = Self { quotes: self.quotes, ..Self::default() };
        for (key, group) in &self.groups {
            let key = GroupKey { values: key.values.clone(), period: None };
            totals.groups.entry(key).or_default().merge(group, self.quotes);
        }
        totals
    }
}

impl Group {
    fn add(&mut self, item: &Observation<'_>) {
        self.count += 1;
        self.weight += item.weight;
        if self.labelled.len() <= item.label {
            self.labelled.resize(item.label + 1, 0.0);
        }
        self.labelled[item.label] += item.weight;
        if let Some(score) = item.sentiment_score {
            self.sentiment += item.weight * score;
            self.sentiment_weight += item.weight;
        }
    }

    /// Adds all items of another group.
    fn merge(&mut self, other: &Self, quotes: usize) {
        self.count += other.count;
        self.failed += other.failed;
        self.weight += other.weight;
        if self.labelled.len() < other.labelled.len() {
            self.labelled.resize(other.labelled.len(), 0.0);
        }
        self.labelled.iter_mut().zip(&other.labelled).for_each(|(sum, weight)| *sum += weight);
        self.sentiment += other.sentiment;
        self.sentiment_weight += other.sentiment_weight;
        self.extremes.merge(&other.extremes, quotes);
    }

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

    /// The texts at both ends.
    pub fn extremes(&self) -> &Extremes {
        &self.extremes
    }

    fn has_means(&self) -> bool {
        self.weight > 0.0 && self.weight.is_finite()
    }

    fn labelled(&self, label: usize) -> f64 {
        self.labelled.get(label).copied().unwrap_or(0.0)
    }

    /// The share of a label in the weights, from 0 to 1; `None` if the sum of the weights is 0 or not finite.
    pub fn share(&self, label: usize) -> Option<f64> {
        self.has_means().then(|| self.labelled(label) / self.weight)
    }

    /// The weighted mean of the sentiment scores, from -1 to 1; `None` if the labels have no sentiment, or as for
    /// [`Group::share`].
    pub fn sentiment_score(&self, labels: &LabelMap) -> Option<f64> {
        let has_mean = self.sentiment_weight > 0.0 && self.sentiment_weight.is_finite();
        (has_mean && labels.has_sentiment_score()).then(|| self.sentiment / self.sentiment_weight)
    }

    /// The share of the positive label minus that of the negative one; `None` as for [`Group::sentiment_score`].
    pub fn net(&self, labels: &LabelMap) -> Option<f64> {
        let [positive, negative] = labels.sentiment_ids()?;
        self.has_means().then(|| (self.labelled(positive) - self.labelled(negative)) / self.weight)
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
        let key = |name: &str| GroupKey { values: vec![Some(name.to_owned())], period: None };
        summary.add(key("b"), &prediction(&labels, [0.75, 0.25, 0.0]), 3.0, None).unwrap();
        summary.add(key("b"), &prediction(&labels, [0.0, 0.75, 0.25]), 1.0, None).unwrap();
        summary.add(key("a"), &prediction(&labels, [0.0, 0.25, 0.75]), 1.0, None).unwrap();
        summary.add_failed(key("b")).unwrap();
        let groups: Vec<_> = summary.groups().collect();
        assert_eq!(groups.iter().map(|(key, _)| key.values[0].as_deref().unwrap()).collect::<Vec<_>>(), ["a", "b"]);
        let b = groups[1].1;
        assert_eq!((b.count(), b.failed(), b.weight()), (2, 1, 4.0));
        assert_eq!([0, 1, 2].map(|label| b.share(label).unwrap()), [0.75, 0.25, 0.0]);
        assert_eq!(b.net(&labels), Some(0.5));
        assert_eq!(b.sentiment_score(&labels), Some((3.0 * 0.5 - 0.75) / 4.0));
        assert_eq!(groups[0].1.net(&labels), Some(0.0));
    }

    #[test]
    fn the_values_of_all_groups_are_bounded() {
        let mut summary = Summary::default();
        let value = |number: u8| format!("{number}{}", "x".repeat(MAX_GROUP_BYTES / 4));
        let key = |number: u8| GroupKey { values: vec![Some(value(number))], period: None };
        for number in [0, 1, 2, 0, 1, 2] {
            summary.add_failed(key(number)).unwrap();
        }
        assert!(matches!(summary.add_failed(key(3)), Err(SummaryError::LongGroups { .. })));
    }

    #[test]
    fn groups_whose_weight_is_zero_or_infinite_have_no_mean() {
        let labels = labels();
        let mut summary = Summary::default();
        let key = |value: Option<&str>| GroupKey { values: vec![value.map(String::from)], period: None };
        summary.add(key(None), &prediction(&labels, [1.0, 0.0, 0.0]), 0.0, None).unwrap();
        summary.add_failed(key(Some("x"))).unwrap();
        for _ in 0..2 {
            summary.add(key(Some("y")), &prediction(&labels, [1.0, 0.0, 0.0]), f64::MAX, None).unwrap();
        }
        for (_, group) in summary.groups() {
            assert_eq!((group.share(0), group.net(&labels), group.sentiment_score(&labels)), (None, None, None));
        }
        assert_eq!(summary.groups().next().unwrap().0.values, [None], "the group without a value comes first");
    }
    #[test]
    fn totals_are_what_the_same_items_are_without_periods() {
        let labels = labels();
        let (mut by_day, mut whole) = (Summary::with_quotes(2), Summary::with_quotes(2));
        let days = ["2026-03-02", "2026-03-03", "2026-03-02", "2026-03-04"];
        for (index, day) in days.iter().enumerate() {
            let period = NaiveDateTime::parse_from_str(&format!("{day} 00:00"), "%Y-%m-%d %H:%M").ok();
            let values = vec![Some("ACME".to_owned())];
            let prediction = prediction(&labels, [0.5, 0.25 * index as f32, 0.0]);
            let text = Some((*day, "line 2"));
            by_day.add(GroupKey { values: values.clone(), period }, &prediction, 0.5, text).unwrap();
            whole.add(GroupKey { values, period: None }, &prediction, 0.5, text).unwrap();
        }
        assert_eq!(by_day.groups().count(), 3);
        let (totals, expected) = (by_day.totals(), whole.groups().next().unwrap().1);
        let total = totals.groups().next().unwrap().1;
        assert_eq!((total.count(), total.weight()), (4, 2.0));
        assert_eq!(total.sentiment_score(&labels), expected.sentiment_score(&labels));
        assert_eq!(total.net(&labels), expected.net(&labels));
        assert_eq!(total.extremes(), expected.extremes());
    }
}
