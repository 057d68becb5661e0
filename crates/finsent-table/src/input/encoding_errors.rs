//! What becomes of bytes that are not in the encoding that is read.

use std::borrow::Cow;

use crate::item_error::{NotUtf8, utf8};

/// What becomes of bytes that are not UTF-8.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum EncodingErrors {
    /// Their row fails alone, unless many of the first rows have some: then the file has another encoding and is refused.
    #[default]
    ByEvidence,
    /// They end the run.
    Strict,
    /// They are read as U+FFFD.
    Replace,
    /// Their row fails alone.
    Row,
}

impl EncodingErrors {
    /// `bytes` as a string, and what is wrong with it unless that is ignored.
    pub(super) fn decode(self, bytes: &[u8]) -> (Cow<'_, str>, Option<NotUtf8>) {
        match utf8(bytes) {
            Ok(text) => (Cow::Borrowed(text), None),
            Err(error) => (String::from_utf8_lossy(bytes), (self != Self::Replace).then_some(error)),
        }
    }
}
