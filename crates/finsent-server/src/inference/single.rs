//! One text of a stream, in three steps: tokenize it, submit it, wait for it.

use std::sync::Arc;
use std::time::Instant;

use finsent_model::{EncodedText, Granularity};
use futures_util::future::try_join_all;

use super::scored_text::ScoredText;
use super::tokenize::{TokenizeOptions, tokenize};
use crate::request::{Admitted, ItemError, TextInput};
use crate::scheduler::{Failure, Flow, Lane, Pending, Refusal, Work};
use crate::served_model::ServedModel;

/// A text that is queued or being computed.
pub(crate) struct PendingText {
    encoded: EncodedText,
    pending: Vec<Pending>,
    deadline: Instant,
}

/// Tokenizes one text.
///
/// # Errors
/// [`ItemError`] if the model cannot read it.
pub(crate) async fn tokenize_text(
    admitted: &Admitted,
    model: &Arc<ServedModel>,
    input: TextInput,
    (granularity, unescape_html): (Granularity, bool),
) -> Result<EncodedText, ItemError> {
    let started = Instant::now();
    let options = TokenizeOptions { granularity, unescape_html, truncate: true };
    let encoded = tokenize(admitted, model, vec![input], options).await.map_err(|_| Failure::Panicked)?;
    model.metrics.tokenization_seconds.observe(started.elapsed().as_secs_f64());
    encoded.into_iter().next().expect("one text has one result")
}

/// Submits one text. Those of one stream have the same `flow`.
///
/// # Errors
/// [`Refusal`], at once.
pub(crate) fn submit_text(
    admitted: &Admitted,
    model: &ServedModel,
    encoded: &EncodedText,
    lane: Lane,
    flow: &Flow,
    deadline: Instant,
) -> Result<PendingText, Refusal> {
    let encodings = encoded.encodings().map(Arc::clone).collect();
    let work = Work { model: model.backend(), encodings, lane, deadline, flow: flow.clone(), is_cached: true };
    let pending = admitted.loaded().scheduler.submit(work)?;
    Ok(PendingText { encoded: encoded.clone(), pending, deadline })
}

impl PendingText {
    /// Waits for the logits.
    ///
    /// # Errors
    /// [`Failure`] if there are none before the deadline.
    pub(crate) async fn scored(self, model: &ServedModel) -> Result<ScoredText, Failure> {
        let outputs = try_join_all(self.pending.into_iter().map(Pending::output));
        let outputs = tokio::time::timeout_at(self.deadline.into(), outputs).await;
        let outputs = outputs.unwrap_or(Err(Failure::DeadlinePassed))?;
        let logits = outputs.into_iter().map(|output| output.logits).collect();
        let text = ScoredText { encoded: self.encoded, logits };
        text.count(model);
        Ok(text)
    }
}
