//! `finsent eval`: the accuracy of models on labelled texts, in one or more number formats, and where models differ.

mod compared;
mod differences;
mod errors_file;
mod report;
mod tables;

use std::io;

use anyhow::{Context, Result, bail};
use finsent_jobs::Stages;
use finsent_jobs::evaluation::{
    Evaluation, EvaluationError, FileLabels, LabelMatcher, LabelledFile, MatchedBy, RenamedLabel, RowError, predictions,
};
use finsent_model::{EncodedText, Granularity, Text};
use finsent_table::{ColumnChoice, Input, InputProgress, ItemError, Row, TableError};

use super::args::{EvalArgs, EvalFormat};
use super::console::Console;
use super::exit::{Exit, UsageError};
use super::foreign::ForeignTexts;
use super::hints;
use super::progress::Bar;
use super::quantity::{grouped, quantity};
use super::settings::Settings;
use super::tally::Tally;
use compared::Compared;
use differences::Differences;
use errors_file::{ErrorsFile, ErrorsTarget};
use report::{Report, RowCounts};

/// Rows between two updates of the progress bar while labels are checked.
const ROWS_PER_UPDATE: u64 = 1000;
/// The column of the labels, unless the user names another.
const LABEL_COLUMN: &str = "label";

pub(super) fn run(args: &EvalArgs, settings: &Settings, console: Console) -> Result<Exit> {
    compared::check(args)?;
    let (file, input, errors) = open(args, console)?;
    let mut compared = compared::load(args, settings, console)?;
    let foreign = std::mem::take(&mut compared.foreign);
    let pipeline = compared.candidates[0].pipeline();
    let names = pipeline.labels().labels();
    let matcher = LabelMatcher::new(names, &args.label_map);
    let matcher = matcher.map_err(EvaluationError::from).context("--label-map")?;
    let mut labels = FileLabels::new(matcher, names);
    if file.has_labels() && !args.skip_unknown {
        check_labels(&file, &mut labels, console)?;
    }

    let errors = errors.map(|errors| errors.for_rows(&input, file.has_labels(), &compared, pipeline.labels(), console));
    let evaluation = Evaluation::new(names.len(), compared.candidates.len());
    let (differences, tally) = (Differences::default(), Tally::start());
    let mut run = EvalRun {
        args,
        file: &file,
        compared: &compared,
        labels,
        evaluation,
        differences,
        errors,
        foreign,
        tally,
        console,
    };
    run.read(input)?;
    run.report()
}

/// Opens the file, and that of the errors: what is wrong with them is an error before models are loaded.
fn open(args: &EvalArgs, console: Console) -> Result<(LabelledFile, Input, Option<ErrorsTarget>)> {
    let mut file = file(args)?;
    if !args.skip_unknown {
        file.check_rereadable().map_err(cannot_check_labels)?;
    }
    let errors = args.errors.as_deref().map(|path| ErrorsTarget::open(path, &file)).transpose()?;
    if let Some(errors) = &errors {
        file = file.with_all_columns(errors.needs_all_columns());
    }
    let input = match file.open() {
        Err(EvaluationError::LabelColumn(_)) if may_be_without_labels(args) => {
            console.note(&format!(
                "no column `{LABEL_COLUMN}`: the models are compared with each other only; if another column has the labels, \
                 name it with --label-column"
            ));
            file = file.without_labels();
            file.open()?
        }
        opened => opened?,
    };
    input.notes.iter().for_each(|note| console.note(note));
    Ok((file, input, errors))
}

/// Whether models can be compared without labels, and nothing that the user typed is about labels.
fn may_be_without_labels(args: &EvalArgs) -> bool {
    args.model.len() > 1 && args.label_column.is_none() && args.label_map.is_empty() && !args.skip_unknown
}

fn file(args: &EvalArgs) -> Result<LabelledFile, TableError> {
    let reading = args.reading.reading(ColumnChoice { text: args.text_column.clone(), ..ColumnChoice::default() })?;
    let label_column = args.reading.column(args.label_column.as_deref().unwrap_or(LABEL_COLUMN));
    Ok(LabelledFile::new(args.file.clone(), reading, label_column, args.limit))
}

/// The error of a file that can be read only once.
fn cannot_check_labels(error: TableError) -> UsageError {
    let hint = match error {
        TableError::NotRegularFile { .. } => {
            ", but its labels are checked first, which reads it twice. To read it once, add --skip-unknown"
        }
        _ => "; name a file",
    };
    UsageError(format!("{error}{hint}"))
}

