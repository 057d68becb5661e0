//! A file that is open, before its rows are of one type for all formats.

use std::sync::Arc;

/// A reader of one format, when it is open.
pub(super) struct Opened<R> {
    pub(super) rows: R,
    pub(super) columns: Vec<Arc<str>>,
    /// What is to be told about how it is read.
    pub(super) notes: Vec<String>,
    /// How it is read, if that is not plain: a run can be resumed only in the same way.
    pub(super) how: String,
}
