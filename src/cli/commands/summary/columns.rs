//! The columns that a summary is made by.

use finsent_jobs::summary::{GroupColumns, Grouping, UniqueBy};
use finsent_table::{Input, TableError};

use crate::cli::args::SummaryArgs;

/// The columns of the groups, the times and the weights.
pub(super) fn group_columns(args: &SummaryArgs, input: &Input) -> GroupColumns {
    let column = |name: &String| args.reading.column(name);
    let groups = args.by.as_ref().map(|by| GroupColumns::split(by, input)).unwrap_or_default();
    let (time, weight) = (args.periods.time(column), args.periods.weight_column.as_ref().map(column));
    GroupColumns { groups: groups.iter().map(column).collect(), time, weight }
}

/// What makes rows copies of each other, if copies are counted once.
pub(super) fn unique_by(args: &SummaryArgs) -> Option<UniqueBy> {
    let names = args.unique.as_deref()?;
    let columns = || names.split(',').map(|column| args.reading.column(column.trim())).collect();
    Some(if names.is_empty() { UniqueBy::Text } else { UniqueBy::Columns(columns()) })
}

/// A summary of these files that quotes so many texts of each end of a group.
///
/// # Errors
/// If a file does not have the columns.
pub(super) fn grouping(args: &SummaryArgs, quotes: usize, input: &Input) -> Result<Grouping, TableError> {
    let grouping = Grouping::new(group_columns(args, input), quotes, input)?;
    match unique_by(args) {
        None => Ok(grouping),
        Some(by) => grouping.unique(by, input),
    }
}
