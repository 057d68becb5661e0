//! Reads scored files and counts their rows.

use std::path::PathBuf;
use std::sync::mpsc::{Receiver, sync_channel};
use std::thread;

use anyhow::{Context, Result};
use finsent_jobs::summary::{Grouping, ScoredFiles, ScoredRow, SummaryError, TextChanges, UniqueBy};
use finsent_table::{ColumnChoice, ColumnSelection, ColumnTypes, Input, Reading, Row, RowReader, TableError};

use super::columns::{group_columns, grouping, unique_by};
use crate::cli::args::SummaryArgs;
use crate::cli::console::Console;
use crate::cli::exit::UsageError;
use crate::cli::left_out::LeftOutRows;
use crate::cli::progress::Bar;

/// Rows whose times are checked before the work.
const FIRST_ROWS: usize = 100;
/// Rows that go from the thread that reads to the one that counts at a time, or as many as have 1 MB; four such windows wait.
const ROWS_PER_WINDOW: usize = 512;
const BYTES_PER_WINDOW: usize = 1 << 20;
const WINDOWS: usize = 4;

/// How files are read and counted.
pub(super) struct Files<'a> {
    pub(super) args: &'a SummaryArgs,
    /// Texts that are kept of each end of a group.
    pub(super) quotes: usize,
    /// The same of new texts.
    pub(super) quotes_of_new: usize,
    pub(super) console: Console,
}

/// Which files are read, if files are compared.
pub(super) enum Times<'a> {
    Only,
    Before(&'a mut TextChanges),
    Now(&'a mut TextChanges),
}

/// What files hold.
pub(super) struct Counted {
    pub(super) grouping: Grouping,
    pub(super) rows: u64,
    /// Rows with an error instead of a prediction.
    pub(super) failed: u64,
    pub(super) left_out: LeftOutRows,
    /// Whether a row has a text.
    pub(super) has_texts: bool,
}

impl Files<'_> {
    /// The column of the texts, if the user named one.
    pub(super) fn text_column(&self) -> Option<String> {
        self.args.text_column.as_ref().map(|column| self.args.reading.column(column))
    }

    /// Reads files to their end and counts their rows.
    pub(super) fn read(&self, paths: &[PathBuf], scored: &mut ScoredFiles, mut times: Times<'_>) -> Result<Counted> {
        let mut input = self.open(paths, scored)?;
        let quotes = if matches!(times, Times::Before(_)) { 0 } else { self.quotes };
        let mut counted = Counted {
            grouping: grouping(self.args, quotes, &input)?,
            rows: 0,
            failed: 0,
            left_out: LeftOutRows::default(),
            has_texts: false,
        };
        if unique_by(self.args) == Some(UniqueBy::Text) || self.args.top.is_some() {
            scored.check_texts(&input)?;
        }
        if self.args.periods.time_column.is_some() {
            input.look_ahead(FIRST_ROWS, |rows| counted.grouping.check_times(rows))?;
        }
        let progress = input.progress.take().filter(|_| self.console.draws_progress());
        let bar = progress.as_ref().map_or_else(|| Bar::new(None), Bar::of);
        for window in windows(input.rows)? {
            for row in window? {
                if let Some(note) = self.count(&row, &mut counted, scored, &mut times)? {
                    bar.suspend(|| self.console.note(&note));
                }
            }
            bar.update(counted.rows, "counting".into());
        }
        drop(bar);
        if counted.rows == counted.failed {
            scored.name_labels()?;
        }
        input.late_notes.lines().iter().for_each(|note| self.console.note(note));
        Ok(counted)
    }

    fn count(
        &self,
        row: &Row,
        counted: &mut Counted,
        scored: &mut ScoredFiles,
        times: &mut Times<'_>,
    ) -> Result<Option<String>> {
        counted.rows += 1;
        let prediction = scored.read(row)?;
        match &prediction {
            ScoredRow::Failed => counted.failed += 1,
            ScoredRow::Scored { label, sentiment_score, text: Some(text) } => {
                counted.has_texts = true;
                match times {
                    Times::Only => (),
                    Times::Before(changes) => changes.add_before(text, *label)?,
                    Times::Now(changes) => {
                        changes.add_now((text, &row.place), *label, *sentiment_score, self.quotes_of_new)?;
                    }
                }
            }
            _ => (),
        }
        let left_out = counted.grouping.count_scored(row, prediction)?;
        Ok(left_out.and_then(|reason| counted.left_out.add(row, &reason)))
    }

    /// Takes the labels from the first rows, which still have their columns. To read one row of Parquet is to read many.
    fn learn_labels(input: &mut Input, scored: &mut ScoredFiles) -> Result<(), SummaryError> {
        match input.types {
            ColumnTypes::Untyped => {
                input.look_ahead(FIRST_ROWS, |rows| rows.iter().try_for_each(|row| scored.read(row).map(|_| ())))
            }
            ColumnTypes::Parquet(_) | ColumnTypes::Mixed(_) => scored.name_labels(),
        }
    }

    /// Opens files, twice if they can be: the first time tells their columns, of which only those that are needed are read.
    fn open(&self, paths: &[PathBuf], scored: &mut ScoredFiles) -> Result<Input> {
        let args = self.args;
        let choice = ColumnChoice { text: self.text_column(), is_text_optional: true, ..ColumnChoice::default() };
        let reading = args.reading.reading(choice)?;
        let mut input = open(paths, &reading)?;
        for note in input.notes.iter().chain(&scored.check(&input)?) {
            self.console.note(note);
        }
        // A pipe can be read once only.
        if !paths.iter().all(|path| path.is_file() || path.is_dir()) {
            return Ok(input);
        }
        Self::learn_labels(&mut input, scored)?;
        let has_texts = self.quotes > 0 || !args.compare.is_empty() || unique_by(args) == Some(UniqueBy::Text);
        let mut columns = scored.columns(&input, has_texts);
        columns.extend(group_columns(args, &input).names().cloned());
        if let Some(UniqueBy::Columns(names)) = unique_by(args) {
            columns.extend(names);
        }
        let mut reading = Reading { selection: ColumnSelection::Only(columns), ..reading };
        if !has_texts {
            // Texts that nobody sees are most of the bytes.
            reading.columns.text = scored.label_column(&input).or(reading.columns.text);
        }
        open(paths, &reading)
    }
}

