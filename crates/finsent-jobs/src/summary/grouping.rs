//! Which rows belong together, and what they weigh.

use chrono::NaiveDateTime;
use finsent_model::{Classification, LabelMap};
use finsent_table::{Input, OutputRecord, Row, TableError};
use thiserror::Error;

use super::{Every, GroupKey, Summary, SummaryError, SummaryShape, TimeError, parse_time};

/// The columns that a summary is made by.
#[derive(Debug, Clone)]
pub struct GroupColumns {
    /// The column whose values are the groups.
    pub group: String,
    /// The column of the times, and the length of the periods.
    pub time: Option<(String, Every)>,
    /// The column of the weights; without one, each row weighs 1.
    pub weight: Option<String>,
}

/// A summary in the making.
#[derive(Debug)]
pub struct Grouping {
    columns: GroupColumns,
    summary: Summary,
}

/// Why a row with a prediction is counted as failed in the summary.
#[derive(Debug, Error, PartialEq)]
#[non_exhaustive]
pub enum LeftOut {
    /// Its time cannot be read.
    #[error(transparent)]
    Time(#[from] TimeError),
    /// Its weight is not a number from 0.
    #[error("`{0}` is not a weight; expected a number from 0")]
    Weight(String),
}

impl Grouping {
    /// A summary of `input` by these columns.
    ///
    /// # Errors
    /// [`TableError::NoColumn`] if a file does not have them.
    pub fn new(columns: GroupColumns, input: &Input) -> Result<Self, TableError> {
        let time = columns.time.as_ref().map(|(column, _)| column);
        for column in [Some(&columns.group), time, columns.weight.as_ref()].into_iter().flatten() {
            input.check_column(column)?;
        }
        Ok(Self { columns, summary: Summary::default() })
    }

    /// Counts a row with its classification, or `None` if it failed. Returns why a row with one is counted as failed.
    ///
    /// # Errors
    /// [`SummaryError::TooManyGroups`].
    pub fn count(&mut self, row: &Row, answer: Option<&Classification>) -> Result<Option<LeftOut>, SummaryError> {
        let group = cell(row, &self.columns.group);
        let period = self.period(row);
        let key: GroupKey = (group, period.as_ref().copied().unwrap_or_default());
        let Some(answer) = answer else {
            self.summary.add_failed(key)?;
            return Ok(None);
        };
        match period.map_err(LeftOut::from).and_then(|_| self.weight(row)) {
            Err(reason) => {
                self.summary.add_failed(key)?;
                Ok(Some(reason))
            }
            Ok(weight) => {
                for record in OutputRecord::all_of(answer) {
                    self.summary.add(key.clone(), record.prediction(), weight)?;
                }
                Ok(None)
            }
        }
    }

    /// The start of the row's period, if the summary is by time.
    fn period(&self, row: &Row) -> Result<Option<NaiveDateTime>, TimeError> {
        let Some((column, every)) = &self.columns.time else { return Ok(None) };
        let time = parse_time(&cell(row, column).unwrap_or_default())?;
        Ok(Some(every.start(time)))
    }

    fn weight(&self, row: &Row) -> Result<f64, LeftOut> {
        let weight = self.columns.weight.as_ref();
        weight.map_or(Ok(1.0), |column| parse_weight(&cell(row, column).unwrap_or_default()))
    }

    /// The column of the times, if the summary is by time.
    pub fn time_column(&self) -> Option<&str> {
        self.columns.time.as_ref().map(|(column, _)| column.as_str())
    }

    /// The groups so far.
    pub fn summary(&self) -> &Summary {
        &self.summary
    }

    /// What the summary is by, for a model with these labels; `is_csv_safe` is [`SummaryShape::is_csv_safe`].
    pub fn shape<'a>(&'a self, labels: &'a LabelMap, is_csv_safe: bool) -> SummaryShape<'a> {
        let every = self.columns.time.as_ref().map(|(_, every)| *every);
        let is_weighted = self.columns.weight.is_some();
        SummaryShape { group: &self.columns.group, every, is_weighted, labels, is_csv_safe }
    }
}

/// The value of a column, unless it is blank.
fn cell(row: &Row, column: &str) -> Option<String> {
    row.cell(column).filter(|cell| !cell.trim().is_empty())
}

fn parse_weight(cell: &str) -> Result<f64, LeftOut> {
    let number = cell.trim().parse::<f64>().ok().filter(|weight| weight.is_finite() && *weight >= 0.0);
    number.ok_or_else(|| LeftOut::Weight(cell.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_weight_is_a_number_from_0() {
        assert_eq!(parse_weight(" 2.5 "), Ok(2.5));
        for cell in ["", "x", "-1", "NaN", "inf"] {
            assert!(parse_weight(cell).is_err(), "{cell}");
        }
    }
}
