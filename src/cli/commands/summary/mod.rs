//! `finsent summary`: scored files in, tables and reports out. Nothing is scored.

mod columns;
mod files;
mod notes;

use std::io::{self, IsTerminal};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use finsent_jobs::summary::{ScoredFiles, SummaryShape, TextChanges};
use finsent_model::LabelMap;
use finsent_table::{Destination, TableError, TemporaryName, check_once, check_outputs, expand, list_files};

use super::args::{SummaryArgs, SummaryFormat};
use super::console::Console;
use super::exit::{Exit, UsageError};
use super::quantity::quantity;
use super::{interrupt, summary_output};
use files::{Counted, Files, Times};
use summary_output::{FinishedSummary, QUOTES_OF_PAGE};

/// New texts that are shown of each end when files are compared, unless the user says how many.
const QUOTES_OF_NEW: usize = 3;

pub(super) fn run(args: &SummaryArgs, console: Console) -> Result<Exit> {
    interrupt::watch().context("cannot watch for signals")?;
    let format = summary_output::format(args.format, args.output.as_deref())?;
    check_format(args, format)?;
    let (now, before) = (expand(args.files.clone())?, expand(args.compare.clone())?);
    check_paths(args, &now, &before)?;
    let destination = Destination::open(args.output.as_deref(), TemporaryName::Unique)?;

    let quotes = args.top.unwrap_or(if format == SummaryFormat::Html { QUOTES_OF_PAGE } else { 0 });
    let files = Files { args, quotes, quotes_of_new: args.top.unwrap_or(QUOTES_OF_NEW), console };
    let read = Compared::read(&files, &now, &before)?;
    notes::of_labels(read.scored.labels()).iter().for_each(|note| console.note(note));
    // JSON has no columns without rows.
    if read.has_no_rows() && read.scored.labels().names().is_empty() {
        console.note("there are no rows to summarize");
        return Ok(Exit::Done);
    }
    let labels = read.scored.labels().map()?;
    read.finished(args, &labels, quotes).write(format, destination, console)?.finish()?;
    for counted in read.earlier.iter().chain([&read.counted]) {
        notes::of_rows(args, counted).iter().for_each(|note| console.note(note));
    }
    if read.counted.rows == 0 {
        console.note("there are no rows to summarize");
    }
    notes::of_output(args, &read.counted).iter().for_each(|note| console.note(note));
    let is_left_out = |counted: &Counted| counted.left_out.count() > 0;
    let are_some_left_out = read.earlier.iter().chain([&read.counted]).any(is_left_out);
    Ok(if are_some_left_out { Exit::SomeItemsFailed } else { Exit::Done })
}

/// The rows of files, and of earlier ones that they are compared with.
struct Compared {
    scored: ScoredFiles,
    counted: Counted,
    earlier: Option<Counted>,
    changes: Option<TextChanges>,
}

impl Compared {
    fn read(files: &Files<'_>, now: &[PathBuf], before: &[PathBuf]) -> Result<Self> {
        let mut scored = ScoredFiles::new(files.text_column());
        if before.is_empty() {
            let counted = files.read(now, &mut scored, Times::Only)?;
            return Ok(Self { scored, counted, earlier: None, changes: None });
        }
        let mut changes = TextChanges::default();
        let earlier = files.read(before, &mut scored, Times::Before(&mut changes))?;
        let counted = files.read(now, &mut scored, Times::Now(&mut changes))?;
        // Without a column of texts there is nothing to say about them.
        let changes = Some(changes).filter(|_| counted.has_texts);
        Ok(Self { scored, counted, earlier: Some(earlier), changes })
    }

    fn has_no_rows(&self) -> bool {
        self.earlier.iter().chain([&self.counted]).all(|counted| counted.rows == 0)
    }

    fn finished<'a>(&'a self, args: &'a SummaryArgs, labels: &'a LabelMap, quotes: usize) -> FinishedSummary<'a> {
        let grouping = &self.counted.grouping;
        let shape = SummaryShape {
            has_change: grouping.time_column().is_some(),
            has_before: self.earlier.is_some(),
            quotes,
            ..grouping.shape(labels, args.csv_safe)
        };
        FinishedSummary {
            summary: grouping.summary(),
            title: args.title.clone().unwrap_or_else(|| title(&shape)),
            source: source(args, self.counted.rows),
            shape,
            before: self.earlier.as_ref().map(|earlier| earlier.grouping.summary()),
            changes: self.changes.as_ref(),
            sort: args.sort.as_ref(),
        }
    }
}

/// Refuses a format that cannot go where it should.
fn check_format(args: &SummaryArgs, format: SummaryFormat) -> Result<(), UsageError> {
    let is_terminal = args.output.is_none() && io::stdout().is_terminal();
    if format == SummaryFormat::Parquet && is_terminal {
        return Err(UsageError("refusing to write Parquet to a terminal; name a file with --output".into()));
    }
    if args.csv_safe && !matches!(format, SummaryFormat::Csv | SummaryFormat::Tsv) {
        return Err(UsageError("--csv-safe is for CSV and TSV output; add --format csv, or leave it out".into()));
    }
    if args.title.is_some() && format != SummaryFormat::Html {
        return Err(UsageError("--title is for a page; add --format html, or leave it out".into()));
    }
    Ok(())
}

/// Refuses to write over an input, and to read one twice.
fn check_paths(args: &SummaryArgs, now: &[PathBuf], before: &[PathBuf]) -> Result<(), TableError> {
    let is_file = |path: &&PathBuf| path.as_os_str() != "-";
    let mut read = Vec::new();
    for inputs in [now, before] {
        let files: Vec<PathBuf> = inputs.iter().filter(is_file).cloned().collect();
        let parts = list_files(&files, args.reading.format())?;
        check_once(&parts)?;
        read.extend(files.into_iter().chain(parts));
    }
    let output = args.output.clone().unwrap_or_else(|| "-".into());
    check_outputs(&[output], &read)
}

fn title(shape: &SummaryShape<'_>) -> String {
    let groups = shape.groups.join(", ");
    if groups.is_empty() { "Sentiment".into() } else { format!("Sentiment by {groups}") }
}

/// `scored.csv, 12,000 rows`
fn source(args: &SummaryArgs, rows: u64) -> String {
    let name = |path: &Path| path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned();
    let files = match args.files.as_slice() {
        [first, rest @ ..] if !rest.is_empty() => format!("{} and {} more", name(first), rest.len()),
        files => files.iter().map(|path| name(path)).collect(),
    };
    let compared = args.compare.first().map(|path| format!(", compared with {}", name(path))).unwrap_or_default();
    format!("{files}, {}{compared}", quantity(rows, "row"))
}
