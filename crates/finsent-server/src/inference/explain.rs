//! Explanations of predictions. Their token sequences are computed at bulk priority, some batches at a time.

use std::sync::Arc;
use std::time::{Duration, Instant};

use actix_web::web;
use finsent_model::{Encoding, ExplainOptions, Explaining, Explanation, Granularity, Text};
use futures_util::future::join_all;

use super::classify::ClassifyResponse;
use super::scored_text::ScoredText;
use super::tokenize::{INLINE_BYTES, LONG_TEXT_BYTES};
use crate::error::HttpError;
use crate::request::{Admitted, ItemError};
use crate::scheduler::{Failure, Flow, Lane, Logits, Pending, Refusal, Work};
use crate::served_model::ServedModel;

/// Batches of an explanation that wait at a time: enough that the engine is not idle between them, and so few that the queue
/// stays free for others.
const BATCHES_AHEAD: usize = 4;
/// The share of the queue that an explanation takes.
const SHARE_OF_QUEUE: usize = 4;
/// The longest wait for room in the queue before the next attempt.
const LONGEST_PAUSE: Duration = Duration::from_millis(250);
/// What an explanation takes while it is made: sets of words and token sequences.
const BYTES_OF_WORK: usize = 128 << 10;
/// What a word of an explanation takes besides its bytes.
const BYTES_PER_WORD: usize = 96;

/// What to explain, and how.
pub(crate) struct ExplainRequest {
    pub(crate) options: ExplainOptions,
    /// The texts of the predictions; `None` for one that is not a text.
    pub(crate) texts: Vec<Option<Text>>,
    pub(crate) granularity: Granularity,
    /// Whether HTML is left out of the texts.
    pub(crate) unescape_html: bool,
    pub(crate) deadline: Instant,
}

/// Explains the predictions of a request, one after the other. A prediction that cannot be explained becomes an error.
///
/// # Errors
/// [`HttpError`] if the request fails as a whole.
pub(crate) async fn explain(
    admitted: &Admitted,
    response: &mut ClassifyResponse,
    request: ExplainRequest,
) -> Result<Vec<Option<Explanation>>, HttpError> {
    let ExplainRequest { options, texts, granularity, unescape_html, deadline } = request;
    let budget = admitted.service().limits.explain_budget;
    let options = ExplainOptions { passes: options.passes.min(budget), ..options };
    let plan = Plan { model: Arc::clone(&response.model), options, granularity, unescape_html };
    let mut engine = Engine { admitted, model: &plan.model, flow: Flow::default(), deadline, has_begun: false };
    response.memory.grow(BYTES_OF_WORK)?;
    let (mut left, started) = (budget, Instant::now());
    let mut explanations = Vec::with_capacity(texts.len());
    for (item, text) in response.items.iter_mut().zip(texts) {
        let (Ok(scored), Some(text)) = (&*item, text) else {
            explanations.push(None);
            continue;
        };
        let words = text.as_str().len().min(plan.model.pipeline.max_length());
        response.memory.grow(2 * text.as_str().len() + BYTES_PER_WORD * words)?;
        let planned = plan.explaining(admitted, text, scored.clone()).await?;
        let explained = match planned {
            Ok(explaining) if explaining.most_passes() > left => Err(ItemError::ExplainBudget { limit: budget }),
            Ok(explaining) => engine.run(explaining).await?,
            Err(error) => Err(error),
        };
        left -= explained.as_ref().map_or(0, Explanation::passes);
        match explained {
            Ok(explanation) => {
                plan.model.metrics.explanations.inc();
                explanations.push(Some(explanation));
            }
            Err(error) => {
                *item = Err(error);
                explanations.push(None);
            }
        }
    }
    if let Some(trace) = admitted.trace() {
        trace.explained(started, budget - left);
    }
    Ok(explanations)
}

/// How the explanations of a request are planned.
#[derive(Clone)]
struct Plan {
    model: Arc<ServedModel>,
    options: ExplainOptions,
    granularity: Granularity,
    unescape_html: bool,
}

