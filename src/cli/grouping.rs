//! `--group-by`: which rows belong together, and where the summary of them goes.

use std::io;
use std::path::{Path, PathBuf};

use anyhow::Result;
use finsent_jobs::summary::{Every, Key, Summary, SummaryShape, parse_time, write_summary};
use finsent_model::{Classification, LabelMap};
use finsent_table::{Destination, Input, InputKind, OutputRecord, Row, TemporaryName, UsageError};

use super::args::{ClassifyArgs, Format};
use super::console::Console;
use super::{output, summary_table};

/// The columns that the user named.
#[derive(Debug, Clone)]
pub(super) struct Columns {
    group: String,
    time: Option<(String, Every)>,
    weight: Option<String>,
}

/// Where the summary goes.
enum To {
    /// Behind the rows of a table on standard output.
    BehindRows,
    File(Format, Destination),
}

/// Counts rows by group.
pub(super) struct Grouping {
    columns: Columns,
    summary: Summary,
    to: To,
}

impl Grouping {
    /// What the arguments ask for. The file of the summary is opened, so that what keeps it from being written is told now.
    ///
    /// # Errors
    /// When the input has no such columns, or the summary has no place.
    pub(super) fn open(
        args: &ClassifyArgs,
        rows: Format,
        input: &Input,
        interim: TemporaryName,
    ) -> Result<Option<Self>> {
        let Some(group) = args.group_by.clone() else { return Ok(None) };
        if args.shard.is_some() {
            return Err(UsageError(
                "a summary is of all rows, and a shard has some of them; leave out --group-by or --shard".into(),
            )
            .into());
        }
        if input.kind != InputKind::File {
            return Err(UsageError(
                "--group-by names a column, and only files have columns; give a file, --input FILE".into(),
            )
            .into());
        }
        let columns =
            Columns { group, time: args.time_column.clone().zip(args.every), weight: args.weight_column.clone() };
        let named = [Some(&columns.group), columns.time.as_ref().map(|(column, _)| column), columns.weight.as_ref()];
        named.into_iter().flatten().try_for_each(|column| input.has_column(column))?;
        let to = match path(args, rows)? {
            None => To::BehindRows,
            Some(path) => To::File(output::format(None, Some(&path))?, Destination::open(Some(&path), interim)?),
        };
        Ok(Some(Self { columns, summary: Summary::default(), to }))
    }

    /// Counts what became of a row; gives why it is not in the summary's sums, where the row is not to blame otherwise.
    ///
    /// # Errors
    /// When there are too many groups.
    pub(super) fn count(&mut self, row: &Row, answer: Option<&Classification>) -> Result<Option<String>> {
        let cell = |column: &str| row.cell(column).filter(|cell| !cell.trim().is_empty());
        let group = cell(&self.columns.group);
        let time = match &self.columns.time {
            None => Ok(None),
            Some((column, every)) => parse_time(&cell(column).unwrap_or_default())
                .map(|time| Some(every.start(time)))
                .map_err(|e| e.to_string()),
        };
        let weight = self.columns.weight.as_ref().map_or(Ok(1.0), |column| weight(&cell(column).unwrap_or_default()));
        let key: Key = (group, time.clone().unwrap_or_default());
        let Some(answer) = answer else {
            self.summary.add_failed(key)?;
            return Ok(None);
        };
        match time.and(weight) {
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

    /// Writes the summary: into its file, or behind the rows. Gives back where these went.
    pub(super) fn finish(self, labels: &LabelMap, rows: Destination, console: Console) -> Result<Destination> {
        let Self { columns, summary, to } = self;
        let every = columns.time.as_ref().map(|(_, every)| *every);
        let shape = SummaryShape { group: &columns.group, every, is_weighted: columns.weight.is_some(), labels };
        match to {
            To::BehindRows => {
                let mut rows = rows;
                summary_table::write(&summary, &shape, &mut rows, console.colors(&io::stdout()))?;
                Ok(rows)
            }
            To::File(format, mut file) => {
                match format.of_file() {
                    Some(format) => file = write_summary(format, &summary, &shape, file)?,
                    None => summary_table::write(&summary, &shape, &mut file, console.colors(&io::stdout()))?,
                }
                file.finish()?;
                Ok(rows)
            }
        }
    }
}

/// The file of the summary; `None` where it goes behind the rows.
fn path(args: &ClassifyArgs, rows: Format) -> Result<Option<PathBuf>, UsageError> {
    let file = args.output.as_deref().filter(|path| path.as_os_str() != "-");
    match (&args.summary, file) {
        (Some(path), _) => Ok(Some(path.clone())),
        (None, Some(rows)) => Ok(Some(beside(rows))),
        (None, None) if rows == Format::Text => Ok(None),
        (None, None) => Err(UsageError(
            "where does the summary go? name a file with --summary, or one for the rows with --output".into(),
        )),
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

fn weight(cell: &str) -> Result<f64, String> {
    let number = cell.trim().parse::<f64>().ok().filter(|weight| weight.is_finite() && *weight >= 0.0);
    number.ok_or_else(|| format!("`{cell}` is no weight; weights are numbers from 0"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_summary_stands_beside_the_rows() {
        assert_eq!(beside(Path::new("out/scored.csv")), Path::new("out/scored.summary.csv"));
        assert_eq!(beside(Path::new("scored")), Path::new("scored.summary"));
    }

    #[test]
    fn a_weight_is_a_number_from_0() {
        assert_eq!(weight(" 2.5 "), Ok(2.5));
        for cell in ["", "x", "-1", "NaN", "inf"] {
            assert!(weight(cell).is_err(), "{cell}");
        }
    }
}
