//! `--group-by`: where the summary goes.

use std::io;
use std::path::{Path, PathBuf};

use anyhow::Result;
use finsent_jobs::summary::{
    GroupColumns, Grouping, LeftOut, SummaryError, TIME_EXAMPLES, TimeColumn, TimeReader, write_summary,
};
use finsent_model::{Classification, LabelMap};
use finsent_table::{Destination, Input, InputKind, Row, TableError, TemporaryName};

use crate::cli::args::{ClassifyArgs, Format};
use crate::cli::console::Console;
use crate::cli::exit::UsageError;
use crate::cli::quantity::{grouped, quantity};
use crate::cli::width::terminal_width;
use crate::cli::{output, summary_table};

/// Rows whose times are checked before the work.
const FIRST_ROWS: usize = 100;

/// The summary of a run, and its place.
pub(super) struct SummaryOutput {
    grouping: Grouping,
    target: Target,
    /// Rows whose time cannot be read.
    without_time: u64,
}

/// Where the summary goes.
enum Target {
    /// After the table of rows on standard output.
    AfterRows,
    File(Format, Destination),
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
        let time = args.time_column.clone().zip(args.every).map(|(name, every)| {
            let zone = args.time_zone.clone().unwrap_or_default();
            TimeColumn { name, every, reader: TimeReader { format: args.time_format.clone(), zone } }
        });
        let grouping = Grouping::new(GroupColumns { group, time, weight: args.weight_column.clone() }, input)?;
        if args.time_column.is_some() {
            input.look_ahead(FIRST_ROWS, |rows| grouping.check_times(rows))?;
        }
        let target = match path(args, rows)? {
            None => Target::AfterRows,
            Some(path) => Target::File(output::format(None, Some(&path))?, Destination::open(Some(&path), temporary)?),
        };
        Ok(Some(Self { grouping, target, without_time: 0 }))
    }

    /// Whether it is a CSV file.
    pub(super) fn is_csv(&self) -> bool {
        matches!(self.target, Target::File(Format::Csv | Format::Tsv, _))
    }

    /// Counts a row with its classification, or `None` if it failed. Returns why a row with one is not in the sums.
    pub(super) fn count(
        &mut self,
        row: &Row,
        answer: Option<&Classification>,
    ) -> Result<Option<LeftOut>, SummaryError> {
        let left_out = self.grouping.count(row, answer)?;
        self.without_time += u64::from(matches!(left_out, Some(LeftOut::Time(_))));
        Ok(left_out)
    }

    /// The note about `left_out` rows that are not in the sums, of `scored` rows with a prediction.
    pub(super) fn note(&self, left_out: u64, scored: u64) -> Option<String> {
        match (left_out, self.grouping.time_column()) {
            (0, _) => None,
            (_, Some(column)) if self.without_time == scored => Some(format!(
                "no row has a readable time in `{column}`, so the summary has no scores. Times look like {TIME_EXAMPLES}"
            )),
            _ => {
                let are = if left_out == 1 { "is" } else { "are" };
                let (left_out, scored) = (quantity(left_out, "row"), grouped(scored));
                Some(format!("{left_out} of {scored} {are} counted as failed in the summary"))
            }
        }
    }

    /// Writes the summary: to its file, or after the rows. Returns the destination of the rows.
    pub(super) fn finish(
        self,
        labels: &LabelMap,
        rows: Destination,
        is_csv_safe: bool,
        console: Console,
    ) -> Result<Destination> {
        let Self { grouping, target, .. } = self;
        let (summary, shape) = (grouping.summary(), grouping.shape(labels, is_csv_safe));
        let table = |out: &mut Destination| {
            let (room, colors) = (out.is_stdout().then(terminal_width), console.colors(&io::stdout()));
            summary_table::write(summary, &shape, out, room, colors).map_err(TableError::from)
        };
        match target {
            Target::AfterRows => {
                let mut rows = rows;
                table(&mut rows)?;
                Ok(rows)
            }
            Target::File(format, mut file) => {
                match format.of_file() {
                    Some(format) => file = write_summary(format, summary, &shape, file)?,
                    None => table(&mut file)?,
                }
                file.finish()?;
                Ok(rows)
            }
        }
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
