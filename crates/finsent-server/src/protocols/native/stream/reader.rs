//! The half of a stream that reads.

use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use actix_web::web::{Bytes, Payload};
use finsent_model::EncodedText;
use futures_util::StreamExt;
use futures_util::future::{Either, select};
use thiserror::Error;
use tokio::sync::mpsc::Sender;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};

use super::line_input::LineInput;
use super::line_splitter::{Line, LineSplitter};
use super::pending_line::{LinePermits, PendingLine, StreamOptions};
use crate::error::HttpError;
use crate::inference::{INLINE_BYTES, PendingText, submit_text, tokenize_text};
use crate::request::{Admitted, ContentCoding, MemoryPermit, StreamDecoder};
use crate::scheduler::Refusal;

/// The most lines that are read and not answered yet.
pub(super) const LINES_AHEAD: usize = 1024;
/// The most tokens of such lines, in batches. While one batch is computed, the next ones wait; and results that are ready
/// may have to wait for that of an earlier line.
const BATCHES_AHEAD: usize = 8;
/// How long to wait before a text is offered again to a full queue.
const RETRY_INTERVAL: Duration = Duration::from_millis(20);

/// Why a stream ends before its last line.
#[derive(Debug, Error)]
enum EarlyEnd {
    #[error("the service is shutting down")]
    ShuttingDown,
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
    decoder: StreamDecoder,
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
    /// Bytes that were processed since this task yielded.
    bytes_since_yield: usize,
}

impl Reader {
    pub(super) fn new(
        admitted: Rc<Admitted>,
        options: Rc<StreamOptions>,
        coding: ContentCoding,
        body: Payload,
        pending: Sender<PendingLine>,
    ) -> Self {
        let service = admitted.service();
        let max_bytes = service.limits.max_body_bytes;
        let max_tokens = BATCHES_AHEAD * service.max_batch_tokens;
        Self {
            decoder: StreamDecoder::new(coding),
            lines: LineSplitter::new(max_bytes),
            shutting_down: service.streams_end(),
            last_line: 0,
            bytes: Arc::new(Semaphore::new(max_bytes)),
            max_bytes,
            tokens: Arc::new(Semaphore::new(max_tokens)),
            max_tokens,
            memory: MemoryPermit::new(service),
            bytes_since_yield: 0,
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
            let line = PendingLine { number, id: None, text: Err(end.to_string()), _permits: None };
            // Ignore send errors: the client disconnected.
            self.pending.send(line).await.unwrap_or_default();
        }
    }

    async fn read(&mut self) -> Result<(), EarlyEnd> {
        while let Some(bytes) = self.next_bytes().await? {
            self.submit_lines(bytes).await?;
        }
        let bytes = self.decoder.finish()?;
        self.submit_lines(bytes).await?;
        match self.lines.last() {
            Some(line) => self.submit_line(line).await,
            None => Ok(()),
        }
    }

    /// The next decompressed bytes of the body; `None` at its end.
    async fn next_bytes(&mut self) -> Result<Option<Bytes>, EarlyEnd> {
        loop {
            if let Some(bytes) = self.decoder.next()? {
                return Ok(Some(bytes));
            }
            let shutting_down = pin!(self.shutting_down.wait_for(|shutting_down| *shutting_down));
            match select(shutting_down, self.body.next()).await {
                Either::Left(_) => return Err(EarlyEnd::ShuttingDown),
                Either::Right((None, _)) => return Ok(None),
                Either::Right((Some(Ok(compressed)), _)) => self.decoder.push(compressed),
                Either::Right((Some(Err(error)), _)) => {
                    return Err(HttpError::Malformed(format!("the body ended early: {error}")).into());
                }
            }
        }
    }

    async fn submit_lines(&mut self, bytes: Bytes) -> Result<(), EarlyEnd> {
        self.lines.push(bytes);
        while let Some(line) = self.lines.next() {
            self.submit_line(line).await?;
        }
        let in_flight = self.max_bytes - self.bytes.available_permits();
        Ok(self.memory.resize(self.lines.held() + in_flight)?)
    }

    async fn submit_line(&mut self, line: Line) -> Result<(), EarlyEnd> {
        if *self.shutting_down.borrow() {
            return Err(EarlyEnd::ShuttingDown);
        }
        let number = line.number;
        if !line.is_blank() {
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
            return Ok(PendingLine { number, id: None, text: Err(reason), _permits: None });
        };
        self.yield_regularly(bytes.len()).await;
        let read_at = Instant::now();
        let byte_permit = acquire(&self.bytes, bytes.len()).await;
        let LineInput { id, text } = LineInput::parse(&bytes);
        drop(bytes);
        let encoded = match text {
            Ok(text) => {
                let StreamOptions { model, granularity, .. } = &*self.options;
                tokenize_text(&self.admitted, model, text, *granularity).await.map_err(|error| error.to_string())
            }
            Err(reason) => Err(reason),
        };
        let (text, token_permit) = match encoded {
            Err(reason) => (Err(reason), None),
            Ok(encoded) => {
                let permit = acquire(&self.tokens, encoded.tokens().min(self.max_tokens)).await;
                (self.submit(&encoded, read_at).await?, Some(permit))
            }
        };
        let permits = LinePermits { _bytes: byte_permit, _tokens: token_permit };
        Ok(PendingLine { number, id, text, _permits: Some(permits) })
    }

    /// Submits a text as soon as the queue has room for it. The inner error is that of its line.
    async fn submit(
        &mut self,
        encoded: &EncodedText,
        read_at: Instant,
    ) -> Result<Result<PendingText, String>, EarlyEnd> {
        let StreamOptions { model, lane, time_limit, .. } = &*self.options;
        let limit = self.admitted.time_limit(*time_limit);
        loop {
            let now = Instant::now();
            // Unless the client limits the time, the wait for a place in the queue does not count.
            let deadline = time_limit.map_or(now, |_| read_at) + limit;
            if deadline <= now {
                return Ok(Err(HttpError::DeadlinePassed.to_string()));
            }
            match submit_text(&self.admitted, model, encoded, *lane, deadline) {
                Ok(pending) => return Ok(Ok(pending)),
                Err(Refusal::Full { .. }) => tokio::time::sleep(RETRY_INTERVAL).await,
                Err(refusal @ Refusal::TooLarge { .. }) => return Ok(Err(refusal.to_string())),
                Err(refusal @ Refusal::Stopped) => return Err(HttpError::from(refusal).into()),
            }
        }
    }

    /// Lets the other connections of this thread run after a certain amount of work.
    async fn yield_regularly(&mut self, bytes: usize) {
        self.bytes_since_yield += bytes;
        if self.bytes_since_yield > INLINE_BYTES {
            self.bytes_since_yield = 0;
            tokio::task::yield_now().await;
        }
    }
}

async fn acquire(semaphore: &Arc<Semaphore>, permits: usize) -> OwnedSemaphorePermit {
    let permit = Arc::clone(semaphore).acquire_many_owned(permits.try_into().unwrap_or(u32::MAX)).await;
    permit.expect("the semaphore is never closed")
}
