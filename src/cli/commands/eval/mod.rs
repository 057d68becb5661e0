//! `finsent eval`: the accuracy of a model on labelled texts, in one or more precisions.

mod report;

use std::io;
use std::sync::Arc;

use anyhow::{Context, Result, bail};
use finsent_jobs::Stages;
use finsent_jobs::evaluation::{
    Evaluation, EvaluationError, FileLabels, LabelMatcher, LabelledFile, MatchedBy, RenamedLabel, RowError,
    check_model, predictions,
};
use finsent_kernels::Precision;
use finsent_model::{EncodedText, Granularity, Pipeline};
use finsent_table::{ColumnChoice, Input, InputProgress, ItemError, Row, TableError};

use super::args::{EvalArgs, EvalFormat, PrecisionArg};
use super::console::Console;
use super::exit::{Exit, UsageError};
use super::progress::Bar;
use super::quantity::{grouped, quantity};
use super::settings::Settings;
use super::tally::Tally;
use report::{Report, RowCounts};

/// Rows between two updates of the progress bar while labels are checked.
const ROWS_PER_UPDATE: u64 = 1000;

pub(super) fn run(args: &EvalArgs, settings: &Settings, console: Console) -> Result<Exit> {
    let file = file(args)?;
    if !args.skip_unknown {
        file.check_rereadable().map_err(cannot_check_labels)?;
    }
    // Everything that is wrong with the file is an error before models are loaded.
    let input = file.open()?;
    input.notes.iter().for_each(|note| console.note(note));
    let precisions = precisions(args, settings);
    let (model, pipelines) = load(&args.model, &precisions, settings, console)?;
    let names = pipelines[0].labels().labels();
    let matcher = LabelMatcher::new(names, &args.label_map);
    let matcher = matcher.map_err(EvaluationError::from).context("--label-map")?;
    let mut labels = FileLabels::new(matcher, names);
    if !args.skip_unknown {
        check_labels(&file, &mut labels, console)?;
    }

    let evaluation = Evaluation::new(names.len(), precisions.len());
    let mut run =
        EvalRun { args, file: &file, pipelines: &pipelines, labels, evaluation, tally: Tally::start(), console };
    run.read(input)?;
    let counts = run.counts();
    if counts.evaluated == 0 {
        bail!(nothing_to_evaluate(&file.name(), &counts));
    }
    run.print_notes();
    let EvalRun { labels, evaluation, tally, .. } = run;
    let report = Report::new(model, file.name(), counts, names, labels.label_map(), &precisions, &evaluation);
    match args.format {
        EvalFormat::Text => super::print(report.to_text(console.colors(&io::stdout())).as_bytes())?,
        EvalFormat::Json => super::print((serde_json::to_string_pretty(&report)? + "\n").as_bytes())?,
    };
    Ok(if tally.failed.count() == 0 { Exit::Done } else { Exit::SomeItemsFailed })
}

