//! The order of a summary's rows.

use std::cmp::Ordering;
use std::str::FromStr;

use super::write::{SummaryValue, column_names, values};
use super::{SummaryError, SummaryRow, SummaryShape};

/// A column to sort by: its name, with `-` before it to begin with the largest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SortKey {
    column: String,
    is_descending: bool,
}

impl FromStr for SortKey {
    type Err = std::convert::Infallible;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let column = text.strip_prefix('-');
        Ok(Self { is_descending: column.is_some(), column: column.unwrap_or(text).to_owned() })
    }
}

impl SortKey {
    /// The index of the column in a summary of this shape. `sentiment` is short for `sentiment_score`.
    ///
    /// # Errors
    /// [`SummaryError::NoSortColumn`].
    pub fn check(&self, shape: &SummaryShape<'_>) -> Result<usize, SummaryError> {
        let names = column_names(shape);
        let index = |name: &str| names.iter().position(|known| known == name);
        let short = || (self.column == "sentiment").then(|| index("sentiment_score")).flatten();
        index(&self.column).or_else(short).ok_or_else(|| {
            let nearest = finsent_model::suggest(&self.column, names.iter().map(String::as_str)).map(String::from);
            SummaryError::NoSortColumn { column: self.column.clone(), columns: names, nearest }
        })
    }

    /// Sorts rows. Rows without a value come last, and those with equal values keep their order.
    ///
    /// # Errors
    /// As [`SortKey::check`].
    pub fn sort(&self, rows: &mut Vec<SummaryRow<'_>>, shape: &SummaryShape<'_>) -> Result<(), SummaryError> {
        let column = self.check(shape)?;
        let mut keyed: Vec<(Option<SummaryValue>, SummaryRow<'_>)> = rows
            .drain(..)
            .map(|row| (values(shape, &row).into_iter().nth(column).filter(|value| !value.is_missing()), row))
            .collect();
        keyed.sort_by(|(left, _), (right, _)| match (left, right) {
            (Some(left), Some(right)) if self.is_descending => right.order(left),
            (Some(left), Some(right)) => left.order(right),
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (None, None) => Ordering::Equal,
        });
        rows.extend(keyed.into_iter().map(|(_, row)| row));
        Ok(())
    }
}