/// Reads all labels of the file, and refuses those that the model does not have.
fn check_labels(file: &LabelledFile, labels: &mut FileLabels, console: Console) -> Result<()> {
    let Input { mut rows, progress, .. } = file.open()?;
    let progress = progress.filter(|_| console.draws_progress());
    let bar = progress.as_ref().map_or_else(|| Bar::new(None), Bar::of);
    let mut read = 0;
    while let Some(row) = rows.next_row()? {
        if let Ok(Some(label)) = file.label(&row) {
            labels.id(&label, &row.place)?;
        }
        read += 1;
        if read % ROWS_PER_UPDATE == 0 {
            bar.update(read, "checking labels".into());
        }
    }
    drop(bar);
    labels.take_renamed().iter().for_each(|renamed| console.note(&renamed_note(renamed)));
    Ok(labels.check(file)?)
}

fn renamed_note(RenamedLabel { place, label, name, by }: &RenamedLabel) -> String {
    let why = if *by == MatchedBy::Id { "which has this id" } else { "which means the same" };
    format!("{place}: label `{label}` is read as `{name}`, {why}")
}

fn nothing_to_evaluate(file: &str, counts: &RowCounts) -> String {
    let RowCounts { read, failed, unknown, .. } = *counts;
    if read == 0 {
        return format!("`{file}` has nothing to evaluate: it has no rows");
    }
    let have = if unknown == 1 { "has an unknown label" } else { "have unknown labels" };
    let (rows, failed, unknown) = (quantity(read, "row"), grouped(failed), grouped(unknown));
    format!("`{file}` has nothing to evaluate: of {rows}, {failed} failed and {unknown} {have}")
}

/// An evaluation in progress.
struct EvalRun<'a> {
    args: &'a EvalArgs,
    file: &'a LabelledFile,
    compared: &'a Compared,
    labels: FileLabels,
    evaluation: Evaluation,
    differences: Differences,
    errors: Option<ErrorsFile>,
    /// For each model that does not read all languages, with its name: the texts in others.
    foreign: Vec<(String, ForeignTexts)>,
    tally: Tally,
    console: Console,
}

/// The rows of a window that can be evaluated, column by column.
#[derive(Default)]
struct EvaluatedRows {
    rows: Vec<Row>,
    /// The ids of the labels; `None` if the file has none.
    truths: Vec<Option<usize>>,
    encoded: Vec<EncodedText>,
}