fn open(paths: &[PathBuf], reading: &Reading) -> Result<Input> {
    match paths {
        [path] if path.as_os_str() == "-" => Ok(Input::standard_input(reading)?),
        paths if paths.iter().any(|path| path.as_os_str() == "-") => {
            Err(UsageError("`-` (standard input) cannot be combined with other files".into()).into())
        }
        paths => Ok(Input::files(paths, reading)?),
    }
}

/// Rows in windows, which a thread of its own reads.
fn windows(mut rows: Box<dyn RowReader>) -> Result<Receiver<Result<Vec<Row>, TableError>>> {
    let (sender, receiver) = sync_channel(WINDOWS);
    let read = move || {
        loop {
            let window = window(&mut *rows);
            let is_last = window.as_ref().map_or(true, Vec::is_empty);
            // The receiver is gone after an error.
            if sender.send(window).is_err() || is_last {
                break;
            }
        }
    };
    thread::Builder::new().name("read".into()).spawn(read).context("cannot start a thread")?;
    Ok(receiver)
}

fn window(rows: &mut dyn RowReader) -> Result<Vec<Row>, TableError> {
    let (mut window, mut bytes) = (Vec::with_capacity(ROWS_PER_WINDOW), 0);
    while window.len() < ROWS_PER_WINDOW && bytes < BYTES_PER_WINDOW {
        let Some(row) = rows.next_row()? else { break };
        bytes += row.bytes();
        window.push(row);
    }
    Ok(window)
}
