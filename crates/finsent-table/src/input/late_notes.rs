//! Notes about the input that exist only once it is read.

use std::sync::Arc;

use super::read_stats::ReadStats;

/// What the readers notice after the first rows. It outlives them, and is complete at the end of the input.
#[derive(Debug, Clone, Default)]
pub struct LateNotes(pub(super) Arc<ReadStats>);

impl LateNotes {
    /// What is to be told, one line each.
    pub fn lines(&self) -> Vec<String> {
        self.0.oddities().notes()
    }
}