impl Plan {
    /// Plans the explanation of a text; of a long one on another thread.
    async fn explaining(
        &self,
        admitted: &Admitted,
        text: Text,
        scored: ScoredText,
    ) -> Result<Result<Explaining, ItemError>, HttpError> {
        let bytes = text.as_str().len();
        if bytes <= INLINE_BYTES {
            return Ok(self.explaining_now(&text, scored));
        }
        // Not more than this is tokenized at once.
        let permits = bytes.min(LONG_TEXT_BYTES) as u32;
        let _permit = admitted.service().long_texts.acquire_many(permits).await;
        let plan = self.clone();
        web::block(move || plan.explaining_now(&text, scored)).await.map_err(|_| HttpError::Panicked)
    }

    fn explaining_now(&self, text: &Text, scored: ScoredText) -> Result<Explaining, ItemError> {
        let Self { model, options, granularity, unescape_html } = self;
        let plain = if *unescape_html { text.unescape_html()? } else { None };
        let classification = scored.classification(model);
        let text = plain.as_ref().unwrap_or(text);
        Ok(model.pipeline.explaining(text, &classification, *granularity, options)?)
    }
}

/// The scheduler, for the explanations of one request.
struct Engine<'a> {
    admitted: &'a Admitted,
    model: &'a ServedModel,
    flow: Flow,
    deadline: Instant,
    /// Whether the queue has accepted a part of the request.
    has_begun: bool,
}

impl Engine<'_> {
    /// Computes all token sequences of an explanation.
    async fn run(&mut self, mut explaining: Explaining) -> Result<Result<Explanation, ItemError>, HttpError> {
        let service = self.admitted.service();
        let scheduler = &self.admitted.loaded().scheduler;
        let of_queue = scheduler.max_queue_tokens() / SHARE_OF_QUEUE;
        let tokens = of_queue.min(BATCHES_AHEAD.max(scheduler.workers()) * service.max_batch_tokens);
        loop {
            let encodings = explaining.next_passes(tokens);
            if encodings.is_empty() {
                return Ok(Ok(explaining.finish()));
            }
            self.model.metrics.explanation_passes.inc_by(encodings.len() as u64);
            let logits = match self.logits(encodings).await? {
                Ok(logits) => logits,
                Err(failure @ (Failure::DeadlinePassed | Failure::Stopped)) => return Err(failure.into()),
                Err(failure) => return Ok(Err(failure.into())),
            };
            if let Err(error) = self.model.pipeline.advance(&mut explaining, &logits) {
                return Ok(Err(error.into()));
            }
        }
    }

    async fn logits(&mut self, encodings: Vec<Encoding>) -> Result<Result<Vec<Logits>, Failure>, HttpError> {
        let encodings: Vec<Arc<Encoding>> = encodings.into_iter().map(Arc::new).collect();
        let pending = self.submit(&encodings).await?;
        let outputs = join_all(pending.into_iter().map(Pending::output));
        let outputs = tokio::time::timeout_at(self.deadline.into(), outputs).await;
        let outputs = outputs.map_err(|_| HttpError::DeadlinePassed)?;
        Ok(outputs.into_iter().map(|output| output.map(|output| output.logits)).collect())
    }

    /// Waits for room in the queue, unless the request has not begun: then it is refused, as others are.
    async fn submit(&mut self, encodings: &[Arc<Encoding>]) -> Result<Vec<Pending>, HttpError> {
        loop {
            let work = Work {
                model: self.model.backend(),
                encodings: encodings.to_vec(),
                lane: Lane::Bulk,
                deadline: self.deadline,
                flow: self.flow.clone(),
                is_cached: false,
            };
            match self.admitted.loaded().scheduler.submit(work) {
                Ok(pending) => {
                    self.has_begun = true;
                    return Ok(pending);
                }
                Err(Refusal::Full { .. }) if self.has_begun && Instant::now() >= self.deadline => {
                    return Err(HttpError::DeadlinePassed);
                }
                Err(Refusal::Full { retry_after }) if self.has_begun => {
                    tokio::time::sleep(retry_after.min(LONGEST_PAUSE)).await;
                }
                Err(refusal) => return Err(refusal.into()),
            }
        }
    }
}
