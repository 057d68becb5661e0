//! The half of a stream that answers.

use std::rc::Rc;
use std::time::Instant;

use actix_web::web::Bytes;
use tokio::sync::mpsc::Receiver;

use super::pending_line::{PendingLine, StreamOptions};
use super::response_line::{classified_line, failed_line};
use crate::request::Admitted;

/// Answers the lines in their order.
pub(super) struct Writer {
    options: Rc<StreamOptions>,
    lines: Receiver<PendingLine>,
    request_id: String,
    started: Instant,
    predictions: u64,
    errors: u64,
}

impl Writer {
    pub(super) fn new(admitted: &Admitted, options: &Rc<StreamOptions>, lines: Receiver<PendingLine>) -> Self {
        let (options, request_id) = (Rc::clone(options), admitted.request_id());
        Self { options, lines, request_id, started: Instant::now(), predictions: 0, errors: 0 }
    }

    /// The answer to the next line; `None` at the end of the stream.
    pub(super) async fn next(&mut self) -> Option<Bytes> {
        let PendingLine { number, id, text, _permits } = self.lines.recv().await?;
        let model = &self.options.model;
        let scored = match text {
            Ok(text) => text.scored(&model.metrics).await.map_err(|failure| failure.to_string()),
            Err(reason) => Err(reason),
        };
        Some(match scored {
            Ok(text) => {
                self.predictions += 1;
                classified_line(id.as_deref(), text.classification(model))
            }
            Err(reason) => {
                self.errors += 1;
                failed_line(id.as_deref(), reason, number)
            }
        })
    }
}

/// However the stream ends, it is logged.
impl Drop for Writer {
    fn drop(&mut self) {
        let Self { predictions, errors, request_id, .. } = self;
        let ms = (self.started.elapsed().as_secs_f64() * 1e6).round() / 1e3;
        tracing::info!(predictions, errors, ms, request_id, "stream ended");
    }
}
