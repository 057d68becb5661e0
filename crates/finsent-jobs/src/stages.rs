//! Rows are read and tokenized on one thread, and scored on another, so that reading and writing take no time of the engine.

use std::panic;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use finsent_model::{Classification, EncodedText, Encoding, Pipeline};
use finsent_table::{ItemError, Row, RowReader, TableError};

use crate::error::JobError;
use crate::journal::{JournalEntries, JournalError, Scored};
use crate::once::{Copies, Once};
use crate::text_options::TextOptions;

/// Rows of the first window, so that the first predictions come soon; each window is twice as large as the one before.
const FIRST_WINDOW_ROWS: usize = 16;
/// Rows that fill a batch, if they are headlines: smaller windows would be slower to compute.
const FULL_WINDOW_ROWS: usize = 64;
/// A window that has to wait as long as this for the engine is large enough.
const SLOW: Duration = Duration::from_secs(1);
/// Most rows that are sorted by length and classified together, unless there are many workers.
const MAX_WINDOW_ROWS: usize = 512;
/// Bytes of a window of so many rows: the limit on its memory if texts are long.
const WINDOW_BYTES: usize = 1 << 20;
/// Encodings that are written to a journal at a time, unless there are many workers: the most that a killed run has scored in
/// vain.
const JOURNALED_TOGETHER: usize = 128;
/// Rows for each worker, at least: some batches of headlines, so that all workers have something to do for most of the time.
const ROWS_PER_WORKER: usize = 32;
/// Windows that wait for a stage: it can start on one while the stage before it prepares the next.
const READY_WINDOWS: usize = 1;

/// Rows and what came of them, in order.
pub type Window<T> = Vec<(Row, Result<T, ItemError>)>;

/// The stages of a run, as an iterator over the windows that leave the last stage. If the run fails, the last item is the
/// error. After a drop the threads end with their current window; one that waits for input ends with the process.
pub struct Stages<T> {
    windows: Receiver<Result<Window<T>, JobError>>,
    threads: Vec<JoinHandle<()>>,
    copies: Copies,
}

impl<T> Stages<T> {
    /// The number of encodings that are not computed because an equal one was, while it grows.
    pub fn copies(&self) -> Copies {
        self.copies.clone()
    }
}

impl Stages<EncodedText> {
    /// Starts to read and tokenize.
    ///
    /// # Errors
    /// If the system has no more threads.
    pub fn tokenize(
        rows: Box<dyn RowReader>,
        pipeline: &Arc<Pipeline>,
        options: impl Into<TextOptions>,
    ) -> Result<Self, JobError> {
        let (to_engine, windows) = sync_channel(READY_WINDOWS);
        let (pipeline, options) = (Arc::clone(pipeline), options.into());
        let reader = spawn("reader", move || read(rows, &pipeline, options, &to_engine))?;
        Ok(Self { windows, threads: vec![reader], copies: Copies::default() })
    }
}

impl Stages<Classification> {
    /// Starts to read, tokenize and score. What the journal has is not scored again; what is scored is added to it.
    ///
    /// # Errors
    /// If the system has no more threads.
    pub fn start(
        rows: Box<dyn RowReader>,
        pipeline: &Arc<Pipeline>,
        options: impl Into<TextOptions>,
        journal: Option<JournalEntries>,
    ) -> Result<Self, JobError> {
        let Stages { windows: tokenized, mut threads, copies } = Stages::tokenize(rows, pipeline, options)?;
        let (to_writer, windows) = sync_channel(READY_WINDOWS);
        let engine = Engine { pipeline: Arc::clone(pipeline), journal, once: Once::new(copies.clone()) };
        threads.push(spawn("engine", move || engine.run(&tokenized, &to_writer))?);
        Ok(Self { windows, threads, copies })
    }
}

impl<T> Iterator for Stages<T> {
    type Item = Result<Window<T>, JobError>;

    fn next(&mut self) -> Option<Self::Item> {
        let window = self.windows.recv().ok();
        if window.is_none() {
            // The threads have ended. If one has panicked, this is not the end of the input.
            for thread in self.threads.drain(..) {
                thread.join().unwrap_or_else(|panicked| panic::resume_unwind(panicked));
            }
        }
        window
    }
}

fn spawn(name: &str, stage: impl FnOnce() + Send + 'static) -> Result<JoinHandle<()>, JobError> {
    thread::Builder::new().name(name.into()).spawn(stage).map_err(|error| JobError::Thread(error.into()))
}

