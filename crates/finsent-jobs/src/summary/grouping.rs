//! Which rows belong together, and what they weigh.

use std::borrow::Cow;

use chrono::NaiveDateTime;
use finsent_model::{Classification, LabelMap};
use finsent_table::{Input, OutputRecord, Row, TableError};

use super::duplicates::Duplicates;
use super::{
    Every, GroupKey, LeftOut, Observation, Periods, ScoredRow, Summary, SummaryError, SummaryShape, TimeError,
    TimeReader, UniqueBy,
};

/// The columns that a summary is made by.
#[derive(Debug, Clone)]
pub struct GroupColumns {
    /// The columns whose values are the groups.
    pub groups: Vec<String>,
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

impl GroupColumns {
    /// The columns that `names` stands for: one with this very name, else several with commas between them.
    pub fn split(names: &str, input: &Input) -> Vec<String> {
        match input.check_column(names) {
            Ok(()) => vec![names.to_owned()],
            Err(_) => names.split(',').map(|name| name.trim().to_owned()).collect(),
        }
    }

    /// The names of all columns.
    pub fn names(&self) -> impl Iterator<Item = &String> {
        self.groups.iter().chain(self.time.as_ref().map(|time| &time.name)).chain(&self.weight)
    }
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
    /// Most texts that are quoted of each end of a group.
    quotes: usize,
    summary: Summary,
    duplicates: Option<(UniqueBy, Duplicates)>,
}

impl Grouping {
    /// A summary of `input` by these columns, which quotes so many texts of each end of a group.
    ///
    /// # Errors
    /// [`TableError::NoColumn`] if a file does not have them.
    pub fn new(columns: GroupColumns, quotes: usize, input: &Input) -> Result<Self, TableError> {
        columns.names().try_for_each(|column| input.check_column(column))?;
        Ok(Self { columns, quotes, summary: Summary::with_quotes(quotes), duplicates: None })
    }

    /// The same summary, of which rows that repeat an earlier one of their group and period are no part.
    ///
    /// # Errors
    /// [`TableError::NoColumn`] if a file does not have the columns that tell.
    pub fn unique(mut self, by: UniqueBy, input: &Input) -> Result<Self, TableError> {
        if let UniqueBy::Columns(columns) = &by {
            columns.iter().try_for_each(|column| input.check_column(column))?;
        }
        self.duplicates = Some((by, Duplicates::default()));
        Ok(self)
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
        let (key, period) = self.key(row);
        let Some(answer) = answer else {
            self.summary.add_failed(key)?;
            return Ok(None);
        };
        match period.and_then(|()| self.weight(row)) {
            Err(reason) => {
                self.summary.add_failed(key)?;
                Ok(Some(reason))
            }
            Ok(weight) => {
                let whole = row.text.as_ref().map(|text| text.as_str()).unwrap_or_default();
                for record in OutputRecord::all_of(answer) {
                    let text = (self.quotes > 0).then(|| (record.text().unwrap_or(whole), row.place.as_str()));
                    self.summary.add(key.clone(), record.prediction(), weight, text)?;
                }
                Ok(None)
            }
        }
    }

    /// Counts a row of a file that is scored. Returns why it is counted as failed, if it has no `error` that says it.
    ///
    /// # Errors
    /// [`SummaryError::TooManyGroups`] and the other bounds.
    pub fn count_scored(&mut self, row: &Row, scored: ScoredRow<'_>) -> Result<Option<LeftOut>, SummaryError> {
        let (key, period) = self.key(row);
        let (label, sentiment_score, text) = match scored {
            ScoredRow::Scored { label, sentiment_score, text } => (label, sentiment_score, text),
            ScoredRow::Failed => {
                self.summary.add_failed(key)?;
                return Ok(None);
            }
            ScoredRow::LeftOut(reason) => {
                self.summary.add_failed(key)?;
                return Ok(Some(reason));
            }
        };
        match period.and_then(|()| self.weight(row)) {
            Err(reason) => {
                self.summary.add_failed(key)?;
                Ok(Some(reason))
            }
            Ok(_) if self.is_copy(&key, row, text.as_deref())? => Ok(None),
            Ok(weight) => {
                let text = text.as_deref().filter(|_| self.quotes > 0).map(|text| (text, row.place.as_str()));
                self.summary.add_observation(key, Observation { label, sentiment_score, weight, text })?;
                Ok(None)
            }
        }
    }

    /// Whether a row repeats an earlier one of its group, if that matters.
    fn is_copy(&mut self, key: &GroupKey, row: &Row, text: Option<&str>) -> Result<bool, SummaryError> {
        match &mut self.duplicates {
            None => Ok(false),
            Some((UniqueBy::Text, seen)) => seen.is_copy(key, text.into_iter()),
            Some((UniqueBy::Columns(columns), seen)) => {
                let cells: Vec<Cow<'_, str>> =
                    columns.iter().map(|column| row.value(column).unwrap_or_default()).collect();
                seen.is_copy(key, cells.iter().map(AsRef::as_ref))
            }
        }
    }

    /// Rows that were left out because they repeat an earlier one.
    pub fn copies(&self) -> u64 {
        self.duplicates.as_ref().map_or(0, |(_, seen)| seen.copies())
    }

    /// The group of a row, and whether its time can be read.
    fn key(&self, row: &Row) -> (GroupKey, Result<(), LeftOut>) {
        let values = self.columns.groups.iter().map(|column| cell(row, column).map(Cow::into_owned)).collect();
        match self.period(row) {
            Ok(period) => (GroupKey { values, period }, Ok(())),
            Err(error) => (GroupKey { values, period: None }, Err(error.into())),
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
        SummaryShape {
            groups: &self.columns.groups,
            periods,
            is_weighted,
            labels,
            is_csv_safe,
            has_change: false,
            has_before: false,
            quotes: 0,
        }
    }
}

/// The value of a column, unless it is blank.
fn cell<'a>(row: &'a Row, column: &str) -> Option<Cow<'a, str>> {
    row.value(column).filter(|cell| !cell.trim().is_empty())
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
