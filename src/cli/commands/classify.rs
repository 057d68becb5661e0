//! `finsent classify`: rows in, predictions out, in order and in bounded memory.

use std::cmp::Ordering;
use std::io::{self, IsTerminal};
use std::sync::Arc;
use std::time::Instant;

use anyhow::{Context, Result};
use finsent_jobs::{Changed, Entries, Fingerprint, Journal, Stages};
use finsent_model::{Aggregate, Classification, Granularity, Pipeline};
use finsent_table::{
    self as table, ColumnChoice, ColumnSelection, Destination, Input, InputKind, ItemError, OutputRecord, Reading, Row,
    Shape, Shard, Table, TemporaryName, UsageError,
};

use super::args::{self, AggregateArg, ClassifyArgs, Format};
use super::console::Console;
use super::exit::Exit;
use super::grouping::Grouping;
use super::progress::Bar;
use super::settings::Settings;
use super::{interrupt, output};

/// Failed items that are told one by one; the output has them all.
const TOLD_FAILURES: u64 = 10;

pub(super) fn run(mut args: ClassifyArgs, settings: &Settings, console: Console) -> Result<Exit> {
    interrupt::watch().context("cannot watch for signals")?;
    args.input = table::expand(args.input)?;
    let format = output::format(args.format, args.output.as_deref())?;
    if args.shard.is_some() {
        output::check_shards(format)?;
        check_shards(&args)?;
    }
    if !args.resume {
        return classify(&args, format, settings, console, None);
    }
    let mut journal = journal(&args)?;
    let exit = classify(&args, format, settings, console, Some(&mut journal));
    match &exit {
        Ok(_) => journal.finish(),
        Err(error) if error.is::<Changed>() => {}
        Err(_) => kept(&journal, console)(),
    }
    exit
}

/// The journal of the output.
fn journal(args: &ClassifyArgs) -> Result<Journal> {
    if args.input.is_empty() {
        return Err(UsageError("--resume reads its input again, and so needs files: --input FILE".into()).into());
    }
    table::check_resuming(&args.input, args.output.as_deref())?;
    let file = args.output.as_deref().and_then(Destination::file);
    let needs_file = || UsageError("--resume goes on with a file, and so needs its name: --output FILE".into());
    Journal::lock(&file.ok_or_else(needs_file)?)
}

fn classify(
    args: &ClassifyArgs,
    format: Format,
    settings: &Settings,
    console: Console,
    journal: Option<&mut Journal>,
) -> Result<Exit> {
    let granularity = granularity(args, format)?;
    let mut input = open(args, format)?;
    typed_columns(format, &input)?;
    let interim = if journal.is_some() { TemporaryName::Fixed } else { TemporaryName::Unique };
    let destination = Destination::open(args.output.as_deref(), interim)?;
    let mut grouping = Grouping::open(args, format, &input, interim)?;

    let (model, pipeline) = settings.load(&args.model)?;
    let pipeline = Arc::new(pipeline);
    console.note(&format!("model {} ({}), {}", model.name, model.place, model.options.precision));
    let entries = match journal {
        None => None,
        Some(journal) => Some(resume(
            journal,
            &Fingerprint::of(args::VERSION, &model.served_name(), &model.options, &pipeline, granularity)?,
            console,
        )?),
    };
    if input.kind == InputKind::StandardInput && io::stdin().is_terminal() {
        console.note("reading texts from the terminal, one a line; Ctrl-D ends");
    }
    if let Some(shard) = args.shard {
        input = only(shard, input, args, format, console)?;
    }

    let to_stdout = destination.is_stdout();
    let writes_id = args.id_column.as_ref().is_some_and(|column| column != "id");
    let is_beginning = args.shard.is_none_or(Shard::is_first);
    let (columns, labels) = (input.columns.as_slice(), pipeline.labels());
    let shape = Shape { columns, writes_id, granularity, labels, table: typed_columns(format, &input)?, is_beginning };
    format.of_file().map_or(Ok(()), |format| table::check_shape(format, &shape))?;
    let mut writer = output::writer(format, &shape, destination, console);
    let draws_progress = console.draws_progress() && !(to_stdout && io::stdout().is_terminal());
    let progress = input.progress.take().filter(|_| draws_progress);
    let bar = progress.as_ref().map_or_else(|| Bar::new(None), Bar::of);
    let mut tally = Tally::start();
    for window in Stages::start(input.rows, &pipeline, granularity, entries)? {
        for (row, outcome) in window? {
            let outcome = outcome.and_then(|answer| writer.check(&row).map(|()| answer));
            if let Some(note) = tally.count(&row, outcome.as_ref()) {
                bar.suspend(|| console.note(&note));
            }
            let left_out = grouping.as_mut().map(|grouping| grouping.count(&row, outcome.as_ref().ok())).transpose()?;
            if let Some(note) = left_out.flatten().and_then(|reason| tally.count_left_out(&row, &reason)) {
                bar.suspend(|| console.note(&note));
            }
            match &outcome {
                Ok(answer) => {
                    OutputRecord::all_of(answer).into_iter().try_for_each(|record| writer.write(&row, Ok(record)))?
                }
                Err(error) => writer.write(&row, Err(error))?,
            }
        }
        writer.flush()?;
        let done = progress.as_ref().map_or(0, |progress| progress.done(tally.items));
        bar.update(done, format!("{:.0} texts a second", tally.rate()));
    }
    let mut destination = writer.finish()?;
    if let Some(grouping) = grouping {
        destination = grouping.finish(pipeline.labels(), destination, console)?;
    }
    destination.finish()?;
    drop(bar);
    tally.tell(&pipeline, input.kind, console);
    Ok(if tally.failed + tally.left_out == 0 { Exit::Done } else { Exit::SomeItemsFailed })
}

