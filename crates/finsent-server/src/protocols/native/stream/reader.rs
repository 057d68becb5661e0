//! The half of a stream that reads.

use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use actix_web::web::{self, Bytes, Payload};
use finsent_model::EncodedText;
use futures_util::StreamExt;
use futures_util::future::{Either, select};
use thiserror::Error;
use tokio::sync::mpsc::Sender;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};

use super::line_fields::LineFields;
use super::line_input::LineInput;
use super::line_splitter::{Line, LineSplitter};
use super::pending_line::{LinePermits, PendingLine, StreamOptions};
use crate::error::HttpError;
use crate::inference::{PendingText, memory_of, submit_text, tokenize_text};
use crate::memory_budget::Holder;
use crate::request::{Admitted, ContentCoding, Decoder, INLINE_BYTES, MemoryPermit, Turn};
use crate::scheduler::Refusal;

/// The most lines that are read and not answered yet.
pub(super) const LINES_AHEAD: usize = 1024;
/// The most tokens of such lines, in batches. While one batch is computed, the next ones wait; and results that are ready
/// may have to wait for that of an earlier line.
const BATCHES_AHEAD: usize = 8;
/// How long to wait before a text is offered again to a full queue, or memory is asked for again.
const RETRY_INTERVAL: Duration = Duration::from_millis(20);
/// What a line takes besides its bytes, until it is answered: its encoding, its place in the queue, its reply.
const BYTES_PER_LINE: usize = 1 << 10;
/// What a stream holds from its start: the buffers of its connection, and some short lines, so that it can go on when others
/// hold much.
pub(super) const BYTES_PER_STREAM: usize = 64 << 10;
/// The part of it that is for lines.
const FREE_BYTES: usize = 16 << 10;
/// How many times as large as its compressed bytes a stream may be. Lines of text are rarely 20 times as large.
const MAX_RATIO: u64 = 64;
/// The ratio counts once this many bytes are decompressed, because a short stream may repeat itself.
const BYTES_BEFORE_RATIO: u64 = 8 << 20;
/// What a line counts there besides its bytes, so that many short lines are not cheaper than few long ones.
const RATIO_BYTES_PER_LINE: u64 = 32;
/// The most bytes of blank lines in a row. Clients send some, to keep a connection open.
const MAX_BLANK_BYTES: usize = 1 << 20;

/// Why a stream ends before its last line.
#[derive(Debug, Error)]
enum EarlyEnd {
    #[error("the service is shutting down")]
    ShuttingDown,
    #[error("the body decompresses to more than {} times its size; send it with less compression", MAX_RATIO)]
    Ratio,
    #[error("the body has more than {} blank bytes in a row", MAX_BLANK_BYTES)]
    Blank,
    #[error(transparent)]
    Failed(#[from] HttpError),
    /// The client has disconnected, so this is never sent.
    #[error("the client has disconnected")]
    Disconnected,
}

/// Reads the lines of a body and submits their texts.
pub(super) struct Reader {
    admitted: Rc<Admitted>,
    options: Rc<StreamOptions>,
    body: Payload,
    decoder: Decoder,
    lines: LineSplitter,
    pending: Sender<PendingLine>,
    shutting_down: watch::Receiver<bool>,
    /// Number of the last line that was dealt with.
    last_line: u64,
    /// For the bytes of lines that are not answered yet.
    bytes: Arc<Semaphore>,
    max_bytes: usize,
    /// For their tokens.
    tokens: Arc<Semaphore>,
    max_tokens: usize,
    memory: MemoryPermit,
    /// Bytes of blank lines since the last line that is not.
    blank_bytes: usize,
    turn: Turn,
}

impl Reader {
    pub(super) fn new(
        admitted: Rc<Admitted>,
        options: Rc<StreamOptions>,
        coding: ContentCoding,
        body: Payload,
        memory: MemoryPermit,
        pending: Sender<PendingLine>,
    ) -> Self {
        let service = admitted.service();
        let max_bytes = service.limits.max_body_bytes;
        let max_tokens = BATCHES_AHEAD * service.max_batch_tokens;
        Self {
            decoder: Decoder::new(coding),
            lines: LineSplitter::new(max_bytes),
            shutting_down: service.streams_end(),
            last_line: 0,
            bytes: Arc::new(Semaphore::new(max_bytes)),
            max_bytes,
            tokens: Arc::new(Semaphore::new(max_tokens)),
            max_tokens,
            memory,
            blank_bytes: 0,
            turn: Turn::default(),
            admitted,
            options,
            body,
            pending,
        }
    }

