//! `--group-by`: where the summary goes.

use std::io;
use std::path::{Path, PathBuf};

use anyhow::Result;
use finsent_jobs::summary::{GroupColumns, Grouping, rows};
use finsent_model::{Classification, LabelMap};
use finsent_table::{Destination, Input, InputKind, Row, TableError, TemporaryName};

use crate::cli::args::{ClassifyArgs, Format, SummaryFormat};
use crate::cli::console::Console;
use crate::cli::exit::UsageError;
use crate::cli::left_out::LeftOutRows;
use crate::cli::summary_output::{self, FinishedSummary, QUOTES_OF_PAGE};
use crate::cli::summary_table;
use crate::cli::width::terminal_width;

/// Rows whose times are checked before the work.
const FIRST_ROWS: usize = 100;

/// The summary of a run, and its place.
pub(super) struct SummaryOutput {
    grouping: Grouping,
    target: Target,
    /// Rows with a prediction that are not in the sums.
    left_out: LeftOutRows,
    /// What a page says about where the figures come from.
    source: String,
}

/// Where the summary goes.
enum Target {
    /// After the table of rows on standard output.
    AfterRows,
    File(SummaryFormat, Destination),
}

impl SummaryOutput {
    /// The summary that the arguments ask for. Its file is opened, so that an error with it comes before the work.
    ///
    /// # Errors
    /// If the input does not have the columns, or the summary has no place.
    pub(super) fn open(
        args: &ClassifyArgs,
        rows: Format,
        input: &mut Input,
        temporary: TemporaryName,
    ) -> Result<Option<Self>> {
        let Some(group) = args.group_by.clone() else { return Ok(None) };
        if args.shard.is_some() {
            let message = "a summary needs all rows, and a shard has only some; leave out --group-by or --shard";
            return Err(UsageError(message.into()).into());
        }
        if input.kind != InputKind::File {
            return Err(UsageError("--group-by names a column of a file; give a file: --input FILE".into()).into());
        }
        let groups = GroupColumns::split(&group, input);
        let quotes = if writes_page(args, rows) { QUOTES_OF_PAGE } else { 0 };
        let (time, weight) = (args.periods.time(String::clone), args.periods.weight_column.clone());
        let grouping = Grouping::new(GroupColumns { groups, time, weight }, quotes, input)?;
        if args.periods.time_column.is_some() {
            input.look_ahead(FIRST_ROWS, |rows| grouping.check_times(rows))?;
        }
        let target = match path(args, rows)? {
            None => Target::AfterRows,
            Some(path) => {
                Target::File(summary_output::format_of_file(&path)?, Destination::open(Some(&path), temporary)?)
            }
        };
        let source = args.input.iter().map(|path| path.display().to_string()).collect::<Vec<_>>().join(", ");
        Ok(Some(Self { grouping, target, left_out: LeftOutRows::default(), source }))
    }

    /// Whether it is a CSV file.
    pub(super) fn is_csv(&self) -> bool {
        matches!(self.target, Target::File(SummaryFormat::Csv | SummaryFormat::Tsv, _))
    }

    /// Counts a row with its classification, or `None` if it failed. Returns the note about a row with one that is not in the
    /// sums.
    pub(super) fn count(&mut self, row: &Row, answer: Option<&Classification>) -> Result<Option<String>> {
        let left_out = self.grouping.count(row, answer)?;
        Ok(left_out.and_then(|reason| self.left_out.add(row, &reason)))
    }

    /// Rows with a prediction that are not in the sums.
    pub(super) fn left_out(&self) -> u64 {
        self.left_out.count()
    }

    /// The note about rows that are not in the sums, of `scored` rows with a prediction.
    pub(super) fn note(&self, scored: u64) -> Option<String> {
        self.left_out.note(scored, self.grouping.time_column())
    }

    /// Writes the summary: to its file, or after the rows. Returns the destination of the rows.
    pub(super) fn finish(
        self,
        labels: &LabelMap,
        mut rows_out: Destination,
        is_csv_safe: bool,
        console: Console,
    ) -> Result<Destination> {
        let Self { grouping, target, source, .. } = self;
        let (summary, shape) = (grouping.summary(), grouping.shape(labels, is_csv_safe));
        let table = |out: &mut Destination| {
            let (room, colors) = (out.is_stdout().then(terminal_width), console.colors(&io::stdout()));
            summary_table::write(&rows(summary, None, labels), &shape, None, out, room, colors)
                .map_err(TableError::from)
        };
        match target {
            Target::AfterRows => table(&mut rows_out)?,
            Target::File(SummaryFormat::Text, mut file) => {
                table(&mut file)?;
                file.finish()?;
            }
            Target::File(format, file) => {
                let title = format!("Sentiment by {}", shape.groups.join(", "));
                let mut shape = shape;
                // The columns of the other formats are fixed.
                if format == SummaryFormat::Html {
                    (shape.has_change, shape.quotes) = (shape.periods.is_some(), QUOTES_OF_PAGE);
                }
                let finished =
                    FinishedSummary { summary, shape, before: None, changes: None, sort: None, title, source };
                finished.write(format, file, console)?.finish()?;
            }
        }
        Ok(rows_out)
    }
}

/// The file of the summary; `None` if it goes after the rows.
pub(super) fn path(args: &ClassifyArgs, rows: Format) -> Result<Option<PathBuf>, UsageError> {
    let file = args.output.as_deref().filter(|path| path.as_os_str() != "-");
    match (&args.summary, file) {
        (Some(path), _) => Ok(Some(path.clone())),
        (None, Some(rows)) => Ok(Some(beside(rows))),
        (None, None) if rows == Format::Text => Ok(None),
        (None, None) => Err(UsageError("the summary needs a file: add --summary FILE or --output FILE".into())),
    }
}

/// Whether the summary is a page, which has texts.
fn writes_page(args: &ClassifyArgs, rows: Format) -> bool {
    let format = |path: PathBuf| summary_output::format_of_file(&path).ok();
    path(args, rows).ok().flatten().and_then(format) == Some(SummaryFormat::Html)
}

/// `scored.summary.csv` for `scored.csv`.
fn beside(rows: &Path) -> PathBuf {
    let mut name = rows.file_stem().unwrap_or_default().to_owned();
    name.push(".summary");
    if let Some(extension) = rows.extension() {
        name.push(".");
        name.push(extension);
    }
    rows.with_file_name(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_summary_is_beside_the_rows() {
        assert_eq!(beside(Path::new("out/scored.csv")), Path::new("out/scored.summary.csv"));
        assert_eq!(beside(Path::new("scored")), Path::new("scored.summary"));
    }
}
