//! From text to prediction, against transformers, candle-transformers and itself.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on should fail there")]

mod architectures;
mod byte_level;
mod candle;
mod checkpoints;
mod documents;
mod packing;
mod parity;
mod pickles;
mod precisions;
mod published;
mod reference;
mod sentences;
mod word_piece;