/// Opens the journal, and tells what is in it; from now on an interrupt tells what is in it then.
fn resume(journal: &mut Journal, run: &Fingerprint, console: Console) -> Result<Entries> {
    let entries = journal.open(run)?;
    if let Some(scored) = journal.scored()() {
        console.note(&format!("{scored} were scored before (`{}`)", journal.path().display()));
    }
    interrupt::set_last_words(kept(journal, console));
    Ok(entries)
}

/// Tells what a run that ends early has scored.
fn kept(journal: &Journal, console: Console) -> impl Fn() + Send + 'static {
    let (scored, name) = (journal.scored(), journal.path().display().to_string());
    move || {
        if let Some(scored) = scored() {
            console.note(&format!("{scored} are scored, and kept in `{name}`: the same command goes on behind them"));
        }
    }
}

/// What a prediction is to be about.
fn granularity(args: &ClassifyArgs, format: Format) -> Result<Granularity, UsageError> {
    let default = if format == Format::FinbertCsv { args::Granularity::Sentence } else { args::Granularity::Text };
    let asked = args.granularity.unwrap_or(default);
    if args.aggregate.is_some() && asked != args::Granularity::Document {
        return Err(UsageError("--aggregate is for --granularity document".into()));
    }
    Ok(match asked {
        args::Granularity::Text => Granularity::Text,
        args::Granularity::Sentence => Granularity::Sentence,
        args::Granularity::Document => Granularity::Document(match args.aggregate {
            None | Some(AggregateArg::Tokens) => Aggregate::TokenWeighted,
            Some(AggregateArg::Mean) => Aggregate::Mean,
        }),
    })
}

/// Opens what the arguments name: all of it, also where only a shard is asked for.
fn open(args: &ClassifyArgs, format: Format) -> Result<Input> {
    let encoding = args.encoding.as_deref().map(table::encoding).transpose()?;
    match args.input.as_slice() {
        [first, ..] if first.as_os_str() != "-" => {
            let (text, id) = (args.text_column.clone(), args.id_column.clone());
            let columns = ColumnChoice { text, id, ..ColumnChoice::default() };
            Input::files(&args.input, &Reading { encoding, columns, wanted: wanted(args, format) })
        }
        [_, ..] if args.text_column.is_some() || args.id_column.is_some() => {
            Err(UsageError("standard input has no columns: leave out --text-column and --id-column".into()).into())
        }
        [] if args.texts.len() > 1 && args.texts.iter().any(|text| text == "-") => {
            Err(UsageError("`-`, standard input, goes with no other TEXT".into()).into())
        }
        [] if has_texts(args) && encoding.is_some() => {
            Err(UsageError("--encoding is for --input and standard input".into()).into())
        }
        [] if has_texts(args) => Ok(Input::arguments(args.texts.clone())),
        _ => Ok(Input::standard_input(encoding)),
    }
}