fn file(args: &EvalArgs) -> Result<LabelledFile, TableError> {
    let reading = args.reading.reading(ColumnChoice { text: args.text_column.clone(), ..ColumnChoice::default() })?;
    Ok(LabelledFile::new(args.file.clone(), reading, args.reading.column(&args.label_column), args.limit))
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

/// The model in each precision, and its name.
fn load(
    model: &str,
    precisions: &[Precision],
    settings: &Settings,
    console: Console,
) -> Result<(String, Vec<Arc<Pipeline>>)> {
    let mut pipelines = Vec::new();
    let mut name = String::new();
    for &precision in precisions {
        let (found, pipeline) = settings.load_in(model, precision)?;
        name = found.name;
        if pipelines.is_empty() {
            check_model(&name, &pipeline)?;
            let precisions = precisions.iter().map(Precision::to_string).collect::<Vec<_>>().join(", ");
            console.note(&format!("model {name} ({}), {precisions}", found.place));
        }
        pipelines.push(Arc::new(pipeline));
    }
    Ok((name, pipelines))
}

/// The precisions that the user typed, each once; else the one of the global option or the environment; else all.
fn precisions(args: &EvalArgs, settings: &Settings) -> Vec<Precision> {
    let mut precisions = Vec::new();
    for precision in args.precisions.iter().filter_map(|&precision| PrecisionArg::computed_in(precision)) {
        if !precisions.contains(&precision) {
            precisions.push(precision);
        }
    }
    match settings.precision {
        _ if !precisions.is_empty() => precisions,
        Some(precision) => vec![precision],
        None => Precision::ALL.to_vec(),
    }
}

/// Reads all labels of the file, and refuses those that the model does not have.
fn check_labels(file: &LabelledFile, labels: &mut FileLabels, console: Console) -> Result<()> {
    let Input { mut rows, progress, .. } = file.open()?;
    let progress = progress.filter(|_| console.draws_progress());
    let bar = progress.as_ref().map_or_else(|| Bar::new(None), Bar::of);
    let mut read = 0;
    while let Some(row) = rows.next_row()? {
        if let Ok(label) = file.label(&row) {
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
    pipelines: &'a [Arc<Pipeline>],
    labels: FileLabels,
    evaluation: Evaluation,
    tally: Tally,
    console: Console,
}

/// The rows of a window that can be evaluated, column by column.
#[derive(Default)]
struct LabelledTexts {
    places: Vec<String>,
    /// The ids of the labels.
    truths: Vec<usize>,
    texts: Vec<EncodedText>,
}

impl EvalRun<'_> {
    /// Evaluates all rows.
    fn read(&mut self, mut input: Input) -> Result<()> {
        let progress: Option<InputProgress> = input.progress.take().filter(|_| self.console.draws_progress());
        let bar = progress.as_ref().map_or_else(|| Bar::new(None), Bar::of);
        for window in Stages::tokenize(input.rows, &self.pipelines[0], Granularity::Text)? {
            let mut labelled = LabelledTexts::default();
            let mut notes = Vec::new();
            for (row, encoded) in window? {
                notes.extend(self.take(&row, encoded, &mut labelled)?);
            }
            notes.extend(self.labels.take_renamed().iter().map(renamed_note));
            notes.extend(self.evaluate(&labelled));
            for note in notes {
                bar.suspend(|| self.console.note(&note));
            }
            bar.update(self.tally.rows, format!("{:.0} texts per second", self.tally.rate()));
        }
        Ok(())
    }

    /// Adds a row to `labelled`, unless it fails or its label is unknown. Returns the note about its error.
    fn take(
        &mut self,
        row: &Row,
        encoded: Result<EncodedText, ItemError>,
        labelled: &mut LabelledTexts,
    ) -> Result<Option<String>> {
        self.tally.rows += 1;
        let (label, encoded) = match self.file.label(row).and_then(|label| Ok((label, encoded?))) {
            Ok(row) => row,
            Err(error) => return Ok(self.fail(&row.place, &error)),
        };
        match self.labels.id(&label, &row.place)? {
            Some(truth) => {
                labelled.places.push(row.place.clone());
                labelled.truths.push(truth);
                labelled.texts.push(encoded);
            }
            None if self.args.skip_unknown => (),
            None => {
                let (file, place) = (self.file.name(), row.place.clone());
                return Err(EvaluationError::FileChanged { file, place }.into());
            }
        }
        Ok(None)
    }

    /// Evaluates the rows of a window. Returns the notes about errors.
    fn evaluate(&mut self, labelled: &LabelledTexts) -> Vec<String> {
        let mut notes = Vec::new();
        let predictions = predictions(self.pipelines, &labelled.texts);
        for ((place, truth), predictions) in labelled.places.iter().zip(&labelled.truths).zip(predictions) {
            match predictions {
                Ok(predictions) => {
                    self.tally.truncated += u64::from(predictions[0].truncated());
                    self.evaluation.add(*truth, &predictions);
                }
                Err(error) => notes.extend(self.fail(place, &ItemError::from(error).into())),
            }
        }
        notes
    }

    fn fail(&mut self, place: &str, error: &RowError) -> Option<String> {
        let more = "more rows failed; their errors are not printed";
        self.tally.failed.count_one(|| format!("{place}: {error}"), more)
    }

    fn counts(&self) -> RowCounts {
        RowCounts {
            read: self.tally.rows,
            evaluated: self.evaluation.performances().first().map_or(0, |of| of.confusion.total()),
            failed: self.tally.failed.count(),
            unknown: self.labels.unknown().rows(),
            truncated: self.tally.truncated,
        }
    }

    /// Prints what was left out or truncated, and how long it took.
    fn print_notes(&self) {
        let unknown = self.labels.unknown();
        if unknown.rows() > 0 {
            let (rows, all) = (quantity(unknown.rows(), "row"), grouped(self.tally.rows));
            self.console.note(&format!("left out {rows} of {all} with unknown labels: {unknown}"));
        }
        let truncation = self.tally.truncation(self.pipelines[0].max_length(), None);
        truncation.iter().for_each(|note| self.console.note(note));
        self.console.note(&self.tally.summary("row"));
    }
}
