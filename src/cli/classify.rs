//! `finsent classify`: rows in, verdicts out, in order and in bounded memory.

use std::cmp::Ordering;
use std::io::{self, IsTerminal, Write};
use std::time::Instant;

use anyhow::{Context, Result};

use super::args::{ClassifyArgs, Granularity};
use super::console::Console;
use super::exit::{Exit, Usage};
use super::interrupt;
use super::output::{self, Destination, Outcome, Shape};
use super::progress::Bar;
use super::rows::{Input, InputKind, ItemError, Progress, Row, RowReader, Shard};
use super::settings::Settings;
use crate::pipeline::Pipeline;
use crate::text::Text;

/// Rows of the first window, so that the first answers come soon; each window is twice as large as the one before.
const FIRST_WINDOW_ROWS: usize = 16;
/// Most rows that are sorted by length and classified together.
const MAX_WINDOW_ROWS: usize = 512;
/// Bytes of a window's rows, which bound its memory where texts are long.
const WINDOW_BYTES: usize = 8 << 20;
/// Failed items that are told one by one; the output has them all.
const TOLD_FAILURES: u64 = 10;

pub(super) fn run(args: ClassifyArgs, settings: &Settings, console: Console) -> Result<Exit> {
    refuse_what_comes_later(&args)?;
    interrupt::watch().context("cannot watch for signals")?;
    let format = output::format(args.format, args.output.as_deref())?;
    if args.shard.is_some() {
        output::check_shards(format)?;
    }
    let mut input = Input::open(&args)?;
    let mut destination = Destination::open(args.output.as_deref())?;

    let (model, pipeline) = settings.load(&args.model)?;
    console.note(&format!("model {} ({}), {}", model.name, model.place, model.options.precision));
    if input.kind == InputKind::StandardInput && io::stdin().is_terminal() {
        console.note("reading texts from the terminal, one a line; Ctrl-D ends");
    }
    if let Some(shard) = args.shard {
        input = only(shard, input, &args, console)?;
    }

    let to_stdout = matches!(destination, Destination::Stdout(_));
    let writes_id = args.id_column.as_ref().is_some_and(|column| column != "id");
    let is_beginning = args.shard.is_none_or(Shard::is_first);
    let shape = Shape { columns: &input.columns, writes_id, labels: pipeline.labels(), to_stdout, is_beginning };
    let mut writer = output::writer(format, &shape, console);
    let draws_progress = console.draws_progress() && !(to_stdout && io::stdout().is_terminal());
    let progress = input.progress.take().filter(|_| draws_progress);
    let bar = progress.as_ref().map_or_else(|| Bar::new(None), Progress::bar);
    let mut tally = Tally::start();
    let mut window_rows = FIRST_WINDOW_ROWS;
    loop {
        let window = read_window(input.rows.as_mut(), window_rows)?;
        if window.is_empty() {
            break;
        }
        classify(&pipeline, &window, |row, outcome| {
            let unfit = outcome.is_ok().then(|| writer.check(row)).and_then(Result::err);
            let outcome = unfit.as_ref().map_or(outcome, Err);
            if let Some(note) = tally.count(row, outcome) {
                bar.suspend(|| console.note(&note));
            }
            writer.write(&mut destination, row, outcome)
        })?;
        destination.flush()?;
        let done = progress.as_ref().map_or(0, |progress| progress.done(tally.items));
        bar.update(done, format!("{:.0} texts a second", tally.rate()));
        window_rows = MAX_WINDOW_ROWS.min(2 * window_rows);
    }
    writer.finish(&mut destination)?;
    destination.finish()?;
    drop(bar);
    tally.tell(&pipeline, input.kind, console);
    Ok(if tally.failed == 0 { Exit::Done } else { Exit::SomeItemsFailed })
}

fn refuse_what_comes_later(args: &ClassifyArgs) -> Result<(), Usage> {
    if args.granularity != Granularity::Text {
        return Err(Usage("this version scores whole texts only; leave out --granularity".into()));
    }
    if args.group_by.is_some() {
        return Err(Usage("this version has no summaries yet; leave out --group-by".into()));
    }
    Ok(())
}

/// The input with the rows of the shard only: it is read once to count its rows, and opened anew.
fn only(shard: Shard, mut input: Input, args: &ClassifyArgs, console: Console) -> Result<Input> {
    let all = input.rows.count_rows()?;
    let rows = shard.of(all);
    console.note(&format!("shard {shard}: {} of {all} rows, behind the first {}", rows.end - rows.start, rows.start));
    Ok(Input::open(args)?.only(shard, all))
}

/// The next rows: as many as a window holds, but of a stream only those that are there already, after the first.
fn read_window(rows: &mut dyn RowReader, most: usize) -> Result<Vec<Row>> {
    let mut window = Vec::new();
    let mut bytes = 0;
    while window.len() < most && bytes < WINDOW_BYTES && (window.is_empty() || !rows.would_wait()) {
        let Some(row) = rows.next_row()? else { break };
        bytes += row.bytes();
        window.push(row);
    }
    Ok(window)
}

/// Calls `each` with every row of the window, in order, and what became of it.
fn classify(pipeline: &Pipeline, window: &[Row], mut each: impl FnMut(&Row, Outcome<'_>) -> Result<()>) -> Result<()> {
    let texts: Vec<&Text> = window.iter().filter_map(|row| row.text.as_ref().ok()).collect();
    let mut verdicts = pipeline.classify(&texts).into_iter();
    for row in window {
        match &row.text {
            Err(error) => each(row, Err(error))?,
            Ok(_) => {
                let verdict = verdicts.next().expect("a verdict for each text").map_err(ItemError::from);
                each(row, verdict.as_ref())?;
            }
        }
    }
    Ok(())
}

/// What became of the items.
#[derive(Debug)]
struct Tally {
    items: u64,
    failed: u64,
    truncated: u64,
    start: Instant,
}

impl Tally {
    fn start() -> Self {
        Self { items: 0, failed: 0, truncated: 0, start: Instant::now() }
    }

    /// Counts an item; gives what to tell the user about it.
    fn count(&mut self, row: &Row, outcome: Outcome<'_>) -> Option<String> {
        self.items += 1;
        match outcome {
            Ok(verdict) => {
                self.truncated += u64::from(verdict.truncated());
                None
            }
            Err(error) => {
                self.failed += 1;
                match self.failed.cmp(&(TOLD_FAILURES + 1)) {
                    Ordering::Less => Some(format!("{}: {error}", row.place)),
                    Ordering::Equal => Some("more items failed; the output has them all".into()),
                    Ordering::Greater => None,
                }
            }
        }
    }

    /// Items a second.
    fn rate(&self) -> f64 {
        self.items as f64 / self.start.elapsed().as_secs_f64()
    }

    fn tell(&self, pipeline: &Pipeline, kind: InputKind, console: Console) {
        let Self { items, failed, truncated, start } = self;
        if *items == 0 {
            console.note("there was no text to score");
        }
        if *truncated > 0 {
            let window = pipeline.max_length();
            console.note(&format!(
                "{truncated} of {items} texts were longer than the model's {window} tokens and were cut"
            ));
        }
        if kind == InputKind::File || *failed > 0 {
            let seconds = start.elapsed().as_secs_f64();
            let rate = self.rate();
            console.note(&format!("{items} texts in {seconds:.1} s ({rate:.0} a second), {failed} failed"));
        }
    }
}
