//! `finsent classify`: rows in, predictions out, in order and in bounded memory.

mod counts;
mod explainer;
mod input;
mod outputs;
mod resume;
mod since;
mod stopped;
mod summary;
mod table_columns;

use std::io::{self, IsTerminal};
use std::sync::Arc;

use anyhow::{Context, Result};
use finsent_jobs::{Stages, TextOptions};
use finsent_model::{Aggregate, Classification, Explanation, Granularity, Pipeline};
use finsent_table::{
    Destination, Input, InputKind, InputProgress, ItemError, LateNotes, OutputRecord, Row, RowWriter, Shape, Shard,
    TemporaryName, check_shape, expand,
};

use super::args::{self, AggregateArg, ClassifyArgs, Format};
use super::console::Console;
use super::exit::{Exit, UsageError};
use super::foreign::ForeignTexts;
use super::progress::Bar;
use super::row_places::id;
use super::settings::Settings;
use super::tally::Tally;
use super::{hints, interrupt, output};
use counts::Counts;
use explainer::Explainer;
use resume::KeptProgress;
use stopped::Written;
use summary::SummaryOutput;

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
        let explained = Explainer::asked_for(args, *format, granularity)?;
        let mut input = input::open(args, *format)?;
        input::typed_columns(*format, &input)?;
        table_columns::check(args, *format, &input)?;
        outputs::check(args, *format)?;
        let temporary = if kept.is_some() { TemporaryName::Fixed } else { TemporaryName::Unique };
        let destination = Destination::open(args.output.as_deref(), temporary)?;
        outputs::space_note(args, *format, &input).iter().for_each(|note| console.note(note));
        let summary = SummaryOutput::open(args, *format, &mut input, temporary)?;
        check_csv_safe(args, *format, summary.as_ref())?;
        let is_standard_input = input.kind == InputKind::StandardInput;
        let mut known = if is_standard_input { None } else { since::known_rows(args, &input, *console)? };

        let (model, pipeline) = settings.load(&args.model)?;
        let pipeline = Arc::new(pipeline);
        console.note(&format!("model {} ({}), {}", model.name, model.place, model.options.precision));
        check_aggregate(granularity, &pipeline, &model.name)?;
        let explains_all = explained.as_ref().is_some_and(|explained| explained.is_all);
        let explainer = explained.map(|explained| Explainer::new(explained.options, granularity, args, &pipeline));
        let explainer = explainer.transpose()?;
        let keeps_progress = kept.is_some();
        let how = self.how_read(&input);
        let entries = kept.map(|kept| kept.open(&model, &pipeline, granularity, &how)).transpose()?;
        let is_terminal = is_standard_input && io::stdin().is_terminal();
        if is_terminal {
            let how = if args.whole_file { "one text" } else { "one text per line" };
            console.note(&format!("reading {how} from the terminal; Ctrl-D ends"));
        }
        input = input::settle(input, args, *format, is_terminal)?;
        table_columns::check_settled(args, &input)?;
        input.notes.iter().for_each(|note| console.note(note));
        if is_standard_input {
            known = since::known_rows(args, &input, *console)?;
        }
        if let Some(known) = known.clone() {
            input = input.filter(move |row| !known.has(row));
        }
        if let Some(shard) = args.shard {
            input = input::only(shard, input, args, *format, *console)?;
        }

        let (kind, progress) = (input.kind, self.progress(&mut input, &destination));
        let late_notes = input.late_notes.clone();
        let explains = explainer.is_some().then_some(explains_all);
        let writer = self.writer(&input, (granularity, explains), &pipeline, destination)?;
        let foreign = ForeignTexts::of(&model, &pipeline, &settings.catalog);
        let counts = Counts::new(&pipeline, foreign, granularity, args.unescape_html);
        let mut output = Output { writer, summary, explainer, tally: Tally::start(), counts, copies: 0 };
        let written = Written::default();
        if !keeps_progress {
            interrupt::on_interrupt(written.note(args, *console));
        }
        let stages = Stages::start(input.rows, &pipeline, self.text_options(granularity), entries)?;
        self.score(stages, progress, &written, &mut output)?;
        known.iter().filter_map(|known| since::note(args, known)).for_each(|note| console.note(&note));
        self.finish(output, &pipeline, (kind, late_notes))
    }

    fn text_options(&self, granularity: Granularity) -> TextOptions {
        TextOptions { granularity, unescape_html: self.args.unescape_html }
    }

    /// How the texts are read, if that is not plain.
    fn how_read(&self, input: &Input) -> String {
        let whole = if self.args.whole_file { "whole files" } else { "" };
        let html = if self.args.unescape_html { "HTML left out" } else { "" };
        let parts = [input.how.as_str(), whole, html];
        parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("; ")
    }

    /// How far the input is read, if that is to be shown.
    fn progress(&self, input: &mut Input, destination: &Destination) -> Option<InputProgress> {
        let writes_to_terminal = destination.is_stdout() && io::stdout().is_terminal();
        input.progress.take().filter(|_| self.console.draws_progress() && !writes_to_terminal)
    }

    /// `explains` is whether predictions are explained, and then whether that is all that is asked for.
    fn writer(
        &self,
        input: &Input,
        (granularity, explains): (Granularity, Option<bool>),
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
            is_explained: explains.is_some(),
            is_csv_safe: self.args.csv_safe,
        };
        self.format.of_file().map_or(Ok(()), |format| check_shape(format, &shape))?;
        if self.format == Format::Text && explains == Some(true) {
            return Ok(output::explained(destination, self.console));
        }
        Ok(output::writer(self.format, &shape, destination, table_columns::of(&self.args, input), self.console))
    }

    /// Scores all rows and writes them.
    fn score(
        &self,
        stages: Stages<Classification>,
        progress: Option<InputProgress>,
        written: &Written,
        output: &mut Output,
    ) -> Result<()> {
        let bar = progress.as_ref().map_or_else(|| Bar::new(None), Bar::of);
        interrupt::on_interrupt(bar.remover());
        let copies = stages.copies();
        for window in stages {
            for (row, outcome) in window? {
                for note in output.write(&row, outcome)? {
                    bar.suspend(|| self.console.note(&note));
                }
            }
            written.set(output.tally.rows);
            output.writer.flush()?;
            bar.update(output.tally.rows, format!("{:.0} per second", output.tally.rate()));
        }
        output.copies = copies.count();
        Ok(())
    }

    /// Completes the output and the summary, and prints what became of the texts.
    fn finish(&self, output: Output, pipeline: &Pipeline, (kind, late): (InputKind, LateNotes)) -> Result<Exit> {
        let Output { writer, summary, tally, counts, copies, .. } = output;
        let mut destination = writer.finish()?;
        let scored = tally.rows - tally.failed.count();
        let left_out = summary.as_ref().map_or(0, SummaryOutput::left_out);
        let summary_note = summary.as_ref().and_then(|summary| summary.note(scored));
        if let Some(summary) = summary {
            destination = summary.finish(pipeline.labels(), destination, self.args.csv_safe, self.console)?;
        }
        destination.finish()?;
        if tally.rows == 0 {
            self.console.note("there was no text to score");
        }
        let has_total = tally.rows > 0 && (kind != InputKind::Arguments || tally.failed.count() > 0);
        let file = self.args.output.as_deref().filter(|path| Destination::file(path).is_some());
        let file = file.map(|path| path.display().to_string());
        let total = has_total.then(|| counts.total(&tally, copies, file.as_deref()));
        let reasons = if tally.failed.are_more() { counts.reasons() } else { Vec::new() };
        let of_texts = [counts.truncation(pipeline.max_length()), counts.foreign(), counts.html()];
        let notes = late.lines().into_iter().chain(of_texts.into_iter().flatten()).chain(reasons);
        notes.chain(summary_note).chain(total).for_each(|note| self.console.note(&note));
        Ok(if tally.failed.count() + left_out == 0 { Exit::Done } else { Exit::SomeItemsFailed })
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
    explainer: Option<Explainer>,
    tally: Tally,
    counts: Counts,
    /// Encodings that were not computed, because an equal one was.
    copies: u64,
}