/// The columns whose values the output, or a summary, shows.
fn wanted(args: &ClassifyArgs, format: Format) -> ColumnSelection {
    match format {
        Format::Json | Format::Jsonl | Format::Csv => ColumnSelection::All,
        // It copies the others as they are.
        Format::Parquet | Format::Text | Format::FinbertCsv => {
            let of_groups = [&args.group_by, &args.time_column, &args.weight_column];
            ColumnSelection::Columns(of_groups.into_iter().flatten().cloned().collect())
        }
    }
}

/// The file with the types of the columns, where they are to be those of the output.
fn typed_columns(format: Format, input: &Input) -> Result<Option<&Table>, UsageError> {
    if format == Format::Parquet { input.typed.table() } else { Ok(None) }
}

/// Whether the texts are arguments.
fn has_texts(args: &ClassifyArgs) -> bool {
    !args.texts.is_empty() && args.texts != ["-"]
}

fn check_shards(args: &ClassifyArgs) -> Result<(), UsageError> {
    if args.input.is_empty() && has_texts(args) {
        return Err(UsageError(
            "--shard splits the rows of a file, --input FILE; of TEXT arguments give each run its own".into(),
        ));
    }
    table::check_shards(&args.input, args.output.as_deref())
}

/// The input with the rows of the shard only: it is read once to count its rows, and opened anew.
fn only(shard: Shard, mut input: Input, args: &ClassifyArgs, format: Format, console: Console) -> Result<Input> {
    let all = input.rows.count_rows()?;
    let rows = shard.of(all);
    console.note(&format!("shard {shard}: {} of {all} rows, behind the first {}", rows.end - rows.start, rows.start));
    Ok(open(args, format)?.only(shard, all))
}

/// What became of the items.
#[derive(Debug)]
struct Tally {
    items: u64,
    failed: u64,
    truncated: u64,
    /// Rows with a prediction that are not in the summary's sums.
    left_out: u64,
    start: Instant,
}

impl Tally {
    fn start() -> Self {
        Self { items: 0, failed: 0, truncated: 0, left_out: 0, start: Instant::now() }
    }

    /// Counts an item; gives what to tell the user about it.
    fn count(&mut self, row: &Row, outcome: Result<&Classification, &ItemError>) -> Option<String> {
        self.items += 1;
        match outcome {
            Ok(answer) => {
                self.truncated +=
                    u64::from(matches!(answer, Classification::Text(prediction) if prediction.truncated()));
                None
            }
            Err(error) => {
                self.failed += 1;
                told(self.failed, &row.place, &error.to_string(), "more items failed; the output has them all")
            }
        }
    }

    /// Counts a row that the summary leaves out; gives what to tell the user about it.
    fn count_left_out(&mut self, row: &Row, reason: &str) -> Option<String> {
        self.left_out += 1;
        told(self.left_out, &row.place, &format!("not in the summary: {reason}"), "more rows are not in the summary")
    }

    /// Items a second.
    fn rate(&self) -> f64 {
        self.items as f64 / self.start.elapsed().as_secs_f64()
    }

    fn tell(&self, pipeline: &Pipeline, kind: InputKind, console: Console) {
        let Self { items, failed, truncated, left_out, start } = self;
        if *items == 0 {
            console.note("there was no text to score");
        }
        if *truncated > 0 {
            let window = pipeline.max_length();
            console.note(&format!(
                "{truncated} of {items} texts were longer than the model's {window} tokens and were cut"
            ));
        }
        if *left_out > 0 {
            console.note(&format!("{left_out} of {items} rows are in the summary as failed only"));
        }
        if kind == InputKind::File || *failed > 0 {
            let seconds = start.elapsed().as_secs_f64();
            let rate = self.rate();
            console.note(&format!("{items} texts in {seconds:.1} s ({rate:.0} a second), {failed} failed"));
        }
    }
}

/// What to tell of the `number`th failure: the first ones one by one, then that there are more.
fn told(number: u64, place: &str, reason: &str, more: &str) -> Option<String> {
    match number.cmp(&(TOLD_FAILURES + 1)) {
        Ordering::Less => Some(format!("{place}: {reason}")),
        Ordering::Equal => Some(more.into()),
        Ordering::Greater => None,
    }
}
