//! What shares the engine fairly with others: a request, or a whole stream.

use std::sync::{Arc, Mutex, PoisonError};

use super::fair_queue::Places;

/// The place of the last text that was queued for a request or a stream. The next text of the same stream comes after it,
/// so that a stream has the share of one request, however many of its lines wait.
#[derive(Debug, Clone, Default)]
pub(crate) struct Flow(Arc<Mutex<Places>>);

impl Flow {
    pub(super) fn last(&self) -> Places {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn advance_to(&self, places: Places) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = places;
    }
}
