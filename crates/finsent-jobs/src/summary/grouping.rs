//! Which rows belong together, and what they weigh.

use chrono::NaiveDateTime;
use finsent_model::{Classification, LabelMap};
use finsent_table::{Input, OutputRecord, Row, TableError};
use thiserror::Error;

use super::{Every, GroupKey, Periods, Summary, SummaryError, SummaryShape, TimeError, TimeReader};

/// The columns that a summary is made by.
#[derive(Debug, Clone)]
pub struct GroupColumns {
    /// The column whose values are the groups.
    pub group: String,
    /// The times, if the summary is by time.
    pub time: Option<TimeColumn>,
    /// The column of the weights; without one, each row weighs 1.
    pub weight: Option<String>,
}

/// The column of the times of a summary.
#[derive(Debug, Clone)]
pub struct TimeColumn {
    /// Its name.
    pub name: String,
    /// How its times are read.
    pub reader: TimeReader,
    /// The length of the periods, which are those of the reader's zone.
    pub every: Every,
}

impl TimeColumn {
    fn periods(&self) -> Periods {
        Periods { every: self.every, zone: self.reader.zone.clone() }
    }
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
        let time = columns.time.as_ref().map(|time| &time.name);
        for column in [Some(&columns.group), time, columns.weight.as_ref()].into_iter().flatten() {
            input.check_column(column)?;
        }
        Ok(Self { columns, summary: Summary::default() })
    }

    /// Checks that the times of the first rows can be read, at least one of them, and that none may be two dates.
    ///
    /// # Errors
    /// [`SummaryError::Times`].
    pub fn check_times(&self, rows: &[Row]) -> Result<(), SummaryError> {
        let Some(time) = &self.columns.time else { return Ok(()) };
        let (mut first, mut is_any_read) = (None, false);
        for row in rows {
            let Some(cell) = cell(row, &time.name) else { continue };
            match time.reader.read(&cell) {
                Ok(_) => is_any_read = true,
                Err(error) => {
                    let is_ambiguous = matches!(error, TimeError::Ambiguous { .. });
                    let failed = SummaryError::Times { place: row.place.clone(), column: time.name.clone(), error };
                    if is_ambiguous {
                        return Err(failed);
                    }
                    first.get_or_insert(failed);
                }
            }
        }
        first.filter(|_| !is_any_read).map_or(Ok(()), Err)
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
        let Some(column) = &self.columns.time else { return Ok(None) };
        let time = column.reader.read(&cell(row, &column.name).unwrap_or_default())?;
        Ok(Some(column.periods().start(time)))
    }

    fn weight(&self, row: &Row) -> Result<f64, LeftOut> {
        let weight = self.columns.weight.as_ref();
        weight.map_or(Ok(1.0), |column| parse_weight(&cell(row, column).unwrap_or_default()))
    }

    /// The column of the times, if the summary is by time.
    pub fn time_column(&self) -> Option<&str> {
        self.columns.time.as_ref().map(|time| time.name.as_str())
    }

    /// The groups so far.
    pub fn summary(&self) -> &Summary {
        &self.summary
    }

    /// What the summary is by, for a model with these labels; `is_csv_safe` is [`SummaryShape::is_csv_safe`].
    pub fn shape<'a>(&'a self, labels: &'a LabelMap, is_csv_safe: bool) -> SummaryShape<'a> {
        let periods = self.columns.time.as_ref().map(TimeColumn::periods);
        let is_weighted = self.columns.weight.is_some();
        SummaryShape { group: &self.columns.group, periods, is_weighted, labels, is_csv_safe }
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