impl Output {
    /// Writes a row; returns the notes about it.
    fn write(&mut self, row: &Row, outcome: Result<Classification, ItemError>) -> Result<Vec<String>> {
        let outcome = outcome.and_then(|answer| self.writer.check(row).map(|()| answer));
        let outcome = outcome.and_then(|answer| self.explained(row, answer));
        let answer = outcome.as_ref().map(|(answer, _)| answer);
        let mut notes: Vec<String> = self.count(row, answer).into_iter().collect();
        if let Some(summary) = &mut self.summary {
            notes.extend(summary.count(row, answer.ok())?);
        }
        match &outcome {
            Ok((answer, explanation)) => {
                OutputRecord::all_of(answer).into_iter().try_for_each(|record| match explanation {
                    Some(explanation) => self.writer.write_explained(row, record, explanation),
                    None => self.writer.write(row, Ok(record)),
                })?;
            }
            Err(error) => self.writer.write(row, Err(error))?,
        }
        Ok(notes)
    }

    /// A prediction with its explanation, if predictions are explained. One that cannot be is an error.
    fn explained(&self, row: &Row, answer: Classification) -> Result<(Classification, Option<Explanation>), ItemError> {
        let explanation = self.explainer.as_ref().map(|explainer| explainer.explain(row, &answer)).transpose()?;
        Ok((answer, explanation))
    }

    /// Counts a row; returns the note about its error.
    fn count(&mut self, row: &Row, outcome: Result<&Classification, &ItemError>) -> Option<String> {
        self.tally.rows += 1;
        self.counts.add(row, outcome);
        let error = outcome.err()?;
        let hint = hints::for_item(error).map(|hint| format!("; {hint}")).unwrap_or_default();
        let note = || format!("{}: {error}{}{hint}", row.place, id(row));
        self.tally.failed.count_one(note, "more texts failed; the output has all errors")
    }
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
            Some(AggregateArg::Polar) => Aggregate::Polar,
        }),
    })
}

/// Refuses to leave out neutral sentences if no label says which they are.
fn check_aggregate(granularity: Granularity, pipeline: &Pipeline, model: &str) -> Result<(), UsageError> {
    if granularity != Granularity::Document(Aggregate::Polar) || pipeline.labels().has_sentiment_score() {
        return Ok(());
    }
    let labels = pipeline.labels().labels().join(", ");
    Err(UsageError(format!(
        "--aggregate polar counts positive and negative sentences, and the labels of `{model}` are {labels}; choose \
         --aggregate tokens or mean"
    )))
}
