//! How much of a text is tokenized at once.

/// The most bytes to tokenize at once: the library needs some hundred bytes of memory per word. Unit tests have texts of
/// many pieces.
pub(super) const PIECE: usize = if cfg!(test) { 8 << 10 } else { 64 << 10 };
