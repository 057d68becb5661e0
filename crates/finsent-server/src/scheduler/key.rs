//! What identifies an encoding in the queue and in the cache.

use std::sync::Arc;

use finsent_model::Encoding;

/// A model, by its index, and everything that its encoder reads of a text. It is compared whole, not by a hash: two
/// encodings with equal keys have equal logits.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct EncodingKey {
    pub(super) model: usize,
    encoding: Arc<Encoding>,
}

impl EncodingKey {
    pub(super) fn new(model: usize, encoding: Arc<Encoding>) -> Self {
        Self { model, encoding }
    }

    pub(super) fn encoding(&self) -> &Encoding {
        &self.encoding
    }

    pub(super) fn tokens(&self) -> usize {
        self.encoding.len()
    }
}