    /// Reads until the body ends. If it must stop earlier, the last line of the response says why.
    pub(super) async fn run(mut self) {
        if let Err(end) = self.read().await {
            let number = self.last_line + 1;
            let line = PendingLine { number, fields: LineFields::None, text: Err(end.to_string()), _permits: None };
            // Ignore send errors: the client disconnected.
            self.pending.send(line).await.unwrap_or_default();
        }
    }

    async fn read(&mut self) -> Result<(), EarlyEnd> {
        let mut is_over = false;
        while !is_over {
            match self.next_chunk().await? {
                Some(compressed) => self.decoder.push(compressed),
                None => {
                    self.decoder.end();
                    is_over = true;
                }
            }
            self.submit_lines().await?;
        }
        match self.lines.last() {
            Some(line) => self.submit_line(line).await,
            None => Ok(()),
        }
    }

    /// The next bytes of the body as they arrive; `None` at its end.
    async fn next_chunk(&mut self) -> Result<Option<Bytes>, EarlyEnd> {
        let shutting_down = pin!(self.shutting_down.wait_for(|shutting_down| *shutting_down));
        match select(shutting_down, self.body.next()).await {
            Either::Left(_) => Err(EarlyEnd::ShuttingDown),
            Either::Right((None, _)) => Ok(None),
            Either::Right((Some(Ok(compressed)), _)) => Ok(Some(compressed)),
            Either::Right((Some(Err(error)), _)) => {
                Err(HttpError::Malformed(format!("the body ended early: {error}")).into())
            }
        }
    }

    /// Decompresses what has arrived, and submits its lines.
    async fn submit_lines(&mut self) -> Result<(), EarlyEnd> {
        while let Some(step) = self.decoder.next()? {
            self.spend(step.work).await?;
            self.check_ratio()?;
            self.lines.push(step.bytes);
            while let Some(line) = self.lines.next() {
                self.submit_line(line).await?;
            }
            self.hold(self.lines.held()).await?;
        }
        Ok(())
    }

    fn check_ratio(&self) -> Result<(), EarlyEnd> {
        let (compressed, decompressed) = self.decoder.totals();
        let allowed = BYTES_BEFORE_RATIO + MAX_RATIO * compressed;
        let work = decompressed + RATIO_BYTES_PER_LINE * self.last_line;
        if work > allowed { Err(EarlyEnd::Ratio) } else { Ok(()) }
    }

    /// Counts the memory of the stream: these bytes, and the lines that are not answered. Waits for answers if there is no
    /// room.
    async fn hold(&mut self, bytes: usize) -> Result<(), EarlyEnd> {
        let since = Instant::now();
        loop {
            let held = bytes + self.bytes_in_flight();
            match self.memory.resize(BYTES_PER_STREAM + held.saturating_sub(FREE_BYTES)) {
                Ok(()) => return Ok(()),
                Err(refusal) => self.wait_for_answers(since, refusal).await?,
            }
        }
    }

    /// Counts the memory of a text's encodings, if it is more than that of a line.
    async fn hold_encodings(&self, encoded: &EncodedText) -> Result<Option<MemoryPermit>, EarlyEnd> {
        let bytes = memory_of(encoded);
        if bytes <= BYTES_PER_LINE {
            return Ok(None);
        }
        let mut memory = MemoryPermit::new(self.admitted.service(), Holder::Stream);
        let since = Instant::now();
        loop {
            match memory.grow(bytes) {
                Ok(()) => return Ok(Some(memory)),
                Err(refusal) => self.wait_for_answers(since, refusal).await?,
            }
        }
    }

    /// The memory of the lines that are not answered.
    fn bytes_in_flight(&self) -> usize {
        let lines = self.pending.max_capacity() - self.pending.capacity();
        lines * BYTES_PER_LINE + self.max_bytes - self.bytes.available_permits()
    }

    /// Waits for answers that free memory; an error if this stream waits for none, or has waited for long.
    async fn wait_for_answers(&self, since: Instant, refusal: HttpError) -> Result<(), HttpError> {
        if self.bytes_in_flight() == 0 || since.elapsed() > self.admitted.time_limit(None) {
            return Err(refusal);
        }
        tokio::time::sleep(RETRY_INTERVAL).await;
        Ok(())
    }

