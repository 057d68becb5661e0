//! What identifies an encoding in the queue and in the cache.

use std::sync::Arc;

use finsent_model::Encoding;

use super::backend::ModelId;

/// A model, and everything that its encoder reads of a text. It is compared whole, not by a hash: two
/// encodings with equal keys have equal logits.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct EncodingKey {
    pub(super) model: ModelId,
    encoding: Arc<Encoding>,
}

impl EncodingKey {
    pub(super) fn new(model: ModelId, encoding: Arc<Encoding>) -> Self {
        Self { model, encoding }
    }

    pub(super) fn encoding(&self) -> &Encoding {
        &self.encoding
    }

    pub(super) fn tokens(&self) -> usize {
        self.encoding.len()
    }
}
