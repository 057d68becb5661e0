//! What is submitted to the scheduler, and what comes back.

use std::sync::Arc;
use std::time::{Duration, Instant};

use finsent_model::{ClassifyError, Encoding};
use thiserror::Error;
use tokio::sync::oneshot;

use super::backend::{BackendModel, Logits};
use super::fair_queue::Lane;
use super::flow::Flow;

/// How much the scheduler accepts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SchedulerLimits {
    /// The most tokens in one batch. Several workers divide them. A longer text is a batch of its own.
    pub max_batch_tokens: usize,
    /// The most tokens that may wait.
    pub max_queue_tokens: usize,
    /// Texts whose logits are cached; 0 turns the cache off.
    pub cache_entries: usize,
}

/// The encodings of one request.
#[derive(Debug)]
pub(crate) struct Work {
    /// The model to compute with.
    pub(crate) model: Arc<BackendModel>,
    /// What to compute.
    pub(crate) encodings: Vec<Arc<Encoding>>,
    /// The priority.
    pub(crate) lane: Lane,
    /// After this time the client no longer needs the result.
    pub(crate) deadline: Instant,
    /// What the encodings belong to.
    pub(crate) flow: Flow,
    /// Whether the logits are remembered for identical texts.
    pub(crate) is_cached: bool,
}

/// Why a request was not accepted.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum Refusal {
    /// The queue is full, or its work would take longer than the request's deadline allows.
    #[error("the queue is full")]
    Full {
        /// When a new attempt may succeed.
        retry_after: Duration,
    },
    /// The request is larger than the whole queue, so it will never be accepted.
    #[error("the request has {tokens} tokens, and at most {limit} may wait at a time; send its texts in parts")]
    TooLarge {
        /// Tokens of the request.
        tokens: usize,
        /// Tokens that may wait.
        limit: usize,
    },
    /// The inference engine has stopped.
    #[error("the inference engine has stopped")]
    Stopped,
}

/// Why an accepted encoding has no result.
#[derive(Debug, Clone, Error)]
#[non_exhaustive]
pub enum Failure {
    /// The deadline passed before it was computed.
    #[error("the deadline has passed")]
    DeadlinePassed,
    /// The encoder returned an error.
    #[error(transparent)]
    Compute(Arc<ClassifyError>),
    /// The encoder panicked, which is a bug.
    #[error("an unexpected error occurred while computing the prediction")]
    Panicked,
    /// The inference engine has stopped.
    #[error("the inference engine has stopped")]
    Stopped,
}

/// The result for one encoding.
#[derive(Debug, Clone)]
pub(crate) struct EncodingOutput {
    /// The encoder's output.
    pub(crate) logits: Logits,
    /// The batch that it was in; `None` if the logits come from the cache.
    pub(crate) computed: Option<Computed>,
}

/// A batch that was computed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Computed {
    /// Its number.
    pub(crate) batch: u64,
    pub(crate) started: Instant,
    pub(crate) ended: Instant,
    /// Texts in it, those of other requests included.
    pub(crate) texts: usize,
    pub(crate) tokens: usize,
}

pub(super) type Reply = Result<EncodingOutput, Failure>;

/// A result that is there or will be. Dropping it cancels the work, unless others wait for the same encoding.
#[derive(Debug)]
pub(crate) enum Pending {
    /// The cache had the logits.
    Ready(EncodingOutput),
    /// The encoding is in the queue or in a batch.
    Queued(oneshot::Receiver<Reply>),
}

impl Pending {
    /// Waits for the result.
    ///
    /// # Errors
    /// [`Failure`] if there will be none.
    pub(crate) async fn output(self) -> Reply {
        match self {
            Self::Ready(output) => Ok(output),
            Self::Queued(reply) => reply.await.unwrap_or(Err(Failure::Stopped)),
        }
    }

    /// Waits for the result and blocks the thread meanwhile, for callers without an async runtime.
    ///
    /// # Errors
    /// [`Failure`] if there will be none.
    pub(crate) fn wait(self) -> Reply {
        match self {
            Self::Ready(output) => Ok(output),
            Self::Queued(reply) => reply.blocking_recv().unwrap_or(Err(Failure::Stopped)),
        }
    }
}
