//! `finsent eval`: how good a model is on labelled texts, in one precision or several.

mod labelled;
mod report;

use std::cmp::Ordering;
use std::io;
use std::sync::Arc;
use std::time::Instant;

use anyhow::{Result, bail};
use finsent_jobs::Stages;
use finsent_jobs::evaluation::{Evaluation, LabelMatcher};
use finsent_kernels::Precision;
use finsent_model::{Activation, ClassifyError, EncodedText, Encoding, Granularity, Pipeline, Prediction};
use finsent_table::{ItemError, Row, UsageError};

use super::args::{EvalArgs, EvalFormat, PrecisionArg};
use super::console::Console;
use super::exit::Exit;
use super::progress::Bar;
use super::settings::Settings;
use labelled::{LabelledFile, Labels, RowError};
use report::{Report, Rows};

/// Most labels of a model: the matrices grow with their square.
const MAX_LABELS: usize = 1000;
/// Rows left out that are told one by one.
const TOLD_FAILURES: u64 = 10;

pub(super) fn run(args: &EvalArgs, settings: &Settings, console: Console) -> Result<Exit> {
    let file = LabelledFile::new(args)?;
    if !args.skip_unknown {
        file.check_can_be_read_twice()?;
    }
    // What is wrong with the file is told before models are loaded.
    let mut input = file.open()?;

    let precisions = precisions(args, settings);
    let mut pipelines = Vec::new();
    let mut model = String::new();
    for &precision in &precisions {
        let (found, pipeline) = settings.load_in(&args.model, precision)?;
        model = found.name.clone();
        if pipelines.is_empty() {
            check_model(&model, &pipeline)?;
            let names = precisions.iter().map(Precision::to_string).collect::<Vec<_>>().join(", ");
            console.note(&format!("model {model} ({}), {names}", found.place));
        }
        pipelines.push(Arc::new(pipeline));
    }
    let names = pipelines[0].labels().labels();
    let matcher =
        LabelMatcher::new(names, &args.label_map).map_err(|error| UsageError(format!("--label-map: {error}")))?;
    let mut labels = Labels::new(matcher, names);
    if !args.skip_unknown {
        labelled::check_labels(&file, &mut labels, console)?;
    }

    let progress = input.progress.take().filter(|_| console.draws_progress());
    let bar = progress.as_ref().map_or_else(|| Bar::new(None), Bar::of);
    let mut evaluation = Evaluation::new(names.len(), precisions.len());
    let mut tally = Tally::start();
    for window in Stages::tokenize(input.rows, &pipelines[0], Granularity::Text)? {
        let mut rows = Vec::new();
        for (row, prepared) in window? {
            tally.read += 1;
            match truth(&file, &mut labels, &row, prepared)? {
                Ok(Some((truth, prepared))) => rows.push(Labelled { place: row.place, truth, prepared }),
                Ok(None) if args.skip_unknown => (),
                Ok(None) => labelled::changed(&file, &row.place)?,
                Err(error) => bar.suspend(|| tally.fail(&row.place, &error, console)),
            }
        }
        for note in labels.take_notes() {
            bar.suspend(|| console.note(&note));
        }
        for (Labelled { place, truth, .. }, predictions) in rows.iter().zip(predictions(&pipelines, &rows)) {
            match predictions {
                Ok(predictions) => {
                    tally.count(&predictions[0]);
                    evaluation.add(*truth, &predictions);
                }
                Err(error) => bar.suspend(|| tally.fail(place, &ItemError::from(error).into(), console)),
            }
        }
        let done = progress.as_ref().map_or(0, |progress| progress.done(tally.read));
        bar.update(done, format!("{:.0} texts a second", tally.rate()));
    }
    drop(bar);

    let rows = tally.rows(labels.unknown_rows());
    if rows.evaluated == 0 {
        let (name, Rows { read, failed, unknown, .. }) = (args.file.display(), rows);
        bail!("`{name}` has nothing to evaluate: of {read} rows {failed} failed, and {unknown} have unknown labels");
    }
    tell(&tally, &rows, &labels, &pipelines[0], console);
    let file = args.file.display().to_string();
    let report = Report::new(model, file, rows, names, labels.taken(), &precisions, &evaluation);
    match args.format {
        EvalFormat::Text => super::print(report.to_text(console.colors(&io::stdout())).as_bytes())?,
        EvalFormat::Json => super::print((serde_json::to_string_pretty(&report)? + "\n").as_bytes())?,
    };
    Ok(if tally.failed == 0 { Exit::Done } else { Exit::SomeItemsFailed })
}

