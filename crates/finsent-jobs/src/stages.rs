//! Rows become tokens, and tokens answers, on a thread each, so that reading and writing are hidden behind the engine.

use std::panic;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::{self, JoinHandle};

use anyhow::{Context, Result};
use finsent_model::{Classification, ClassifyError, EncodedText, Encoding, Granularity, Pipeline};
use finsent_table::{ItemError, Row, RowReader};

use crate::journal::{Entries, Scored};

/// Rows of the first window, so that the first answers come soon; each window is twice as large as the one before.
const FIRST_WINDOW_ROWS: usize = 16;
/// Most rows that are sorted by length and classified together.
const MAX_WINDOW_ROWS: usize = 512;
/// Bytes of a window's rows, which bound its memory where texts are long.
const WINDOW_BYTES: usize = 1 << 20;
/// Encodings that a journal gets at a time: what a run that is killed has scored in vain is fewer.
const JOURNALED_TOGETHER: usize = 128;
/// Windows that are ready in front of a stage: one that it takes up at once, while the stage before it makes the next.
const READY_WINDOWS: usize = 1;

/// Rows with what became of them, in order.
pub type Window<T> = Vec<(Row, Result<T, ItemError>)>;

/// The threads, and what comes out of the last of them: window by window, and at last the error that ended the input
/// early. When it is dropped the threads end with the window that they are at; one that waits for input is left to the end
/// of the process.
pub struct Stages<T> {
    windows: Receiver<Result<Window<T>>>,
    threads: Vec<JoinHandle<()>>,
}

impl Stages<EncodedText> {
    /// Starts to read, and to make tokens.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn tokenize(rows: Box<dyn RowReader>, pipeline: &Arc<Pipeline>, granularity: Granularity) -> Result<Self> {
        let (to_engine, windows) = sync_channel(READY_WINDOWS);
        let pipeline = Arc::clone(pipeline);
        let reader = spawn("reader", move || read(rows, &pipeline, granularity, &to_engine))?;
        Ok(Self { windows, threads: vec![reader] })
    }
}

impl Stages<Classification> {
    /// Starts to read and to score, but for what the journal has, which gets the rest.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn start(
        rows: Box<dyn RowReader>,
        pipeline: &Arc<Pipeline>,
        granularity: Granularity,
        journal: Option<Entries>,
    ) -> Result<Self> {
        let Stages { windows: tokenized, mut threads } = Stages::tokenize(rows, pipeline, granularity)?;
        let (to_writer, windows) = sync_channel(READY_WINDOWS);
        let engine = Engine { pipeline: Arc::clone(pipeline), journal };
        threads.push(spawn("engine", move || engine.run(&tokenized, &to_writer))?);
        Ok(Self { windows, threads })
    }
}

impl<T> Iterator for Stages<T> {
    type Item = Result<Window<T>>;

    fn next(&mut self) -> Option<Self::Item> {
        let window = self.windows.recv().ok();
        if window.is_none() {
            // Nothing comes any more, so both have ended; a panic of theirs is not the end of the input.
            for thread in self.threads.drain(..) {
                thread.join().unwrap_or_else(|panicked| panic::resume_unwind(panicked));
            }
        }
        window
    }
}

fn spawn(name: &str, stage: impl FnOnce() + Send + 'static) -> Result<JoinHandle<()>> {
    thread::Builder::new().name(name.into()).spawn(stage).context("cannot start a thread")
}

/// Reads windows and makes tokens of their texts, until the input ends or nobody wants more.
fn read(
    mut rows: Box<dyn RowReader>,
    pipeline: &Pipeline,
    granularity: Granularity,
    to_engine: &SyncSender<Result<Window<EncodedText>>>,
) {
    let prepare = |row: Row| {
        let text = row.text.as_ref().map_err(ItemError::clone);
        let prepared = text
            .and_then(|text| Ok(pipeline.encode_text(text, granularity, usize::MAX).map_err(ClassifyError::from)?));
        (row, prepared)
    };
    let mut window_rows = FIRST_WINDOW_ROWS;
    loop {
        let window = read_window(rows.as_mut(), window_rows);
        let is_last = window.as_ref().map_or(true, Vec::is_empty);
        if window.as_ref().is_ok_and(Vec::is_empty) {
            return;
        }
        let prepared = window.map(|window| window.into_iter().map(prepare).collect());
        if to_engine.send(prepared).is_err() || is_last {
            return;
        }
        window_rows = MAX_WINDOW_ROWS.min(2 * window_rows);
    }
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

/// The stage that turns tokens into answers.
struct Engine {
    pipeline: Arc<Pipeline>,
    journal: Option<Entries>,
}

impl Engine {
    /// Turns windows of tokens into windows of answers, until there are no more, nobody wants them, or one cannot be.
    fn run(
        mut self,
        tokenized: &Receiver<Result<Window<EncodedText>>>,
        to_writer: &SyncSender<Result<Window<Classification>>>,
    ) {
        for window in tokenized {
            let answered = window.and_then(|window| self.answer(window));
            let is_last = answered.is_err();
            if to_writer.send(answered).is_err() || is_last {
                return;
            }
        }
        if let Err(error) = self.journal.as_mut().map_or(Ok(()), Entries::check_end) {
            // Nobody may be there who wants to know.
            to_writer.send(Err(error)).unwrap_or_default();
        }
    }

    fn answer(&mut self, window: Window<EncodedText>) -> Result<Window<Classification>> {
        let logits = self.logits(&window)?;
        let (rows, prepared): (Vec<Row>, Vec<_>) = window.into_iter().unzip();
        Ok(rows.into_iter().zip(self.pipeline.classify_scored(prepared, logits)).collect())
    }

    /// The logits of a window's encodings, in order.
    fn logits(&mut self, window: &Window<EncodedText>) -> Result<Vec<Scored>> {
        let mut encodings: Vec<(&Row, &Encoding)> = Vec::new();
        for (row, prepared) in window {
            encodings.extend(prepared.iter().flat_map(EncodedText::encodings).map(|encoding| (row, &**encoding)));
        }
        let Self { pipeline, journal, .. } = self;
        match journal {
            None => Ok(pipeline.logits(&encodings.iter().map(|(_, encoding)| *encoding).collect::<Vec<_>>())),
            Some(journal) => {
                let parts = encodings.chunks(JOURNALED_TOGETHER).map(|part| journaled(pipeline, journal, part));
                Ok(parts.collect::<Result<Vec<_>>>()?.into_iter().flatten().collect())
            }
        }
    }
}

/// The logits of these encodings: those that the journal has, and the encoder's of the others, which the journal gets.
fn journaled(pipeline: &Pipeline, journal: &mut Entries, encodings: &[(&Row, &Encoding)]) -> Result<Vec<Scored>> {
    let mut known = Vec::new();
    for (row, encoding) in encodings {
        let Some(logits) = journal.next(&row.place, encoding)? else { break };
        known.push(logits);
    }
    let new = known.len();
    known.resize(encodings.len(), None);
    let unknown = encodings.iter().zip(&known).filter(|(_, known)| known.is_none());
    let mut scored = pipeline.logits(&unknown.map(|((_, encoding), _)| *encoding).collect::<Vec<_>>()).into_iter();
    let logits: Vec<Scored> = known
        .into_iter()
        .map(|known| known.map_or_else(|| scored.next().expect("all that is not known was scored"), Ok))
        .collect();
    journal.append(encodings[new..].iter().map(|(_, encoding)| *encoding).zip(&logits[new..]))?;
    Ok(logits)
}
