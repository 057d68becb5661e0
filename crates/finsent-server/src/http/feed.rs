//! A stream of texts: a line in, a line out, in order, with no more lines in memory than keep the engine busy.
//!
//! Reading and answering are two futures that are one response: a client that does not take its answers holds up both,
//! and one that leaves drops both, and with them its texts.

use std::convert::Infallible;
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use actix_web::web::{Bytes, Payload};
use finsent_model::{EncodedText, Granularity};
use futures_util::future::{Either, select};
use futures_util::{Stream, StreamExt, stream};
use serde_json::value::RawValue;
use thiserror::Error;
use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};

use super::admit::Admitted;
use super::body::{ContentCoding, MemoryPermit};
use super::error::HttpError;
use super::infer::{Awaited, INLINE_BYTES, prepare_one, submit_one};
use super::lines::{Line, Lines};
use super::routes::{Given, answer_line, error_line};
use super::served::ServedModel;
use super::unpack::Unpacker;
use crate::scheduler::{Lane, Refusal};

/// How the texts of a stream are to be computed.
pub(super) struct Terms {
    pub(super) model: Arc<ServedModel>,
    pub(super) granularity: Granularity,
    pub(super) lane: Lane,
    /// Time that an answer may take from when its line was read, where the client says so.
    pub(super) deadline: Option<Duration>,
}

/// Lines that are read and not answered yet, at most.
const LINES_AHEAD: usize = 1024;
/// The same of their tokens, in passes: one is computed while the next ones wait, and answers that are there may wait for
/// an earlier line's.
const PASSES_AHEAD: usize = 8;
/// Time after which a line is offered again to a queue that is full.
const OFFER_AGAIN: Duration = Duration::from_millis(20);

/// Why a stream ends before its last line.
#[derive(Debug, Error)]
enum End {
    #[error("the service is shutting down")]
    Closing,
    #[error(transparent)]
    Failed(#[from] HttpError),
    /// There is nobody to tell.
    #[error("the client has left")]
    Left,
}

/// A line that was read.
struct Entry {
    number: u64,
    id: Option<Box<RawValue>>,
    /// What is computed for it, or why nothing is.
    outcome: Result<Awaited, String>,
    _room: Option<Room>,
}

/// A line's part of what may be in memory for its stream.
struct Room {
    _bytes: OwnedSemaphorePermit,
    _tokens: Option<OwnedSemaphorePermit>,
}

/// Answers the lines of a body.
pub(super) fn answers(
    admitted: Admitted,
    terms: Terms,
    packing: ContentCoding,
    body: Payload,
) -> impl Stream<Item = Result<Bytes, Infallible>> {
    let (hand_over, handed_over) = channel(LINES_AHEAD);
    let (admitted, terms) = (Rc::new(admitted), Rc::new(terms));
    let answering = Answering::new(&admitted, &terms, handed_over);
    let reading = Reading::new(admitted, terms, packing, body, hand_over);
    let answered = stream::unfold(answering, |mut answering| async { Some((answering.next().await?, answering)) });
    let nothing_yet = stream::once(reading.run()).filter_map(async |()| None);
    stream::select(nothing_yet, answered).map(Ok)
}

/// The half that reads.
struct Reading {
    admitted: Rc<Admitted>,
    terms: Rc<Terms>,
    body: Payload,
    unpacker: Unpacker,
    lines: Lines,
    hand_over: Sender<Entry>,
    closing: watch::Receiver<bool>,
    /// Lines that are done with.
    taken: u64,
    /// Bytes of lines that have no answer yet.
    bytes_room: Arc<Semaphore>,
    most_bytes: usize,
    tokens_room: Arc<Semaphore>,
    most_tokens: usize,
    share: MemoryPermit,
    /// Bytes that were read since others had their turn.
    in_one_go: usize,
}

impl Reading {
    fn new(admitted: Rc<Admitted>, terms: Rc<Terms>, packing: ContentCoding, body: Payload, to: Sender<Entry>) -> Self {
        let service = admitted.service();
        let most_bytes = service.limits.max_body_bytes;
        let most_tokens = PASSES_AHEAD * service.max_batch_tokens;
        Self {
            unpacker: Unpacker::new(packing),
            lines: Lines::new(most_bytes),
            closing: service.closing.subscribe(),
            taken: 0,
            bytes_room: Arc::new(Semaphore::new(most_bytes)),
            most_bytes,
            tokens_room: Arc::new(Semaphore::new(most_tokens)),
            most_tokens,
            share: MemoryPermit::new(service),
            in_one_go: 0,
            hand_over: to,
            admitted,
            terms,
            body,
        }
    }

    /// Reads until the body ends, or has to: then the last line says why.
    async fn run(mut self) {
        if let Err(end) = self.read().await {
            let entry = Entry { number: self.taken + 1, id: None, outcome: Err(end.to_string()), _room: None };
            // Who has left does not mind.
            self.hand_over.send(entry).await.unwrap_or_default();
        }
    }

    async fn read(&mut self) -> Result<(), End> {
        while let Some(bytes) = self.more().await? {
            self.take_lines(bytes).await?;
        }
        let bytes = self.unpacker.finish()?;
        self.take_lines(bytes).await?;
        match self.lines.last() {
            Some(line) => self.take(line).await,
            None => Ok(()),
        }
    }

