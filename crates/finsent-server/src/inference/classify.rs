//! The texts of one request, classified together.

use std::sync::Arc;
use std::time::{Duration, Instant};

use actix_web::HttpResponseBuilder;
use finsent_model::{EncodedText, Granularity};
use futures_util::future::join_all;

use super::scored_text::ScoredText;
use super::timings::{ComputeSpan, Timings, milliseconds};
use super::tokenize::{TokenizeOptions, memory_of, tokenize};
use crate::error::HttpError;
use crate::request::{Admitted, ItemError, MemoryPermit, TextInput};
use crate::scheduler::{EncodingOutput, Failure, Flow, Lane, Pending, Work};
use crate::served_model::ServedModel;
use crate::traces::Counts;

/// What to classify, and how.
pub(crate) struct ClassifyRequest {
    pub(crate) model: Arc<ServedModel>,
    pub(crate) inputs: Vec<TextInput>,
    /// The memory of the inputs.
    pub(crate) memory: MemoryPermit,
    pub(crate) lane: Lane,
    pub(crate) deadline: Instant,
    pub(crate) granularity: Granularity,
    /// Whether HTML is left out of the texts.
    pub(crate) unescape_html: bool,
    /// Whether a text that is longer than the window is cut, or fails.
    pub(crate) truncate: bool,
}

impl ClassifyRequest {
    /// Each text as a whole, with interactive priority.
    pub(crate) fn of_texts(
        model: Arc<ServedModel>,
        (inputs, memory): (Vec<TextInput>, MemoryPermit),
        deadline: Instant,
        truncate: bool,
    ) -> Self {
        Self {
            model,
            inputs,
            memory,
            granularity: Granularity::Text,
            unescape_html: false,
            lane: Lane::Interactive,
            deadline,
            truncate,
        }
    }
}

/// What a text takes besides its bytes: its place in lists, its reply, its prediction.
const BYTES_PER_TEXT: usize = 256;
/// The answer for up to this many encodings is written on the worker's thread, as short bodies are parsed there.
pub(crate) const INLINE_ENCODINGS: usize = 100;

/// The results of a request.
pub(crate) struct ClassifyResponse {
    pub(crate) model: Arc<ServedModel>,
    /// One per input, in their order.
    pub(crate) items: Vec<Result<ScoredText, ItemError>>,
    /// The memory of the items.
    pub(crate) memory: MemoryPermit,
    timings: Timings,
}

/// Classifies the texts of a request.
///
/// # Errors
/// [`HttpError`] if the request fails as a whole.
pub(crate) async fn classify(admitted: &Admitted, request: ClassifyRequest) -> Result<ClassifyResponse, HttpError> {
    let ClassifyRequest { model, inputs, mut memory, granularity, unescape_html, lane, deadline, truncate } = request;
    let limit = admitted.service().limits.max_client_batch_size;
    if inputs.len() > limit {
        return Err(HttpError::TooManyTexts { limit });
    }
    memory.grow(inputs.len() * BYTES_PER_TEXT)?;
    let started = Instant::now();
    let options = TokenizeOptions { granularity, unescape_html, truncate };
    let encoded = tokenize(admitted, &model, inputs, options).await?;
    let tokenized = Instant::now();
    model.metrics.tokenization_seconds.observe((tokenized - started).as_secs_f64());
    let trace = admitted.trace();
    if let Some(trace) = &trace {
        trace.tokenized((started, tokenized), counts(&encoded));
    }

    memory.grow(encoded.iter().flatten().map(memory_of).sum())?;
    let encodings = encoded.iter().flatten().flat_map(EncodedText::encodings).map(Arc::clone).collect();
    let work = Work { model: model.backend(), encodings, lane, deadline, flow: Flow::default(), is_cached: true };
    let pending = admitted.loaded().scheduler.submit(work)?;
    let outputs = join_all(pending.into_iter().map(Pending::output));
    let outputs = tokio::time::timeout_at(deadline.into(), outputs).await;
    let outputs = outputs.map_err(|_| HttpError::DeadlinePassed)?;

    if let Some(trace) = &trace {
        trace.computed(tokenized, outputs.iter().flatten());
    }
    let mut span = ComputeSpan::default();
    let items = collect_items(encoded, outputs, &mut span)?;
    let response = ClassifyResponse { model, items, memory, timings: span.timings(started, tokenized) };
    response.count();
    Ok(response)
}

