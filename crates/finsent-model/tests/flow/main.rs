//! From text to prediction, compared with transformers, candle-transformers and itself.
#![expect(clippy::unwrap_used, reason = "a test should fail where it cannot continue")]

mod architectures;
mod byte_level;
mod candle;
mod checkpoint_forms;
mod checkpoints;
mod deberta;
mod documents;
mod explanations;
mod modern_bert;
mod outcomes;
mod packing;
mod parity;
mod pickles;
mod precisions;
mod published;
mod reference;
mod relative_positions;
mod sentences;
mod tokenizer_fields;
mod tokenizer_settings;
mod unigram;
mod word_piece;
mod workers;
