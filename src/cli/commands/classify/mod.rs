//! `finsent classify`: rows in, predictions out, in order and in bounded memory.

mod input;
mod outputs;
mod resume;
mod summary;

use std::io::{self, IsTerminal};
use std::sync::Arc;

use anyhow::{Context, Result};
use finsent_jobs::{JournalEntries, Stages};
use finsent_model::{Aggregate, Classification, Granularity, Pipeline};
use finsent_table::{
    Destination, Field, Input, InputKind, InputProgress, ItemError, OutputRecord, Row, RowWriter, Shape, Shard,
    TemporaryName, check_shape, expand,
};

use super::args::{self, AggregateArg, ClassifyArgs, Format};
use super::console::Console;
use super::exit::{Exit, UsageError};
use super::progress::Bar;
use super::settings::Settings;
use super::tally::{LimitedNotes, Tally};
use super::{hints, interrupt, output};
use resume::KeptProgress;
use summary::SummaryOutput;

/// Characters of an id in a message.
const ID_CHARACTERS: usize = 64;

pub(super) fn run(mut args: ClassifyArgs, settings: &Settings, console: Console) -> Result<Exit> {
    interrupt::watch().context("cannot watch for signals")?;
    args.input = expand(input::with_standard_input(args.input))?;
    let format = output::format(args.format, args.output.as_deref())?;
    if args.shard.is_some() {
        output::check_shards(format)?;
        input::check_shards(&args)?;
    }
    let task = Task { args, format, console };
    if !task.args.resume {
        return task.run(settings, None);
    }
    let unit = match granularity(&task.args, format)? {
        Granularity::Text => "text",
        Granularity::Sentence | Granularity::Document(_) => "sentence window",
    };
    let mut progress = KeptProgress::lock(&task.args, unit, console)?;
    let exit = task.run(settings, Some(&mut progress));
    match &exit {
        Ok(_) => progress.finish(),
        Err(error) => progress.note_after(error),
    }
    exit
}

/// A run of the command.
struct Task {
    args: ClassifyArgs,
    format: Format,
    console: Console,
}

impl Task {
    fn run(&self, settings: &Settings, kept: Option<&mut KeptProgress>) -> Result<Exit> {
        let Self { args, format, console } = self;
        // Everything that can be wrong with the files is an error before the model is loaded.
        let granularity = granularity(args, *format)?;
        let mut input = input::open(args, *format)?;
        input::typed_columns(*format, &input)?;
        outputs::check(args, *format)?;
        let temporary = if kept.is_some() { TemporaryName::Fixed } else { TemporaryName::Unique };
        let destination = Destination::open(args.output.as_deref(), temporary)?;
        outputs::space_note(args, *format, &input).iter().for_each(|note| console.note(note));
        let summary = SummaryOutput::open(args, *format, &mut input, temporary)?;
        check_csv_safe(args, *format, summary.as_ref())?;

        let (model, pipeline) = settings.load(&args.model)?;
        let pipeline = Arc::new(pipeline);
        console.note(&format!("model {} ({}), {}", model.name, model.place, model.options.precision));
        let entries = kept.map(|kept| kept.open(&model, &pipeline, granularity, &input.how)).transpose()?;
        let is_terminal = input.kind == InputKind::StandardInput && io::stdin().is_terminal();
        if is_terminal {
            console.note("reading one text per line from the terminal; Ctrl-D ends");
        }
        input = input::settle(input, args, *format, is_terminal)?;
        input.notes.iter().for_each(|note| console.note(note));
        if let Some(shard) = args.shard {
            input = input::only(shard, input, args, *format, *console)?;
        }

        let (kind, progress) = (input.kind, self.progress(&mut input, &destination));
        let writer = self.writer(&input, granularity, &pipeline, destination)?;
        let mut output = Output { writer, summary, tally: Tally::start(), left_out: LimitedNotes::default() };
        self.score(input, granularity, &pipeline, entries, progress, &mut output)?;
        self.finish(output, &pipeline, kind)
    }

    /// How far the input is read, if that is to be shown.
    fn progress(&self, input: &mut Input, destination: &Destination) -> Option<InputProgress> {
        let writes_to_terminal = destination.is_stdout() && io::stdout().is_terminal();
        input.progress.take().filter(|_| self.console.draws_progress() && !writes_to_terminal)
    }

    fn writer(
        &self,
        input: &Input,
        granularity: Granularity,
        pipeline: &Pipeline,
        destination: Destination,
    ) -> Result<Box<dyn RowWriter>> {
        let shape = Shape {
            columns: &input.columns,
            writes_id: self.args.id_column.as_ref().is_some_and(|column| column != "id"),
            granularity,
            labels: pipeline.labels(),
            parquet: input::typed_columns(self.format, input)?,
            is_beginning: self.args.shard.is_none_or(Shard::is_first),
            is_csv_safe: self.args.csv_safe,
        };
        self.format.of_file().map_or(Ok(()), |format| check_shape(format, &shape))?;
        Ok(output::writer(self.format, &shape, destination, self.console))
    }