    /// The next bytes of the body, unpacked.
    async fn more(&mut self) -> Result<Option<Bytes>, End> {
        loop {
            if let Some(bytes) = self.unpacker.next()? {
                return Ok(Some(bytes));
            }
            let closing = pin!(self.closing.wait_for(|closing| *closing));
            match select(closing, self.body.next()).await {
                Either::Left(_) => return Err(End::Closing),
                Either::Right((None, _)) => return Ok(None),
                Either::Right((Some(Ok(packed)), _)) => self.unpacker.push(packed),
                Either::Right((Some(Err(error)), _)) => {
                    return Err(HttpError::Malformed(format!("the body broke off: {error}")).into());
                }
            }
        }
    }

    async fn take_lines(&mut self, bytes: Bytes) -> Result<(), End> {
        self.lines.push(bytes);
        while let Some(line) = self.lines.next() {
            self.take(line).await?;
        }
        let in_flight = self.most_bytes - self.bytes_room.available_permits();
        Ok(self.share.resize(self.lines.held() + in_flight)?)
    }

    async fn take(&mut self, line: Line) -> Result<(), End> {
        if *self.closing.borrow() {
            return Err(End::Closing);
        }
        let number = line.number;
        if !line.is_blank() {
            let entry = self.entry(line).await?;
            self.hand_over.send(entry).await.map_err(|_| End::Left)?;
        }
        self.taken = number;
        Ok(())
    }

    async fn entry(&mut self, line: Line) -> Result<Entry, End> {
        let number = line.number;
        let Some(bytes) = line.bytes else {
            let reason = format!("the line has more than {} bytes", self.most_bytes);
            return Ok(Entry { number, id: None, outcome: Err(reason), _room: None });
        };
        self.let_others_run(bytes.len()).await;
        let read = Instant::now();
        let room_of_bytes = room(&self.bytes_room, bytes.len()).await;
        let Given { id, input } = Given::read(&bytes);
        drop(bytes);
        let input = match input {
            Ok(input) => {
                let Terms { model, granularity, .. } = &*self.terms;
                prepare_one(&self.admitted, model, input, *granularity).await.map_err(|error| error.to_string())
            }
            Err(reason) => Err(reason),
        };
        let (outcome, tokens) = match input {
            Err(reason) => (Err(reason), None),
            Ok(prepared) => {
                let tokens = room(&self.tokens_room, prepared.tokens().min(self.most_tokens)).await;
                (self.submit(&prepared, read).await?, Some(tokens))
            }
        };
        Ok(Entry { number, id, outcome, _room: Some(Room { _bytes: room_of_bytes, _tokens: tokens }) })
    }

    /// Has a text wait for its pass, as soon as the queue has room for it.
    async fn submit(&mut self, prepared: &EncodedText, read: Instant) -> Result<Result<Awaited, String>, End> {
        let Terms { model, lane, deadline, .. } = &*self.terms;
        let patience = self.admitted.patience(*deadline);
        loop {
            let now = Instant::now();
            // Without a deadline of the client's, the time that it took to get into the queue is nobody's loss.
            let deadline = deadline.map_or(now, |_| read) + patience;
            if deadline <= now {
                return Ok(Err(HttpError::DeadlinePassed.to_string()));
            }
            match submit_one(&self.admitted, model, prepared, *lane, deadline) {
                Ok(awaited) => return Ok(Ok(awaited)),
                Err(Refusal::Full { .. }) => tokio::time::sleep(OFFER_AGAIN).await,
                Err(refusal @ Refusal::TooLarge { .. }) => return Ok(Err(refusal.to_string())),
                Err(refusal @ Refusal::Stopped) => return Err(HttpError::from(refusal).into()),
            }
        }
    }

    /// The other connections of this thread have their turn after so much work.
    async fn let_others_run(&mut self, bytes: usize) {
        self.in_one_go += bytes;
        if self.in_one_go > INLINE_BYTES {
            self.in_one_go = 0;
            tokio::task::yield_now().await;
        }
    }
}

async fn room(of: &Arc<Semaphore>, needed: usize) -> OwnedSemaphorePermit {
    let permit = Arc::clone(of).acquire_many_owned(needed.try_into().unwrap_or(u32::MAX)).await;
    permit.expect("nobody closes the semaphore")
}

/// The half that answers.
struct Answering {
    terms: Rc<Terms>,
    handed_over: Receiver<Entry>,
    request_id: String,
    started: Instant,
    predictions: u64,
    errors: u64,
}

impl Answering {
    fn new(admitted: &Admitted, terms: &Rc<Terms>, handed_over: Receiver<Entry>) -> Self {
        let (terms, request_id) = (Rc::clone(terms), admitted.request_id());
        Self { terms, handed_over, request_id, started: Instant::now(), predictions: 0, errors: 0 }
    }

    /// The next line's answer; `None` when the last one has been answered.
    async fn next(&mut self) -> Option<Bytes> {
        let Entry { number, id, outcome, _room } = self.handed_over.recv().await?;
        let model = &self.terms.model;
        let item = match outcome {
            Ok(awaited) => awaited.item(&model.metrics).await.map_err(|failure| failure.to_string()),
            Err(reason) => Err(reason),
        };
        Some(match item {
            Ok(item) => {
                self.predictions += 1;
                answer_line(id.as_deref(), item.answer(model))
            }
            Err(reason) => {
                self.errors += 1;
                error_line(id.as_deref(), reason, number)
            }
        })
    }
}

impl Drop for Answering {
    fn drop(&mut self) {
        let Self { predictions, errors, request_id, .. } = self;
        let ms = (self.started.elapsed().as_secs_f64() * 1e6).round() / 1e3;
        tracing::info!(predictions, errors, ms, request_id, "stream ended");
    }
}
