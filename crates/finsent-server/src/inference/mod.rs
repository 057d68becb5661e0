//! From the texts of a request to their logits: tokenize, submit to the scheduler, wait.

mod classify;
mod explain;
mod scored_text;
mod single;
mod timings;
mod tokenize;
mod tokens;

pub(crate) use self::classify::{ClassifyRequest, ClassifyResponse, INLINE_ENCODINGS, classify};
pub(crate) use self::explain::{ExplainRequest, explain};
pub(crate) use self::scored_text::ScoredText;
pub(crate) use self::single::{PendingText, submit_text, tokenize_text};
pub(crate) use self::timings::milliseconds;
pub(crate) use self::tokenize::memory_of;
pub(crate) use self::tokens::{TokenizedText, tokens};
