//! Texts of a request become tokens, wait for their passes, and come back as logits.

use std::sync::Arc;
use std::time::{Duration, Instant};

use actix_web::{HttpResponseBuilder, web};
use finsent_model::{Activation, EncodedText, Granularity, Prediction, Text, TextError, TokenizerError};
use futures_util::future::{join_all, try_join_all};
use thiserror::Error;

use super::admit::Admitted;
use super::error::HttpError;
use super::served::ServedModel;
use crate::metrics::ModelMetrics;
use crate::scheduler::{Failure, Lane, Logits, PassResult, Pending, Refusal, Work};

/// Why one text of a request has no prediction.
#[derive(Debug, Error)]
pub(super) enum ItemError {
    /// It is a JSON string that names no characters, such as half of a surrogate pair.
    #[error("not a valid string: {0}")]
    NotAString(String),
    #[error(transparent)]
    Text(#[from] TextError),
    #[error(transparent)]
    Tokenizer(#[from] TokenizerError),
    /// The client does not want it to be cut.
    #[error("the text is longer than the model's window of {window} tokens")]
    TooLong {
        /// Tokens that the model reads.
        window: usize,
    },
    #[error(transparent)]
    Compute(#[from] Failure),
}

/// A text of a request, or why it is none.
pub(super) type Input = Result<Text, ItemError>;

/// What is asked for.
pub(super) struct Job {
    pub(super) model: Arc<ServedModel>,
    pub(super) inputs: Vec<Input>,
    pub(super) lane: Lane,
    pub(super) deadline: Instant,
    pub(super) granularity: Granularity,
    /// Whether a text may be cut at the window.
    pub(super) truncate: bool,
}

impl Job {
    /// A prediction for each text, at once.
    pub(super) fn of_texts(model: Arc<ServedModel>, inputs: Vec<Input>, deadline: Instant, truncate: bool) -> Self {
        Self { model, inputs, granularity: Granularity::Text, lane: Lane::Interactive, deadline, truncate }
    }
}

/// What came of it.
pub(super) struct Inferred {
    pub(super) model: Arc<ServedModel>,
    /// One for each input, in their order.
    pub(super) items: Vec<Result<Item, ItemError>>,
    pub(super) timings: Timings,
}

/// A text that is on its way through the engine.
pub(super) struct Awaited {
    prepared: EncodedText,
    pending: Vec<Pending>,
    deadline: Instant,
}

/// A text that was read by the model.
pub(super) struct Item {
    prepared: EncodedText,
    /// A row for each encoding.
    logits: Vec<Logits>,
}

/// Where the time of a request went.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Timings {
    tokenization: Duration,
    /// Until its first text was in a pass.
    queue: Duration,
    /// From then until its last one was done.
    inference: Duration,
}

/// Texts of so many bytes in all are tokenised where they are, in well under a millisecond; more would hold other requests
/// up.
pub(super) const INLINE_BYTES: usize = 16 << 10;

/// Has the texts of a request classified.
///
/// # Errors
/// [`HttpError`] when none of them can be.
pub(super) async fn infer(admitted: &Admitted, job: Job) -> Result<Inferred, HttpError> {
    let Job { model, inputs, granularity, lane, deadline, truncate } = job;
    let limits = &admitted.service().limits;
    let (texts, limit) = (inputs.len(), limits.max_client_batch_size);
    if texts > limit {
        return Err(HttpError::TooManyTexts { texts, limit });
    }
    let inputs = inputs.into_iter().map(|input| within(input, limits.max_text_bytes)).collect();
    let started = Instant::now();
    let prepared = tokenize(admitted, &model, inputs, granularity, truncate).await?;
    let tokenized = Instant::now();
    model.metrics.tokenization_seconds.observe((tokenized - started).as_secs_f64());

    let encodings = prepared.iter().flatten().flat_map(EncodedText::encodings).map(Arc::clone).collect();
    let work = Work { model: model.number, encodings, lane, deadline };
    let pending = admitted.loaded().scheduler.submit(work)?;
    let answers = join_all(pending.into_iter().map(|pending| pending.answer()));
    let answers = tokio::time::timeout_at(deadline.into(), answers).await;
    let mut answers = answers.map_err(|_| HttpError::DeadlinePassed)?.into_iter();

    let mut computed: Option<(Instant, Instant)> = None;
    let mut items = Vec::with_capacity(prepared.len());
    for prepared in prepared {
        let prepared = match prepared {
            Ok(prepared) => prepared,
            Err(error) => {
                items.push(Err(error));
                continue;
            }
        };
        let of_text: Vec<_> = answers.by_ref().take(prepared.encodings().count()).collect();
        items.push(match of_text.into_iter().collect::<Result<Vec<PassResult>, Failure>>() {
            Err(failure @ (Failure::DeadlinePassed | Failure::Stopped)) => return Err(failure.into()),
            Err(failure) => Err(failure.into()),
            Ok(answers) => {
                computed = answers.iter().fold(computed, |computed, answer| around(computed, answer.computed));
                Ok(Item { prepared, logits: answers.into_iter().map(|answer| answer.logits).collect() })
            }
        });
    }
    let (first, last) = computed.unwrap_or((tokenized, tokenized));
    let timings = Timings { tokenization: tokenized - started, queue: first - tokenized, inference: last - first };
    let inferred = Inferred { model, items, timings };
    inferred.count();
    Ok(inferred)
}

/// Makes tokens of one text.
///
/// # Errors
/// [`ItemError`] when it is none that the model can read.
pub(super) async fn prepare_one(
    admitted: &Admitted,
    model: &Arc<ServedModel>,
    input: Input,
    granularity: Granularity,
) -> Result<EncodedText, ItemError> {
    let input = within(input, admitted.service().limits.max_text_bytes);
    let started = Instant::now();
    let prepared = tokenize(admitted, model, vec![input], granularity, true).await.map_err(|_| Failure::Panicked)?;
    model.metrics.tokenization_seconds.observe(started.elapsed().as_secs_f64());
    prepared.into_iter().next().expect("the one text, or why it cannot be read")
}

/// Has one text wait for its pass.
///
/// # Errors
/// [`Refusal`], at once.
pub(super) fn submit_one(
    admitted: &Admitted,
    model: &ServedModel,
    prepared: &EncodedText,
    lane: Lane,
    deadline: Instant,
) -> Result<Awaited, Refusal> {
    let encodings = prepared.encodings().map(Arc::clone).collect();
    let work = Work { model: model.number, encodings, lane, deadline };
    let pending = admitted.loaded().scheduler.submit(work)?;
    Ok(Awaited { prepared: prepared.clone(), pending, deadline })
}

impl Awaited {
    /// Waits for the answer.
    ///
    /// # Errors
    /// [`Failure`] when there is none before the deadline.
    pub(super) async fn item(self, metrics: &ModelMetrics) -> Result<Item, Failure> {
        let answers = try_join_all(self.pending.into_iter().map(Pending::answer));
        let answers = tokio::time::timeout_at(self.deadline.into(), answers).await;
        let answers = answers.unwrap_or(Err(Failure::DeadlinePassed))?;
        let logits = answers.into_iter().map(|answer| answer.logits).collect();
        let item = Item { prepared: self.prepared, logits };
        item.count(metrics);
        Ok(item)
    }
}

fn within(input: Input, limit: usize) -> Input {
    let text = input?;
    let bytes = text.as_str().len();
    if bytes > limit { Err(TextError::TooLarge { bytes, limit }.into()) } else { Ok(text) }
}

/// The span that covers both.
fn around(span: Option<(Instant, Instant)>, other: Option<(Instant, Instant)>) -> Option<(Instant, Instant)> {
    match (span, other) {
        (Some((start, end)), Some((other_start, other_end))) => Some((start.min(other_start), end.max(other_end))),
        (span, other) => span.or(other),
    }
}

async fn tokenize(
    admitted: &Admitted,
    model: &Arc<ServedModel>,
    inputs: Vec<Input>,
    granularity: Granularity,
    truncate: bool,
) -> Result<Vec<Result<EncodedText, ItemError>>, HttpError> {
    let bytes: usize = inputs.iter().flatten().map(|text| text.as_str().len()).sum();
    // More may not wait at a time, so that more need not be made.
    let most_tokens = admitted.loaded().scheduler.max_queue_tokens();
    if bytes <= INLINE_BYTES {
        return Ok(prepare(model, inputs, granularity, truncate, most_tokens));
    }
    let model = Arc::clone(model);
    web::block(move || prepare(&model, inputs, granularity, truncate, most_tokens))
        .await
        .map_err(|_| HttpError::Panicked)
}

fn prepare(
    model: &ServedModel,
    inputs: Vec<Input>,
    granularity: Granularity,
    truncate: bool,
    most_tokens: usize,
) -> Vec<Result<EncodedText, ItemError>> {
    let mut left = most_tokens;
    let prepare = |input: Input| {
        let prepared = model.pipeline.encode_text(&input?, granularity, left)?;
        left = left.saturating_sub(prepared.tokens());
        if prepared.is_truncated() && !truncate {
            return Err(ItemError::TooLong { window: model.pipeline.max_length() });
        }
        Ok(prepared)
    };
    inputs.into_iter().map(prepare).collect()
}

impl Inferred {
    fn count(&self) {
        let metrics = &self.model.metrics;
        self.items.iter().flatten().for_each(|item| item.count(metrics));
    }

    /// Tokens that the model read.
    pub(super) fn tokens(&self) -> usize {
        self.items.iter().flatten().map(|item| item.prepared.tokens()).sum()
    }

    /// Texts that were cut.
    pub(super) fn truncated(&self) -> usize {
        self.items.iter().flatten().filter(|item| item.prepared.is_truncated()).count()
    }

    /// The texts, all of them: for protocols that know no errors of items.
    ///
    /// # Errors
    /// The first item's that failed.
    pub(super) fn all(self) -> Result<(Arc<ServedModel>, Vec<Item>), HttpError> {
        let alone = self.items.len() == 1;
        let of_request = |(index, item): (usize, Result<Item, ItemError>)| {
            item.map_err(|error| error.of_request((!alone).then_some(index)))
        };
        let items = self.items.into_iter().enumerate().map(of_request).collect::<Result<_, _>>()?;
        Ok((self.model, items))
    }

    /// Adds the headers that say where the time went, and how many texts were cut.
    pub(super) fn describe(&self, response: &mut HttpResponseBuilder) {
        let Timings { tokenization, queue, inference } = self.timings;
        response.insert_header(("x-tokenization-time", milliseconds(tokenization)));
        response.insert_header(("x-queue-time", milliseconds(queue)));
        response.insert_header(("x-inference-time", milliseconds(inference)));
        if self.truncated() > 0 {
            response.insert_header(("x-truncated-texts", self.truncated()));
        }
    }

    /// Time in the encoder.
    pub(super) fn inference_time(&self) -> Duration {
        self.timings.inference
    }
}

/// As the timing headers give it.
pub(super) fn milliseconds(duration: Duration) -> String {
    format!("{:.3}", duration.as_secs_f64() * 1e3)
}

impl Item {
    fn count(&self, metrics: &ModelMetrics) {
        metrics.texts.inc();
        metrics.tokens.inc_by(self.prepared.tokens() as u64);
        metrics.truncated.inc_by(u64::from(self.prepared.is_truncated()));
    }

    /// The prediction of a text that was read as one.
    pub(super) fn prediction(&self, model: &ServedModel) -> Prediction {
        let encoding = self.prepared.encodings().next().expect("every text has tokens");
        model.pipeline.prediction(encoding, &self.logits[0])
    }

    /// What was asked of the text.
    pub(super) fn answer(self, model: &ServedModel) -> finsent_model::Classification {
        model.pipeline.classification(self.prepared, &self.logits)
    }

    /// Each label with its score by this activation, or the model's own, the highest first.
    pub(super) fn sorted_scores<'a>(
        &self,
        model: &'a ServedModel,
        activation: Option<Activation>,
    ) -> Vec<(&'a str, f32)> {
        let activation = activation.unwrap_or(model.pipeline.activation());
        let labels = model.pipeline.labels().labels().iter().map(String::as_str);
        let mut scores: Vec<(&str, f32)> = labels.zip(activation.probabilities(&self.logits[0])).collect();
        scores.sort_by(|a, b| b.1.total_cmp(&a.1));
        scores
    }
}