    async fn submit_line(&mut self, line: Line) -> Result<(), EarlyEnd> {
        let number = line.number;
        if line.is_blank() {
            self.blank_bytes += line.bytes.map_or(0, |bytes| bytes.len()) + 1;
            if self.blank_bytes > MAX_BLANK_BYTES {
                return Err(EarlyEnd::Blank);
            }
        } else {
            self.blank_bytes = 0;
            let pending = self.start(line).await?;
            self.pending.send(pending).await.map_err(|_| EarlyEnd::Disconnected)?;
        }
        self.last_line = number;
        Ok(())
    }

    /// Starts the work on a line, as soon as the stream may hold it.
    async fn start(&mut self, line: Line) -> Result<PendingLine, EarlyEnd> {
        let number = line.number;
        let Some(bytes) = line.bytes else {
            let reason = format!("the line is longer than {} bytes", self.max_bytes);
            return Ok(PendingLine { number, fields: LineFields::None, text: Err(reason), _permits: None });
        };
        self.spend(BYTES_PER_LINE).await?;
        let read_at = Instant::now();
        self.hold(bytes.len() + BYTES_PER_LINE).await?;
        let byte_permit = acquire(&self.bytes, bytes.len()).await;
        let LineInput { fields, text } = parse(bytes, self.options.passes_fields_on).await?;
        let encoded = match text {
            Ok(text) => {
                let StreamOptions { model, granularity, unescape_html, .. } = &*self.options;
                let options = (*granularity, *unescape_html);
                tokenize_text(&self.admitted, model, text, options).await.map_err(|error| error.to_string())
            }
            Err(reason) => Err(reason),
        };
        let (text, tokens, memory) = match encoded {
            Err(reason) => (Err(reason), None, None),
            Ok(encoded) => {
                let memory = self.hold_encodings(&encoded).await?;
                let tokens = acquire(&self.tokens, encoded.tokens().min(self.max_tokens)).await;
                (self.submit(&encoded, read_at).await?, Some(tokens), memory)
            }
        };
        let permits = LinePermits { _bytes: byte_permit, _tokens: tokens, _memory: memory };
        Ok(PendingLine { number, fields, text, _permits: Some(permits) })
    }

    /// Submits a text as soon as the queue has room for it. The inner error is that of its line.
    async fn submit(
        &mut self,
        encoded: &EncodedText,
        read_at: Instant,
    ) -> Result<Result<PendingText, String>, EarlyEnd> {
        let StreamOptions { model, lane, flow, time_limit, .. } = &*self.options;
        let limit = self.admitted.time_limit(*time_limit);
        loop {
            let now = Instant::now();
            // Unless the client limits the time, the wait for a place in the queue does not count.
            let deadline = time_limit.map_or(now, |_| read_at) + limit;
            if deadline <= now {
                return Ok(Err(HttpError::DeadlinePassed.to_string()));
            }
            match submit_text(&self.admitted, model, encoded, *lane, flow, deadline) {
                Ok(pending) => return Ok(Ok(pending)),
                Err(Refusal::Full { .. }) => tokio::time::sleep(RETRY_INTERVAL).await,
                Err(refusal @ Refusal::TooLarge { .. }) => return Ok(Err(refusal.to_string())),
                Err(refusal @ Refusal::Stopped) => return Err(HttpError::from(refusal).into()),
            }
        }
    }

    /// Counts work, after which the other connections of this thread run.
    async fn spend(&mut self, work: usize) -> Result<(), EarlyEnd> {
        if *self.shutting_down.borrow() {
            return Err(EarlyEnd::ShuttingDown);
        }
        self.turn.spend(work).await;
        Ok(())
    }
}

/// Parses a line, a long one on another thread.
async fn parse(line: Vec<u8>, passes_fields_on: bool) -> Result<LineInput, HttpError> {
    if line.len() <= INLINE_BYTES {
        return Ok(LineInput::parse(&line, passes_fields_on));
    }
    web::block(move || LineInput::parse(&line, passes_fields_on)).await.map_err(|_| HttpError::Panicked)
}

async fn acquire(semaphore: &Arc<Semaphore>, permits: usize) -> OwnedSemaphorePermit {
    let permit = Arc::clone(semaphore).acquire_many_owned(permits.try_into().unwrap_or(u32::MAX)).await;
    permit.expect("the semaphore is never closed")
}