fn counts(encoded: &[Result<EncodedText, ItemError>]) -> Counts {
    let readable = || encoded.iter().flatten();
    let (texts, tokens) = (encoded.len(), readable().map(EncodedText::tokens).sum());
    Counts { texts, failed: texts - readable().count(), tokens, cached: 0 }
}

/// Gives each text the outputs of its encodings.
fn collect_items(
    encoded: Vec<Result<EncodedText, ItemError>>,
    outputs: Vec<Result<EncodingOutput, Failure>>,
    span: &mut ComputeSpan,
) -> Result<Vec<Result<ScoredText, ItemError>>, HttpError> {
    let mut outputs = outputs.into_iter();
    let mut items = Vec::with_capacity(encoded.len());
    for encoded in encoded {
        let encoded = match encoded {
            Ok(encoded) => encoded,
            Err(error) => {
                items.push(Err(error));
                continue;
            }
        };
        // All outputs of the text are taken, also after a failure: the next text's follow them.
        let of_text: Vec<_> = outputs.by_ref().take(encoded.encodings().count()).collect();
        items.push(match of_text.into_iter().collect::<Result<Vec<EncodingOutput>, Failure>>() {
            Err(failure @ (Failure::DeadlinePassed | Failure::Stopped)) => return Err(failure.into()),
            Err(failure) => Err(failure.into()),
            Ok(outputs) => {
                outputs.iter().for_each(|output| span.add(output));
                Ok(ScoredText { encoded, logits: outputs.into_iter().map(|output| output.logits).collect() })
            }
        });
    }
    Ok(items)
}

impl ClassifyResponse {
    fn count(&self) {
        self.items.iter().flatten().for_each(|item| item.count(&self.model));
    }

    /// Tokens that the model read.
    pub(crate) fn tokens(&self) -> usize {
        self.items.iter().flatten().map(|item| item.encoded.tokens()).sum()
    }

    /// Encodings that the model read.
    pub(crate) fn encodings(&self) -> usize {
        self.items.iter().flatten().map(ScoredText::encodings).sum()
    }

    fn truncated_texts(&self) -> usize {
        self.items.iter().flatten().filter(|item| item.encoded.is_truncated()).count()
    }

    /// Time in the encoder.
    pub(crate) fn inference_time(&self) -> Duration {
        self.timings.inference
    }

    /// All texts, for protocols without errors per text.
    ///
    /// # Errors
    /// That of the first text that failed. It has the index of the text, unless there is only one.
    pub(crate) fn into_all(self) -> Result<(Arc<ServedModel>, Vec<ScoredText>, MemoryPermit), HttpError> {
        let is_one = self.items.len() == 1;
        let into_scored = |(index, item): (usize, Result<ScoredText, ItemError>)| {
            item.map_err(|error| error.into_request_error((!is_one).then_some(index)))
        };
        let items = self.items.into_iter().enumerate().map(into_scored).collect::<Result<_, _>>()?;
        Ok((self.model, items, self.memory))
    }

    /// Adds the headers with the timings and the number of truncated texts.
    pub(crate) fn add_headers(&self, response: &mut HttpResponseBuilder) {
        let Timings { tokenization, queue, inference } = self.timings;
        response.insert_header(("x-tokenization-time", milliseconds(tokenization)));
        response.insert_header(("x-queue-time", milliseconds(queue)));
        response.insert_header(("x-inference-time", milliseconds(inference)));
        if self.truncated_texts() > 0 {
            response.insert_header(("x-truncated-texts", self.truncated_texts()));
        }
    }
}
