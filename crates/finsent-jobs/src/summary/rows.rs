//! The rows of a summary: its groups, with what changed.

use std::collections::BTreeSet;

use finsent_model::LabelMap;

use super::{Group, GroupKey, Summary};

/// A group and what it is compared with.
#[derive(Debug, Clone, Copy)]
pub struct SummaryRow<'a> {
    /// What the group has in common.
    pub key: &'a GroupKey,
    /// Its sums; `None` if only the earlier summary has the group.
    pub group: Option<&'a Group>,
    /// Its mean sentiment score minus that of its last earlier period that has one.
    pub change: Option<f64>,
    /// The same group of the earlier summary.
    pub before: Option<&'a Group>,
}

impl SummaryRow<'_> {
    /// The change of the mean sentiment score since the earlier summary.
    pub fn sentiment_change(&self, labels: &LabelMap) -> Option<f64> {
        Some(self.group?.sentiment_score(labels)? - self.before?.sentiment_score(labels)?)
    }

    /// The change of the net since the earlier summary.
    pub fn net_change(&self, labels: &LabelMap) -> Option<f64> {
        Some(self.group?.net(labels)? - self.before?.net(labels)?)
    }
}

/// The rows of a summary in the order of its groups, and those of an earlier one that it does not have.
pub fn rows<'a>(summary: &'a Summary, before: Option<&'a Summary>, labels: &LabelMap) -> Vec<SummaryRow<'a>> {
    let mut last: Option<(&GroupKey, f64)> = None;
    let mut rows: Vec<SummaryRow<'a>> = Vec::new();
    for (key, group) in summary.groups() {
        let mean = group.sentiment_score(labels);
        let earlier = last.filter(|(last, _)| last.values == key.values && last.period.is_some());
        let change = mean.zip(earlier).map(|(mean, (_, earlier))| mean - earlier);
        last = mean.map(|mean| (key, mean)).or(last);
        rows.push(SummaryRow { key, group: Some(group), change, before: before.and_then(|before| before.get(key)) });
    }
    let Some(before) = before else { return rows };
    let known: BTreeSet<&GroupKey> = rows.iter().map(|row| row.key).collect();
    let gone = before.groups().filter(|(key, _)| !known.contains(key));
    rows.extend(gone.map(|(key, group)| SummaryRow { key, group: None, change: None, before: Some(group) }));
    rows.sort_by_key(|row| row.key);
    rows
}
