//! The columns of the table for people.

use anyhow::Result;
use finsent_jobs::summary::GroupColumns;
use finsent_table::{Input, InputKind};

use crate::cli::args::{ClassifyArgs, Format};
use crate::cli::exit::UsageError;
use crate::cli::text_table::TableColumns;

/// The columns that the user named; else, if rows are grouped, those that they are grouped by. The texts are shown anyway.
pub(super) fn of(args: &ClassifyArgs, input: &Input) -> TableColumns {
    let groups = args.group_by.as_ref().map(|names| GroupColumns::split(names, input)).unwrap_or_default();
    let of_groups = groups.into_iter().chain(args.periods.time_column.clone());
    let keys = match args.keep_columns.as_slice() {
        [] => of_groups.filter(|column| args.text_column.as_ref() != Some(column)).collect(),
        named => named.iter().map(|name| args.reading.column(name)).collect(),
    };
    TableColumns { keys, is_wide: args.wide }
}

/// Refuses columns of a table that is not printed, and columns that the input does not have.
pub(super) fn check(args: &ClassifyArgs, format: Format, input: &Input) -> Result<()> {
    let given = [("--keep-columns", !args.keep_columns.is_empty()), ("--wide", args.wide)];
    if format != Format::Text
        && let Some((option, _)) = given.into_iter().find(|(_, is_given)| *is_given)
    {
        let message = "is for the table of --format text; the other formats have all columns";
        return Err(UsageError(format!("{option} {message}")).into());
    }
    check_names(args, input)
}

/// As [`check`], for standard input, whose columns are known when its first line is.
pub(super) fn check_settled(args: &ClassifyArgs, input: &Input) -> Result<()> {
    if input.kind == InputKind::StandardInput && input.columns.is_empty() && !args.keep_columns.is_empty() {
        return Err(UsageError("--keep-columns needs columns, and standard input has lines of text".into()).into());
    }
    check_names(args, input)
}

fn check_names(args: &ClassifyArgs, input: &Input) -> Result<()> {
    args.keep_columns.iter().try_for_each(|name| Ok(input.check_column(&args.reading.column(name))?))
}
