//! The names of a table's columns: each once, and not too many.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use crate::error::TableError;

/// Most columns of a file, and most fields of an object. Each costs memory for every row; a spreadsheet has 16,384.
pub(crate) const MAX_COLUMNS: usize = 1 << 16;

/// Refuses a file with too many columns.
///
/// # Errors
/// [`TableError::TooManyColumns`].
pub(crate) fn check_count(file: &str, found: usize) -> Result<(), TableError> {
    match found > MAX_COLUMNS {
        true => Err(TableError::TooManyColumns { file: file.to_owned(), found, limit: MAX_COLUMNS }),
        false => Ok(()),
    }
}

/// Refuses a file with too many columns, or with two of the same name.
///
/// # Errors
/// [`TableError::TooManyColumns`] or [`TableError::ColumnTwice`].
pub(crate) fn check_names(file: &str, names: &[Arc<str>]) -> Result<(), TableError> {
    check_count(file, names.len())?;
    match repeated(names) {
        Some(twice) => Err(TableError::ColumnTwice { file: file.to_owned(), column: twice.to_string() }),
        None => Ok(()),
    }
}

/// The first name that was there before.
pub(crate) fn repeated<'a>(names: impl IntoIterator<Item = &'a Arc<str>>) -> Option<&'a Arc<str>> {
    let mut known: HashSet<&str> = HashSet::new();
    names.into_iter().find(|name| !known.insert(name))
}

/// The places of columns by their names.
#[derive(Debug)]
pub(crate) struct ColumnPlaces {
    names: Vec<Arc<str>>,
    places: HashMap<Arc<str>, usize>,
}

impl ColumnPlaces {
    pub(crate) fn of(names: &[Arc<str>]) -> Self {
        let places = names.iter().enumerate().map(|(place, name)| (Arc::clone(name), place)).collect();
        Self { names: names.to_vec(), places }
    }

    /// The names, in order.
    pub(crate) fn names(&self) -> &[Arc<str>] {
        &self.names
    }

    /// The place of the column with a name, which most rows have at the place `likely`.
    pub(crate) fn find(&self, name: &str, likely: usize) -> Option<usize> {
        match self.names.get(likely) {
            Some(there) if **there == *name => Some(likely),
            _ => self.places.get(name).copied(),
        }
    }

    /// The values of `fields` at the places of their names, each the first of its name. Others are left out.
    pub(crate) fn arrange<'a, T>(&self, fields: &'a [(Arc<str>, T)]) -> Vec<Option<&'a T>> {
        let mut arranged = vec![None; self.names.len()];
        for (likely, (name, field)) in fields.iter().enumerate() {
            if let Some(place) = self.find(name, likely) {
                arranged[place].get_or_insert(field);
            }
        }
        arranged
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(names: impl IntoIterator<Item = impl AsRef<str>>) -> Vec<Arc<str>> {
        names.into_iter().map(|name| name.as_ref().into()).collect()
    }

    #[test]
    fn names_are_unique_and_bounded_in_number() {
        assert!(check_names("f", &names(["a", "b"])).is_ok());
        let twice = check_names("f", &names(["a", "b", "a"]));
        assert!(matches!(twice, Err(TableError::ColumnTwice { column, .. }) if column == "a"));
        let many = |count: usize| check_names("f", &names((0..count).map(|number| number.to_string())));
        assert!(many(MAX_COLUMNS).is_ok());
        assert!(
            matches!(many(MAX_COLUMNS + 1), Err(TableError::TooManyColumns { found, .. }) if found == MAX_COLUMNS + 1)
        );
    }

    #[test]
    fn fields_are_arranged_by_their_names() {
        let places = ColumnPlaces::of(&names(["a", "b", "c"]));
        let fields: Vec<(Arc<str>, u8)> =
            [("c", 1), ("b", 2), ("x", 3), ("b", 4)].map(|(name, value)| (name.into(), value)).to_vec();
        assert_eq!(places.arrange(&fields), [None, Some(&2), Some(&1)]);
        assert_eq!(places.find("a", 7), Some(0));
    }
}
