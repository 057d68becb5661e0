//! The half of a stream that answers.

use std::rc::Rc;
use std::sync::Arc;
use std::time::Instant;

use actix_web::web::{self, Bytes};
use tokio::sync::mpsc::Receiver;

use super::line_fields::LineFields;
use super::pending_line::{PendingLine, StreamOptions};
use super::response_line::{classified_line, failed_line};
use crate::error::HttpError;
use crate::inference::{INLINE_ENCODINGS, ScoredText};
use crate::memory_budget::Holder;
use crate::request::{Admitted, MemoryPermit};
use crate::served_model::ServedModel;
use crate::traces::{Counts, RequestTrace};

/// Bytes of an answer that are handed over for writing at a time.
const MAX_PART: usize = 16 << 10;

/// Answers the lines in their order.
pub(super) struct Writer {
    options: Rc<StreamOptions>,
    lines: Receiver<PendingLine>,
    request_id: String,
    started: Instant,
    predictions: u64,
    errors: u64,
    tokens: usize,
    trace: Option<Rc<RequestTrace>>,
    /// Whether all lines are answered.
    is_over: bool,
    /// The rest of the answer that is being written.
    left: Bytes,
    /// Its memory.
    memory: MemoryPermit,
}

impl Writer {
    pub(super) fn new(admitted: &Admitted, options: &Rc<StreamOptions>, lines: Receiver<PendingLine>) -> Self {
        let (options, request_id) = (Rc::clone(options), admitted.request_id());
        let memory = MemoryPermit::new(admitted.service(), Holder::Request);
        let (left, started) = (Bytes::new(), Instant::now());
        let trace = admitted.trace();
        Self {
            options,
            lines,
            request_id,
            started,
            predictions: 0,
            errors: 0,
            tokens: 0,
            trace,
            is_over: false,
            left,
            memory,
        }
    }

    /// The next part of the answers; `None` at the end of the stream.
    pub(super) async fn next(&mut self) -> Option<Bytes> {
        if self.left.is_empty() {
            self.left = self.answer().await?;
        }
        let part = self.left.split_to(self.left.len().min(MAX_PART));
        if self.left.is_empty() {
            // It becomes less, so it is not refused.
            self.memory.resize(0).unwrap_or_default();
        }
        Some(part)
    }

    async fn answer(&mut self) -> Option<Bytes> {
        let line = self.lines.recv().await;
        self.is_over = line.is_none();
        let PendingLine { number, fields, text, _permits } = line?;
        let model = &self.options.model;
        let scored = match text {
            Ok(text) => text.scored(model).await.map_err(|failure| failure.to_string()),
            Err(reason) => Err(reason),
        };
        let line = match scored {
            Ok(text) => {
                self.tokens += text.tokens();
                classified(model, fields.clone(), text).await.map_err(|error| error.to_string())
            }
            Err(reason) => Err(reason),
        };
        let line = line.and_then(|line| match self.memory.resize(counted(&line)) {
            Ok(()) => Ok(line),
            Err(refusal) => Err(refusal.to_string()),
        });
        *(if line.is_ok() { &mut self.predictions } else { &mut self.errors }) += 1;
        Some(line.unwrap_or_else(|reason| failed_line(&fields, reason, number)))
    }
}

/// The memory of a line that is not written, if it is more than what is written at a time.
fn counted(line: &Bytes) -> usize {
    if line.len() > MAX_PART { line.len() } else { 0 }
}

/// The line for a text; that of a long document is written on another thread.
async fn classified(model: &Arc<ServedModel>, fields: LineFields, text: ScoredText) -> Result<Bytes, HttpError> {
    if text.encodings() <= INLINE_ENCODINGS {
        return Ok(classified_line(&fields, text.classification(model)));
    }
    let model = Arc::clone(model);
    let write = move || classified_line(&fields, text.classification(&model));
    web::block(write).await.map_err(|_| HttpError::Panicked)
}

/// However the stream ends, it is logged.
impl Drop for Writer {
    fn drop(&mut self) {
        let Self { predictions, errors, request_id, tokens, .. } = self;
        let ms = (self.started.elapsed().as_secs_f64() * 1e6).round() / 1e3;
        tracing::info!(predictions, errors, ms, request_id, "stream ended");
        if let Some(trace) = &self.trace {
            let (failed, tokens) = (*errors as usize, *tokens);
            let texts = *predictions as usize + failed;
            trace.streamed(Counts { texts, failed, tokens, cached: 0 }, !self.is_over);
        }
    }
}