/// What the user typed, else the one of the global option or the environment, else all; each once.
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

/// Refuses a model of whose labels not exactly one is true, or that has very many.
fn check_model(name: &str, pipeline: &Pipeline) -> Result<(), UsageError> {
    let labels = pipeline.labels().labels().len();
    if pipeline.activation() != Activation::Softmax {
        return Err(UsageError(format!(
            "`{name}` judges each label by itself (multi-label); eval is for models that choose one of their labels"
        )));
    }
    if labels > MAX_LABELS {
        return Err(UsageError(format!("`{name}` has {labels} labels; eval compares {MAX_LABELS} at most")));
    }
    Ok(())
}

/// A row that can be evaluated.
struct Labelled {
    place: String,
    /// The id of its label.
    truth: usize,
    prepared: EncodedText,
}

/// The id of a row's label, and its tokens; `None` where the label is unknown.
fn truth(
    file: &LabelledFile<'_>,
    labels: &mut Labels<'_>,
    row: &Row,
    prepared: Result<EncodedText, ItemError>,
) -> Result<Result<Option<(usize, EncodedText)>, RowError>> {
    let labelled = file.label(row).and_then(|label| Ok((label, prepared?)));
    Ok(match labelled {
        Ok((label, prepared)) => Ok(labels.id(&label, &row.place)?.map(|id| (id, prepared))),
        Err(error) => Err(error),
    })
}

/// The predictions of each row in each precision, or why one of them has none. The tokens are the same for all.
fn predictions(pipelines: &[Arc<Pipeline>], rows: &[Labelled]) -> Vec<Result<Vec<Prediction>, ClassifyError>> {
    // A text that is evaluated as a whole has one encoding.
    let encodings: Vec<&Encoding> = rows.iter().flat_map(|row| row.prepared.encodings()).map(|arc| &**arc).collect();
    let mut of_each: Vec<_> =
        pipelines.iter().map(|pipeline| pipeline.classify_encodings(&encodings).into_iter()).collect();
    rows.iter()
        .map(|_| {
            // Take the prediction of each pipeline before one of them may fail.
            let of_row: Vec<_> = of_each.iter_mut().filter_map(Iterator::next).collect();
            of_row.into_iter().collect()
        })
        .collect()
}

/// What became of the rows.
struct Tally {
    read: u64,
    evaluated: u64,
    failed: u64,
    truncated: u64,
    start: Instant,
}

impl Tally {
    fn start() -> Self {
        Self { read: 0, evaluated: 0, failed: 0, truncated: 0, start: Instant::now() }
    }

    fn count(&mut self, prediction: &Prediction) {
        self.evaluated += 1;
        self.truncated += u64::from(prediction.truncated());
    }

    /// Counts a row that is left out, and tells why, unless many were told.
    fn fail(&mut self, place: &str, error: &RowError, console: Console) {
        self.failed += 1;
        match self.failed.cmp(&(TOLD_FAILURES + 1)) {
            Ordering::Less => console.note(&format!("{place}: {error}")),
            Ordering::Equal => console.note("more rows failed; they are counted and no longer told"),
            Ordering::Greater => (),
        }
    }

    /// Rows a second.
    fn rate(&self) -> f64 {
        self.read as f64 / self.start.elapsed().as_secs_f64()
    }

    fn rows(&self, unknown: u64) -> Rows {
        let &Self { read, evaluated, failed, truncated, .. } = self;
        Rows { read, evaluated, failed, unknown, truncated }
    }
}

/// Tells what was left out or cut, and how long it took.
fn tell(tally: &Tally, rows: &Rows, labels: &Labels<'_>, pipeline: &Pipeline, console: Console) {
    let Rows { read, evaluated, failed, unknown, truncated } = rows;
    if let Some(list) = labels.list_unknown() {
        console.note(&format!("left out for unknown labels, {unknown} of {read} rows: {list}"));
    }
    if *truncated > 0 {
        let window = pipeline.max_length();
        console.note(&format!(
            "{truncated} of {evaluated} texts were longer than the model's {window} tokens and were cut"
        ));
    }
    let (seconds, rate) = (tally.start.elapsed().as_secs_f64(), tally.rate());
    console.note(&format!("{read} rows in {seconds:.1} s ({rate:.0} a second), {failed} failed"));
}
