//! Rows that repeat an earlier row of their group.

use std::collections::HashSet;
use std::hash::Hash;

use super::{GroupKey, SummaryError};
use crate::hash::with_seeds;

/// Most rows that are told apart; each takes up to 36 bytes.
const MAX_ROWS: usize = 20_000_000;

/// What makes rows copies of each other, within a group and its period.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UniqueBy {
    /// They have the same text.
    Text,
    /// They have the same values in these columns.
    Columns(Vec<String>),
}

/// The rows that were seen, by 128 bits of hashes of their group and values.
#[derive(Debug, Default)]
pub(super) struct Duplicates {
    seen: HashSet<u128>,
    copies: u64,
}

impl Duplicates {
    /// Whether a row of this group has the values of an earlier one.
    pub(super) fn is_copy<'a>(
        &mut self,
        key: &GroupKey,
        values: impl Iterator<Item = &'a str> + Clone,
    ) -> Result<bool, SummaryError> {
        let is_copy = !self.seen.insert(hash(key, values));
        self.copies += u64::from(is_copy);
        if self.seen.len() > MAX_ROWS {
            return Err(SummaryError::TooManyRows { limit: MAX_ROWS });
        }
        Ok(is_copy)
    }

    /// The rows that were copies.
    pub(super) fn copies(&self) -> u64 {
        self.copies
    }
}

/// A hash of a group and of values, each with its end.
fn hash<'a>(key: &GroupKey, values: impl Iterator<Item = &'a str> + Clone) -> u128 {
    with_seeds(|hasher| {
        key.hash(hasher);
        values.clone().for_each(|value| value.hash(hasher));
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_has_the_group_and_all_values_of_an_earlier_row() {
        let mut rows = Duplicates::default();
        let key = |value: &str| GroupKey { values: vec![Some(value.to_owned())], period: None };
        let mut is_copy = |group: &str, values: [&str; 2]| rows.is_copy(&key(group), values.into_iter()).unwrap();
        assert!(!is_copy("ACME", ["Profit rose", "wire"]));
        assert!(!is_copy("BOLT", ["Profit rose", "wire"]));
        assert!(!is_copy("ACME", ["Profit rosew", "ire"]));
        assert!(is_copy("ACME", ["Profit rose", "wire"]));
        assert_eq!(rows.copies(), 1);
    }
}