impl EvalRun<'_> {
    /// Evaluates all rows.
    fn read(&mut self, mut input: Input) -> Result<()> {
        let progress: Option<InputProgress> = input.progress.take().filter(|_| self.console.draws_progress());
        let bar = progress.as_ref().map_or_else(|| Bar::new(None), Bar::of);
        for window in Stages::tokenize(input.rows, self.compared.candidates[0].pipeline(), Granularity::Text)? {
            let mut evaluated = EvaluatedRows::default();
            let mut notes = Vec::new();
            for (row, encoded) in window? {
                notes.extend(self.take(row, encoded, &mut evaluated)?);
            }
            notes.extend(self.labels.take_renamed().iter().map(renamed_note));
            notes.extend(self.evaluate(evaluated)?);
            for note in notes {
                bar.suspend(|| self.console.note(&note));
            }
            bar.update(self.tally.rows, format!("{:.0} texts per second", self.tally.rate()));
        }
        Ok(())
    }

    /// Adds a row to `evaluated`, unless it fails or its label is unknown. Returns the note about its error.
    fn take(
        &mut self,
        row: Row,
        encoded: Result<EncodedText, ItemError>,
        evaluated: &mut EvaluatedRows,
    ) -> Result<Option<String>> {
        self.tally.rows += 1;
        let (label, encoded) = match self.file.label(&row).and_then(|label| Ok((label, encoded?))) {
            Ok(row) => row,
            Err(error) => return Ok(self.fail(&row.place, &error)),
        };
        let truth = match label {
            None => None,
            Some(label) => match self.labels.id(&label, &row.place)? {
                Some(truth) => Some(truth),
                None if self.args.skip_unknown => return Ok(None),
                None => {
                    let (file, place) = (self.file.name(), row.place.clone());
                    return Err(EvaluationError::FileChanged { file, place }.into());
                }
            },
        };
        evaluated.rows.push(row);
        evaluated.truths.push(truth);
        evaluated.encoded.push(encoded);
        Ok(None)
    }

    /// Evaluates the rows of a window. Returns the notes about errors.
    fn evaluate(&mut self, EvaluatedRows { rows, truths, encoded }: EvaluatedRows) -> Result<Vec<String>> {
        let texts: Vec<&Text> = rows.iter().filter_map(|row| row.text.as_ref().ok()).collect();
        let predictions = predictions(&self.compared.candidates, &texts, &encoded);
        let names = self.compared.candidates[0].pipeline().shared_labels();
        let mut notes = Vec::new();
        for ((row, truth), predictions) in rows.into_iter().zip(truths).zip(predictions) {
            match predictions {
                Ok(predictions) => {
                    self.tally.truncated += u64::from(predictions.iter().any(|prediction| prediction.truncated()));
                    self.evaluation.add(truth, &predictions);
                    if let Ok(text) = &row.text {
                        self.foreign.iter_mut().for_each(|(_, foreign)| foreign.look_at(&row, text.as_str()));
                    }
                    let named = truth.map(|truth| (truth, &names.labels()[truth]));
                    if self.compared.has_several_models {
                        self.differences.add(&row, named.map(|(_, name)| name), &predictions);
                    }
                    if let Some(errors) = &mut self.errors {
                        errors.write(row, named, &predictions)?;
                    }
                }
                Err(error) => notes.extend(self.fail(&row.place, &ItemError::from(error).into())),
            }
        }
        Ok(notes)
    }

    fn fail(&mut self, place: &str, error: &RowError) -> Option<String> {
        let more = "more rows failed; their errors are not printed";
        self.tally.failed.count_one(|| format!("{place}: {error}"), more)
    }

    fn counts(&self) -> RowCounts {
        RowCounts {
            read: self.tally.rows,
            evaluated: self.evaluation.rows(),
            failed: self.tally.failed.count(),
            unknown: self.labels.unknown().rows(),
            truncated: self.tally.truncated,
        }
    }

    /// Prints the report, unless there is nothing to report or the labels seem to mean something else.
    fn report(mut self) -> Result<Exit> {
        let counts = self.counts();
        if counts.evaluated == 0 {
            bail!(nothing_to_evaluate(&self.file.name(), &counts));
        }
        self.check_numbers()?;
        let errors = self.errors.take().map(|errors| errors.finish(self.file.has_labels())).transpose()?;
        self.print_notes();
        errors.iter().for_each(|note| self.console.note(note));
        let report =
            Report::new(self.compared, self.file, counts, self.labels.label_map(), &self.evaluation, &self.differences);
        match self.args.format {
            EvalFormat::Text => super::print(tables::of(&report, self.console.colors(&io::stdout())).as_bytes())?,
            EvalFormat::Json => super::print((serde_json::to_string_pretty(&report)? + "\n").as_bytes())?,
        };
        Ok(if counts.failed == 0 { Exit::Done } else { Exit::SomeItemsFailed })
    }

    /// Refuses labels that are numbers in another order than the model's ids, or says so if that is not sure.
    fn check_numbers(&self) -> Result<()> {
        let confusion = &self.evaluation.performances()[0].confusion;
        match self.labels.other_order(self.file.name(), confusion) {
            None => Ok(()),
            Some((error, true)) => Err(error.into()),
            Some((error, false)) => {
                self.console.note(&format!("warning: {}", hints::message(&error.into())));
                Ok(())
            }
        }
    }

    /// Prints what was left out or truncated, and how long it took.
    fn print_notes(&self) {
        let unknown = self.labels.unknown();
        if unknown.rows() > 0 {
            let (rows, all) = (quantity(unknown.rows(), "row"), grouped(self.tally.rows));
            self.console.note(&format!("left out {rows} of {all} with unknown labels: {unknown}"));
        }
        let truncation = self.tally.truncation(self.compared.smallest_window(), None);
        truncation.iter().for_each(|note| self.console.note(note));
        for (model, note) in self.foreign.iter().filter_map(|(model, foreign)| Some((model, foreign.note()?))) {
            let of_model = if self.compared.has_several_models { format!("{model}: ") } else { String::new() };
            self.console.note(&format!("{of_model}{note}"));
        }
        self.console.note(&self.tally.summary("row"));
    }
}