/// Reads windows and tokenizes their texts, until the input or the next stage ends.
fn read(
    mut rows: Box<dyn RowReader>,
    pipeline: &Pipeline,
    options: TextOptions,
    to_engine: &SyncSender<Result<Window<EncodedText>, JobError>>,
) {
    let prepare = |row: Row| {
        let text = row.text.as_ref().map_err(ItemError::clone);
        let prepared = text.and_then(|text| options.encode(text, pipeline));
        (row, prepared)
    };
    let most = MAX_WINDOW_ROWS.max(ROWS_PER_WORKER * pipeline.workers());
    let mut window_rows = FIRST_WINDOW_ROWS;
    loop {
        let window = read_window(rows.as_mut(), window_rows);
        let is_last = window.as_ref().map_or(true, Vec::is_empty);
        if window.as_ref().is_ok_and(Vec::is_empty) {
            return;
        }
        let prepared = window.map(|window| window.into_iter().map(prepare).collect());
        let ready = Instant::now();
        if to_engine.send(prepared.map_err(JobError::from)).is_err() || is_last {
            return;
        }
        // Windows of a slow model stay small, so that predictions and progress keep coming.
        if window_rows < FULL_WINDOW_ROWS || ready.elapsed() < SLOW {
            window_rows = most.min(2 * window_rows);
        }
    }
}

/// The next rows: as many as a window holds, but after the first one only those that a stream has without waiting.
fn read_window(rows: &mut dyn RowReader, most: usize) -> Result<Vec<Row>, TableError> {
    let mut window = Vec::new();
    let mut bytes = 0;
    let most_bytes = WINDOW_BYTES * most.div_ceil(MAX_WINDOW_ROWS);
    while window.len() < most && bytes < most_bytes && (window.is_empty() || !rows.would_wait()) {
        let Some(row) = rows.next_row()? else { break };
        bytes += row.bytes();
        window.push(row);
    }
    Ok(window)
}

/// The stage that scores.
struct Engine {
    pipeline: Arc<Pipeline>,
    journal: Option<JournalEntries>,
    once: Once,
}

impl Engine {
    /// Scores windows until they or the next stage end, or one fails.
    fn run(
        mut self,
        tokenized: &Receiver<Result<Window<EncodedText>, JobError>>,
        to_writer: &SyncSender<Result<Window<Classification>, JobError>>,
    ) {
        for window in tokenized {
            let scored = window.and_then(|window| Ok(self.score(window)?));
            let is_last = scored.is_err();
            if to_writer.send(scored).is_err() || is_last {
                return;
            }
        }
        if let Err(error) = self.journal.as_mut().map_or(Ok(()), JournalEntries::check_end) {
            // Ignore send errors: the consumer has stopped.
            to_writer.send(Err(error.into())).unwrap_or_default();
        }
    }

    fn score(&mut self, window: Window<EncodedText>) -> Result<Window<Classification>, JournalError> {
        let logits = self.logits(&window)?;
        let (rows, prepared): (Vec<Row>, Vec<_>) = window.into_iter().unzip();
        Ok(rows.into_iter().zip(self.pipeline.classify_scored(prepared, logits)).collect())
    }

    /// The logits of a window's encodings, in order.
    fn logits(&mut self, window: &Window<EncodedText>) -> Result<Vec<Scored>, JournalError> {
        let mut encodings: Vec<(&Row, &Encoding)> = Vec::new();
        for (row, prepared) in window {
            encodings.extend(prepared.iter().flat_map(EncodedText::encodings).map(|encoding| (row, &**encoding)));
        }
        let Self { pipeline, journal, once } = self;
        match journal {
            None => {
                let encodings: Vec<&Encoding> = encodings.iter().map(|(_, encoding)| *encoding).collect();
                Ok(once.logits(&encodings, |encodings| pipeline.logits(encodings)))
            }
            Some(journal) => {
                let together = JOURNALED_TOGETHER.max(ROWS_PER_WORKER * pipeline.workers());
                let parts = encodings.chunks(together).map(|part| journaled(pipeline, once, journal, part));
                Ok(parts.collect::<Result<Vec<_>, _>>()?.into_iter().flatten().collect())
            }
        }
    }
}

/// The logits of these encodings: from the journal if it has them, else from the encoder, which are added to the journal.
fn journaled(
    pipeline: &Pipeline,
    once: &mut Once,
    journal: &mut JournalEntries,
    encodings: &[(&Row, &Encoding)],
) -> Result<Vec<Scored>, JournalError> {
    let mut known = Vec::new();
    for (row, encoding) in encodings {
        let Some(logits) = journal.next(&row.place, encoding)? else { break };
        logits.iter().for_each(|logits| once.remember(encoding, logits));
        known.push(logits);
    }
    let new = known.len();
    known.resize(encodings.len(), None);
    let unknown = encodings.iter().zip(&known).filter(|(_, known)| known.is_none());
    let unknown: Vec<&Encoding> = unknown.map(|((_, encoding), _)| *encoding).collect();
    let mut scored = once.logits(&unknown, |encodings| pipeline.logits(encodings)).into_iter();
    let logits: Vec<Scored> = known
        .into_iter()
        .map(|known| {
            known.map_or_else(|| scored.next().expect("the encoder has scored what the journal does not have"), Ok)
        })
        .collect();
    journal.append(encodings[new..].iter().map(|(_, encoding)| *encoding).zip(&logits[new..]))?;
    Ok(logits)
}