    /// Scores all rows and writes them.
    fn score(
        &self,
        input: Input,
        granularity: Granularity,
        pipeline: &Arc<Pipeline>,
        entries: Option<JournalEntries>,
        progress: Option<InputProgress>,
        output: &mut Output,
    ) -> Result<()> {
        let bar = progress.as_ref().map_or_else(|| Bar::new(None), Bar::of);
        for window in Stages::start(input.rows, pipeline, granularity, entries)? {
            for (row, outcome) in window? {
                for note in output.write(&row, outcome)? {
                    bar.suspend(|| self.console.note(&note));
                }
            }
            output.writer.flush()?;
            let done = progress.as_ref().map_or(0, |progress| progress.done(output.tally.rows));
            bar.update(done, format!("{:.0} texts per second", output.tally.rate()));
        }
        Ok(())
    }

    /// Completes the output and the summary, and prints what became of the texts.
    fn finish(&self, output: Output, pipeline: &Pipeline, kind: InputKind) -> Result<Exit> {
        let Output { writer, summary, tally, left_out } = output;
        let mut destination = writer.finish()?;
        let scored = tally.rows - tally.failed.count();
        let summary_note = summary.as_ref().and_then(|summary| summary.note(left_out.count(), scored));
        if let Some(summary) = summary {
            destination = summary.finish(pipeline.labels(), destination, self.args.csv_safe, self.console)?;
        }
        destination.finish()?;
        if tally.rows == 0 {
            self.console.note("there was no text to score");
        }
        let truncation = tally.truncation(pipeline.max_length(), Some("--granularity document"));
        let has_total = tally.rows > 0 && (kind == InputKind::File || tally.failed.count() > 0);
        let total = has_total.then(|| tally.summary("text"));
        [truncation, summary_note, total].into_iter().flatten().for_each(|note| self.console.note(&note));
        Ok(if tally.failed.count() + left_out.count() == 0 { Exit::Done } else { Exit::SomeItemsFailed })
    }
}

/// Refuses `--csv-safe` if nothing is CSV.
fn check_csv_safe(args: &ClassifyArgs, format: Format, summary: Option<&SummaryOutput>) -> Result<(), UsageError> {
    let has_csv =
        matches!(format, Format::Csv | Format::Tsv | Format::FinbertCsv) || summary.is_some_and(SummaryOutput::is_csv);
    match args.csv_safe && !has_csv {
        true => Err(UsageError("--csv-safe is for CSV and TSV output; add --format csv, or leave it out".into())),
        false => Ok(()),
    }
}

/// Where rows go.
struct Output {
    writer: Box<dyn RowWriter>,
    summary: Option<SummaryOutput>,
    tally: Tally,
    /// Rows with a prediction that are not in the summary's sums.
    left_out: LimitedNotes,
}

impl Output {
    /// Writes a row; returns the notes about it.
    fn write(&mut self, row: &Row, outcome: Result<Classification, ItemError>) -> Result<Vec<String>> {
        let outcome = outcome.and_then(|answer| self.writer.check(row).map(|()| answer));
        let mut notes: Vec<String> = self.count(row, outcome.as_ref()).into_iter().collect();
        if let Some(summary) = &mut self.summary
            && let Some(reason) = summary.count(row, outcome.as_ref().ok())?
        {
            let hint = hints::for_left_out(&reason).map(|hint| format!("; {hint}")).unwrap_or_default();
            let note = || format!("{}: not in the summary: {reason}{hint}", row.place);
            notes.extend(self.left_out.count_one(note, "more rows are not in the summary"));
        }
        match &outcome {
            Ok(answer) => {
                OutputRecord::all_of(answer).into_iter().try_for_each(|record| self.writer.write(row, Ok(record)))?;
            }
            Err(error) => self.writer.write(row, Err(error))?,
        }
        Ok(notes)
    }

    /// Counts a row; returns the note about its error.
    fn count(&mut self, row: &Row, outcome: Result<&Classification, &ItemError>) -> Option<String> {
        self.tally.rows += 1;
        match outcome {
            Ok(answer) => {
                let is_truncated = matches!(answer, Classification::Text(prediction) if prediction.truncated());
                self.tally.truncated += u64::from(is_truncated);
                None
            }
            Err(error) => {
                let hint = hints::for_item(error).map(|hint| format!("; {hint}")).unwrap_or_default();
                let note = || format!("{}: {error}{}{hint}", row.place, id(row));
                self.tally.failed.count_one(note, "more texts failed; the output has all errors")
            }
        }
    }
}

/// The id of a row in a message, if it has one.
fn id(row: &Row) -> String {
    let id = row.id.as_ref().map(Field::to_cell).or_else(|| row.cell("id")).filter(|id| !id.is_empty());
    id.map(|id| format!(" (id {})", id.chars().take(ID_CHARACTERS).collect::<String>())).unwrap_or_default()
}

/// What a prediction is about.
fn granularity(args: &ClassifyArgs, format: Format) -> Result<Granularity, UsageError> {
    let default = if format == Format::FinbertCsv { args::Granularity::Sentence } else { args::Granularity::Text };
    let granularity = args.granularity.unwrap_or(default);
    if args.aggregate.is_some() && granularity != args::Granularity::Document {
        return Err(UsageError("--aggregate needs --granularity document".into()));
    }
    Ok(match granularity {
        args::Granularity::Text => Granularity::Text,
        args::Granularity::Sentence => Granularity::Sentence,
        args::Granularity::Document => Granularity::Document(match args.aggregate {
            None | Some(AggregateArg::Tokens) => Aggregate::TokenWeighted,
            Some(AggregateArg::Mean) => Aggregate::Mean,
        }),
    })
}
