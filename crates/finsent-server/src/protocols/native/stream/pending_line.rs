//! A line on its way from the reader to the writer.

use std::sync::Arc;
use std::time::Duration;

use finsent_model::Granularity;
use tokio::sync::OwnedSemaphorePermit;

use super::line_fields::LineFields;
use crate::inference::PendingText;
use crate::request::MemoryPermit;
use crate::scheduler::{Flow, Lane};
use crate::served_model::ServedModel;

/// How the texts of a stream are classified.
pub(super) struct StreamOptions {
    pub(super) model: Arc<ServedModel>,
    pub(super) granularity: Granularity,
    /// Whether HTML is left out of the texts.
    pub(super) unescape_html: bool,
    pub(super) lane: Lane,
    /// All lines together have the share of one request.
    pub(super) flow: Flow,
    /// Time that each answer may take from when its line was read, if the client limits it.
    pub(super) time_limit: Option<Duration>,
    /// Whether the other fields of a line go out again.
    pub(super) passes_fields_on: bool,
}

/// A line that was read and is not answered yet.
pub(super) struct PendingLine {
    pub(super) number: u64,
    pub(super) fields: LineFields,
    /// The text that is being classified, or the error of the line.
    pub(super) text: Result<PendingText, String>,
    /// Released when the line has been answered.
    pub(super) _permits: Option<LinePermits>,
}

/// The line's part of what its stream may hold in memory.
pub(super) struct LinePermits {
    pub(super) _bytes: OwnedSemaphorePermit,
    pub(super) _tokens: Option<OwnedSemaphorePermit>,
    /// For the encodings of a document.
    pub(super) _memory: Option<MemoryPermit>,
}
